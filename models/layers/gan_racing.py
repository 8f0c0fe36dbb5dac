"""The race's rig: up to eight kinds of GAN, several seeds each, on the same data with the same noise.

Letters: A variants, S seeds, V = A·S GANs (seeds fastest), B batch, Z noise numbers, N recorded samples.

Every use of chance is a function of seed and step alone, and the same for all variants: seed s of every variant begins
with the same players, sees the same data and the same noise. So variants are compared in pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.experiment import Checkpoint, Note, Snapshot, Value
from models.layers.gan_kinds import VARIANTS, Variant
from models.layers.gan_stack import Stack, StackedAdam, StackedSpectral, load, losses_of_d, losses_of_g, slopes
from models.layers.resumable import Capturable
from models.layers.rows import Rows
from models.metrics.comparison import band
from models.metrics.coverage import coverage
from models.metrics.distances import EnergyDistance
from models.running import device, power_after, stream

if TYPE_CHECKING:
    from models.gan_race import GanRace

POINTS = 12_000
SAMPLES, SHOWN = 1000, 300
"""Samples of each GAN that are measured, and those of the first seed that are drawn."""
COMPARED = 500
RATIO = 1.3
LOST = "{count} of {total} GANs of “{variant}” diverged by step {step}."


def fresh_distance(knobs: GanRace) -> float:
    """The energy distance that 97.5 % of fresh samples of the data stay below, at the size that is compared."""
    data, random = knobs.plane(), torch.Generator().manual_seed(0)
    judge = EnergyDistance(data.sample(COMPARED, random))
    return float(np.quantile([judge(data.sample(COMPARED, random)) for _draw in range(200)], 0.975))


def evaluation_after(step: int) -> int:
    """The next step, later than `step`, at which all GANs are measured: 1.3ⁿ from 20 on."""
    return power_after(step, RATIO, 11)


class Race(Capturable["GanRace"]):
    """All players, their optimizers and data: everything that a training step touches."""

    def __init__(self, knobs: GanRace, block: int = 1000) -> None:
        self.knobs, self.where = knobs, device()
        self.variants = [VARIANTS[name] for name in knobs.names]
        self.count, seeds = len(self.variants), knobs.seeds
        self.nets = self.count * seeds
        data = knobs.plane()
        self.reach, self.modes = data.reach, (data.modes, data.mode_sigma)
        self.data_SN2 = torch.stack(
            [data.sample(POINTS, stream(knobs.seed, f"data {s}")) / self.reach for s in range(seeds)]
        ).to(self.where)
        if self.draws_itself:
            self.random = stream(knobs.seed, "noise", self.where)
        hidden = [knobs.width] * knobs.depth
        self.g = Stack([knobs.noise_dim, *hidden, 2], self._randoms("G"), self.where)
        self.d = Stack([2, *hidden, 1], self._randoms("D"), self.where)
        lr_V = torch.full((self.nets,), knobs.lr, device=self.where)
        self.optimizers = {"g": StackedAdam(self.g.flat_VP, lr_V), "d": StackedAdam(self.d.flat_VP, lr_V)}
        self.average_VP = self.g.flat_VP.clone()
        rows = torch.tensor([variant.spectral for variant in self.variants]).repeat_interleave(seeds).to(self.where)
        self.spectral = StackedSpectral(self.d, rows, stream(knobs.seed, "spectral")) if bool(rows.any()) else None
        self.begin_step(block)
        self.lost: dict[str, int] = {}
        self.found: dict[str, np.ndarray] = {}
        self.energies = [EnergyDistance(data.sample(COMPARED, stream(knobs.seed, f"judge {s}"))) for s in range(seeds)]
        self.probe_SNZ = torch.stack([self._noise(SAMPLES, stream(knobs.seed, f"probe {s}")) for s in range(seeds)])
        self.probe_SNZ = self.probe_SNZ.to(self.where)

    def begin_step(self, block: int) -> None:
        """What a step reads and writes beside the players, at places that stay."""
        knobs, seeds = self.knobs, self.knobs.seeds
        self.sign_2B = torch.ones(2 * knobs.batch_size, device=self.where)
        self.sign_2B[knobs.batch_size :] = -1
        strength = torch.tensor([variant.noise for variant in self.variants])
        self.strength_V11 = strength.repeat_interleave(seeds)[:, None, None].to(self.where)
        size = knobs.batch_size
        shapes = {
            "real": (size, 2),
            "noise_d": (size, knobs.noise_dim),
            "noise_g": (size, knobs.noise_dim),
            "share": (size, 1),
        }
        self.drawn = {name: torch.zeros(seeds, *shape, device=self.where) for name, shape in shapes.items()}
        """What chance gives each seed at a step, the same for all variants."""
        self.blur_2B2 = torch.zeros(2 * size, 2, device=self.where)
        self.rows = Rows(block, 2, self.nets, where=self.where)
        self.launches = {}

    def _randoms(self, player: str) -> list[torch.Generator]:
        """Seed s begins with the same player whatever the variant."""
        return [stream(self.knobs.seed, f"{player} {s}") for _variant in self.variants for s in range(self.knobs.seeds)]

    def _noise(self, count: int, random: torch.Generator) -> Tensor:
        return torch.randn(count, self.knobs.noise_dim, generator=random)

    @property
    def draws_itself(self) -> bool:
        """Whether a step draws its own chance, where it runs: a GPU would wait for what the CPU draws and sends."""
        return self.where.type == "cuda"

    def draw(self) -> None:
        """What `prepare` draws, from one stream for all seeds."""
        index_SB1 = torch.randint(POINTS, (*self.drawn["real"].shape[:2], 1), generator=self.random, device=self.where)
        self.drawn["real"].copy_(self.data_SN2.gather(1, index_SB1.expand(-1, -1, 2)))
        self.drawn["noise_d"].normal_(generator=self.random)
        self.drawn["noise_g"].normal_(generator=self.random)
        self.drawn["share"].uniform_(generator=self.random)
        if self.blurs:
            self.blur_2B2.normal_(generator=self.random)

    def prepare(self, step: int) -> None:
        """Draw what the update that leads from `step` to `step + 1` leaves to chance: each seed from its own stream."""
        knobs, size = self.knobs, self.knobs.batch_size
        found: dict[str, list[Tensor]] = {name: [] for name in self.drawn}
        for s in range(knobs.seeds):
            random = stream(knobs.seed, f"batch {s} {step}")
            found["real"].append(self.data_SN2[s][torch.randint(POINTS, (size,), generator=random)])
            found["noise_d"].append(self._noise(size, random))
            found["noise_g"].append(self._noise(size, random))
            found["share"].append(torch.rand(size, 1, generator=random))
        for name, parts in found.items():
            self.drawn[name].copy_(torch.stack(parts))
        if self.blurs:
            self.blur_2B2.copy_(torch.randn(self.blur_2B2.shape, generator=stream(knobs.seed, f"blur {step}")))

    def each(self) -> list[tuple[Variant, slice]]:
        """Every variant with its rows."""
        seeds = self.knobs.seeds
        return [(variant, slice(a * seeds, (a + 1) * seeds)) for a, variant in enumerate(self.variants)]

    def iterate(self, step: int) -> None:
        """One training step, from `step` to `step + 1`."""
        if not self.draws_itself:
            self.prepare(step)
        self.run(True, self._advance)

    def _advance(self) -> None:
        """One update of every D, then one of every G; their losses wait for `told`."""
        if self.draws_itself:
            self.draw()
        real_VB2, noise_d, noise_g, share_VB1 = (part.repeat(self.count, 1, 1) for part in self.drawn.values())
        with torch.no_grad():
            fake_VB2 = self.g(noise_d)
        loss_d = self.update_d(real_VB2, fake_VB2, share_VB1)
        loss_g = self.update_g(real_VB2, noise_g)
        self.rows.write(torch.stack((loss_d, loss_g)))
        for variant, rows in self.each():
            if variant.ema:
                self.average_VP[rows].lerp_(self.g.flat_VP[rows], 1 - variant.ema)
            else:
                self.average_VP[rows] = self.g.flat_VP[rows]

    def used(self, flat_VP: Tensor) -> Tensor:
        return flat_VP if self.spectral is None else self.spectral.used(flat_VP)

    def update_d(self, real_VB2: Tensor, fake_VB2: Tensor, share_VB1: Tensor) -> Tensor:
        """One update of every discriminator; tells their losses (V,), penalties left out."""
        if self.spectral is not None:
            self.spectral.follow()
        raw_VP = self.d.flat_VP.detach().requires_grad_()
        flat_VP = self.used(raw_VP)
        seen_VB2 = self.blurred(torch.cat((real_VB2, fake_VB2), 1))
        logits_V2B = self.d(seen_VB2, flat_VP)[..., 0]
        losses, penalties = [], [raw_VP.new_zeros(())]
        for variant, rows in self.each():
            losses.append(losses_of_d(variant.loss, logits_V2B[rows], self.sign_2B, variant.smoothing))
            penalties.append(self.penalty(variant, flat_VP[rows], real_VB2[rows], fake_VB2[rows], share_VB1[rows]))
        loss_V = torch.cat(losses)
        (gradient_VP,) = torch.autograd.grad(loss_V.sum() + torch.stack(penalties).sum(), raw_VP)
        self.optimizers["d"].step(gradient_VP)
        with torch.no_grad():
            for variant, rows in self.each():
                if variant.clip:
                    self.d.flat_VP[rows].clamp_(-variant.clip, variant.clip)
        return loss_V.detach()

    @property
    def blurs(self) -> bool:
        """Whether any variant has noise on what D sees."""
        return any(variant.noise for variant in self.variants)

    def blurred(self, x_VB2: Tensor) -> Tensor:
        """What D sees: with noise on it for the variants that have some."""
        return x_VB2 + self.strength_V11 * self.blur_2B2 if self.blurs else x_VB2

    def penalty(
        self, variant: Variant, flat_SP: Tensor, real_SB2: Tensor, fake_SB2: Tensor, share_SB1: Tensor
    ) -> Tensor:
        """The penalties on the slope of D of one variant, summed over its seeds."""
        total = flat_SP.new_zeros(())
        for weight, x_SB2 in ((variant.r1, real_SB2), (variant.r2, fake_SB2)):
            if weight:
                total = total + weight / 2 * slopes(self.d, flat_SP, x_SB2).square().sum(-1).mean(1).sum()
        if variant.gp_weight:
            slope_SB2 = slopes(self.d, flat_SP, fake_SB2.lerp(real_SB2, share_SB1))
            norm_SB = (slope_SB2.square().sum(-1) + 1e-12).sqrt()
            total = total + variant.gp_weight * (norm_SB - 1).square().mean(1).sum()
        return total

    def update_g(self, real_VB2: Tensor, noise_VBZ: Tensor) -> Tensor:
        """One update of every generator; tells their losses (V,)."""
        raw_VP = self.g.flat_VP.detach().requires_grad_()
        with torch.no_grad():
            flat_VP = self.used(self.d.flat_VP)
            real_VB = self.d(real_VB2, flat_VP)[..., 0]
        fake_VB = self.d(self.g(noise_VBZ, raw_VP), flat_VP)[..., 0]
        loss_V = torch.cat([losses_of_g(variant.loss, fake_VB[rows], real_VB[rows]) for variant, rows in self.each()])
        (gradient_VP,) = torch.autograd.grad(loss_V.sum(), raw_VP)
        self.optimizers["g"].step(gradient_VP)
        return loss_V.detach()

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Samples (V, N, 2) of the probe noise in the data's own units, of the average of G where one is kept."""
        noise_VNZ = self.probe_SNZ.repeat(self.count, 1, 1)
        return self.g(noise_VNZ, self.average_VP).cpu() * self.reach

    def evaluate(self, step: int) -> dict[str, np.ndarray]:
        """Every GAN's numbers, (A, S) each, and the shown samples of the first seed."""
        samples_VN2 = self.samples()
        modes, sigma = self.modes
        rows = []
        for net, samples_N2 in enumerate(samples_VN2):
            energy = self.energies[net % self.knobs.seeds](samples_N2[:COMPARED])
            found = None if modes is None or sigma is None else coverage(samples_N2, modes, sigma)
            covered = (np.nan, np.nan, np.nan) if found is None else (
                found.modes_covered, found.high_quality, found.reverse_kl
            )  # fmt: skip
            rows.append((energy, *covered))
        table = np.array(rows, np.float32).reshape(self.count, self.knobs.seeds, -1)
        names = ("energy_AS", "modes_AS", "quality_AS", "reverse_kl_AS")
        return {
            **{name: table[..., place] for place, name in enumerate(names)},
            "evaluated": np.array([step], np.int32),
        }

    def columns(self) -> dict[str, float]:
        """The curves' numbers: means over the seeds with Student's interval, for each variant."""
        told: dict[str, float] = {}
        for kind, name in (("energy", "energy_AS"), ("modes", "modes_AS"), ("quality", "quality_AS")):
            values_AS = self.found[name].astype(float)
            if not np.isfinite(values_AS).any():
                continue
            spread = band(values_AS)
            for place, variant in enumerate(self.knobs.names):
                told |= spread.columns(f"{kind}_{variant}", place)
        return told

    def told(self, step: int) -> tuple[dict[str, np.ndarray], list[Note]]:
        """Mean losses of each variant since the last call, and who diverged."""
        loss_T2V = self.rows.read()
        columns, notes = {}, []
        for place, name in enumerate(self.knobs.names):
            rows = slice(place * self.knobs.seeds, (place + 1) * self.knobs.seeds)
            for player, which in (("d", 0), ("g", 1)):
                columns[f"loss_{player}_{name}"] = loss_T2V[:, which, rows].mean(1)
            count = int((~np.isfinite(loss_T2V[-1, :, rows])).any(0).sum())
            if count > self.lost.get(name, 0):
                self.lost[name] = count
                values: dict[str, Value] = {"count": count, "total": self.knobs.seeds, "variant": name, "step": step}
                notes.append(Note(step, "phase", LOST, values))
        return columns, notes

    def snapshot(self, step: int) -> Snapshot:
        """The samples of the first seed of every variant, and the newest numbers."""
        shown = self.samples().view(self.count, self.knobs.seeds, SAMPLES, 2)[:, 0, :SHOWN]
        pictures = {f"samples_{name}": part.numpy().copy() for name, part in zip(self.knobs.names, shown, strict=True)}
        return Snapshot(step, {**pictures, **{name: part.copy() for name, part in self.found.items()}})

    def _tensors(self) -> dict[str, Tensor]:
        held = {"G": self.g.flat_VP, "D": self.d.flat_VP, "average": self.average_VP}
        held |= {f"{p}.{name}": part for p, each in self.optimizers.items() for name, part in each.state().items()}
        return held if self.spectral is None else {**held, "u": self.spectral.u_VI}

    def checkpoint(self, step: int) -> Checkpoint:
        """All that the next step depends on, and the newest numbers."""
        held = {name: tensor.cpu().numpy().copy() for name, tensor in self._tensors().items()}
        found = {f"found/{name}": part.copy() for name, part in self.found.items()}
        lost = np.array([self.lost.get(name, 0) for name in self.knobs.names])
        if self.draws_itself:
            held["noise"] = self.random.get_state().numpy()
        return Checkpoint(step, {**held, **found, "lost": lost})

    def load(self, checkpoint: Checkpoint) -> int:
        """Continue from `checkpoint`; returns its step."""
        arrays = {name: np.array(part) for name, part in checkpoint.arrays.items()}
        load(self._tensors(), {name: torch.from_numpy(part) for name, part in arrays.items()})
        self.found = {name[len("found/") :]: part for name, part in arrays.items() if name.startswith("found/")}
        self.lost = {name: int(count) for name, count in zip(self.knobs.names, arrays["lost"], strict=True)}
        if self.draws_itself:
            fresh = stream(self.knobs.seed, f"noise from {checkpoint.step}", self.where).get_state()
            state = torch.from_numpy(arrays["noise"]) if "noise" in arrays else fresh
            self.random.set_state(state if len(state) == len(fresh) else fresh)
        return checkpoint.step
