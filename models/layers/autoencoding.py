"""An autoencoder in training: networks, optimizer, batches, and one training step.

Letters: B batch, N pictures to learn from, M held-out pictures, X pixels, Z latent numbers, K codes, P parameters.

Which pictures a step sees is a function of seed and step alone: twins see the same ones, and a resumed run needs no
memory of them. Everything a step touches stays at its address on the device, so that it can be captured as one CUDA
graph.
"""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.data.pictures import pictures
from models.layers.elbo import kl_to_prior, log_likelihood, reparameterise, with_free_bits
from models.layers.encoder_decoder import fresh
from models.layers.flat import Flat
from models.layers.latent_models import Continuous, Critic, Discrete, network
from models.layers.latent_picture import Probe, picture
from models.layers.later import Pictured
from models.layers.mlp import Adam
from models.layers.mmd import mmd
from models.layers.quantiser import REVIVED_EVERY
from models.layers.rows import Rows, Told, named
from models.running import device, stream

if TYPE_CHECKING:
    from models.autoencoder import LatentSpace

COLUMNS = ("loss", "reconstruction", "kl", "mmd", "commitment", "critic", "gradient", "beta_effective")
CLIP = 100.0
"""The longest gradient that is applied. Losses are sums over pixels: this only cuts off the first steps' peaks."""
CRITIC_SHARE = 0.25
"""The critic's learning rate beside the others': at equal rates it wins at once, and the decoder learns nothing."""


class Autoencoding(Pictured["LatentSpace"]):
    """Networks, data, optimizer and chance: all that a training step touches."""

    chance = "noise"

    def __init__(self, knobs: LatentSpace, block: int = 1) -> None:
        self.where, self.knobs = device(), knobs
        self.data = pictures(knobs.data)
        weights = stream(knobs.seed, "weights")
        self.model = network(knobs, self.data, weights, self.where)
        self.flat = Flat(self.model.to(self.where), self.where)
        self.optimizer = Adam(self.flat.weights_P, knobs.lr, 0.9)
        self.critic = Critic(self.data.side**2, knobs.width) if knobs.model == "vae_gan" else None
        if self.critic is not None:
            fresh(self.critic, weights)
            self.critic_flat = Flat(self.critic.to(self.where), self.where)
            self.critic_optimizer = Adam(self.critic_flat.weights_P, CRITIC_SHARE * knobs.lr, 0.5)
        self.train_NX, self.label_N = self.data.train_NX.to(self.where), self.data.train_label_N.to(self.where)
        self.size = min(knobs.batch_size, len(self.train_NX))
        self.random = stream(knobs.seed, "noise", self.where)
        self.batches = torch.zeros(len(self.train_NX) // self.size, self.size, dtype=torch.int64, device=self.where)
        self.epoch = -1
        self.cursor = torch.zeros(1, dtype=torch.int64, device=self.where)
        self.beta = torch.zeros((), device=self.where)
        self.due = torch.zeros((), dtype=torch.bool, device=self.where)
        self.rows = Rows(block, len(COLUMNS), where=self.where)
        self.probe = Probe.of(knobs, self.data, self.model.latent, self.where)
        self.prepare(0)
        self._capture()

    def _capture(self) -> None:
        self.advance = self.launch(self._advance)

    def prepare(self, step: int) -> None:
        """Have the batch and β ready for the update that leads from `step` to `step + 1`."""
        epoch, place = divmod(step, len(self.batches))
        if epoch != self.epoch:
            self.epoch = epoch
            order = torch.randperm(len(self.train_NX), generator=stream(self.knobs.seed, f"order {epoch}"))
            self.batches.copy_(order[: self.batches.numel()].view_as(self.batches))
        self.cursor.fill_(place)
        self.beta.fill_(self.knobs.beta_at(step, self.data.side**2))
        self.reviving = self.knobs.revival and step % REVIVED_EVERY == 0 and step > 0
        self.due.fill_(self.reviving)

    def iterate(self, step: int) -> None:
        """One training step, from `step` to `step + 1`."""
        self.prepare(step)
        self.advance()

    def _noise(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.random, device=self.where)

    def _advance(self) -> None:
        row_B = self.batches.index_select(0, self.cursor)[0]
        x_BX, label_B = self.train_NX.index_select(0, row_B), self.label_N.index_select(0, row_B)
        if self.knobs.binary:
            # Fresh coins every time (dynamic binarization): the bound is then one on binary pictures.
            # The same coins as `torch.bernoulli`'s, several times as fast, and drawn before the pixels are known.
            x_BX = torch.rand(x_BX.shape, generator=self.random, device=self.where).lt_(x_BX)
        told = self._quantised(x_BX) if isinstance(self.model, Discrete) else self._continuous(x_BX, label_B)
        self.flat.differentiate(told["loss"])
        with torch.no_grad():
            told["gradient"] = self.flat.clip(CLIP)
            self.optimizer.step(self.flat.gradient_P)
        if self.critic is not None:
            told["critic"] = self._teach_critic(self.critic, x_BX)
        nothing = torch.zeros((), device=self.where)
        with torch.no_grad():
            row = torch.stack([told.get(name, nothing).detach() for name in COLUMNS])
            self.rows.write(row)

    def _continuous(self, x_BX: Tensor, label_B: Tensor) -> dict[str, Tensor]:
        """The loss of AE, VAE, WAE, conditional VAE and VAE-GAN, and its parts, in nats per picture."""
        assert isinstance(self.model, Continuous)
        code = self.model.encode(x_BX, label_B)
        z_BZ = code.mean_BZ
        told: dict[str, Tensor] = {}
        if code.log_variance_BZ is not None:
            z_BZ = reparameterise(z_BZ, code.log_variance_BZ, self._noise(*z_BZ.shape))
        logits_BX = self.model.logits(z_BZ, x_BX, label_B)
        told["reconstruction"] = -self._log_likelihood(x_BX, logits_BX).mean()
        told["loss"] = told["reconstruction"]
        if code.log_variance_BZ is not None:
            kl_Z = kl_to_prior(code.mean_BZ, code.log_variance_BZ).mean(0)
            told |= {"kl": kl_Z.sum(), "beta_effective": self.beta}
            told["loss"] = told["loss"] + self.beta * with_free_bits(kl_Z, self.knobs.free_bits)
        if self.knobs.model == "wae_mmd":
            told["mmd"] = mmd(z_BZ, self._noise(*z_BZ.shape))
            told["loss"] = told["loss"] + self.knobs.mmd_weight * told["mmd"]
        if self.critic is not None:
            told["loss"] = told["loss"] + self.knobs.adversarial * self._please_critic(self.critic, x_BX, logits_BX)
        return told

    def _quantised(self, x_BX: Tensor) -> dict[str, Tensor]:
        assert isinstance(self.model, Discrete)
        encoded_ND = self.model.places(x_BX)
        # A captured step cannot branch: there `due` decides, and looking costs little.
        if self.reviving or self.where.type == "cuda":
            self.model.book.revive(encoded_ND.detach(), self.random, self.due)
        straight_ND, chosen_N = self.model.quantised(encoded_ND)
        reconstruction = -self._log_likelihood(x_BX, self.model.unfold(straight_ND)).mean()
        codes_ND = F.embedding(chosen_N, self.model.book.codes_KD)
        commitment = (encoded_ND - codes_ND).square().sum() / len(x_BX)
        self.model.book.follow(encoded_ND.detach(), chosen_N)
        loss = reconstruction + self.knobs.commitment * commitment
        return {"loss": loss, "reconstruction": reconstruction, "commitment": commitment}

    def _log_likelihood(self, x_BX: Tensor, logits_BX: Tensor) -> Tensor:
        return log_likelihood(self.knobs.likelihood, x_BX, logits_BX, self.model.log_sigma)

    def _please_critic(self, critic: Critic, x_BX: Tensor, logits_BX: Tensor) -> Tensor:
        """Features of the rebuilt picture as in the original, and samples of the prior that pass for real."""
        real, (rebuilt, _logit) = critic(x_BX)[0].detach(), critic(logits_BX.sigmoid())
        self.fake_BX = self.model.decode(self._noise(len(x_BX), self.model.latent)).sigmoid()
        likeness: Tensor = 0.5 * (real - rebuilt).square().sum(1).mean()
        return likeness + F.softplus(-critic(self.fake_BX)[1]).mean()

    def _teach_critic(self, critic: Critic, x_BX: Tensor) -> Tensor:
        fake_BX = self.fake_BX.detach()
        loss = F.softplus(-critic(x_BX)[1]).mean() + F.softplus(critic(fake_BX)[1]).mean()
        self.critic_flat.differentiate(loss)
        with torch.no_grad():
            self.critic_flat.clip(CLIP)
            self.critic_optimizer.step(self.critic_flat.gradient_P)
        return loss

    def play_by(self, knobs: LatentSpace) -> None:
        """Take over knobs that changed during training."""
        if knobs == self.knobs:
            return
        self.knobs = knobs
        self.optimizer.lr = knobs.lr
        if self.critic is not None:
            self.critic_optimizer.lr = CRITIC_SHARE * knobs.lr
        self._capture()

    def non_finite(self) -> str | None:
        """The first weight or gradient, by name, that holds a NaN or an infinity."""
        return self.flat.non_finite()

    def told(self) -> Told:
        """The numbers of the steps since the last call, column by column; empties the rows."""
        return self.rows.told(partial(split, self.knobs.told))

    def _seen(self) -> tuple[Tensor, ...]:
        book = self.model.book.tensors() if isinstance(self.model, Discrete) else {}
        return (self.flat.weights_P, *book.values())

    def _part(self, double: Autoencoding) -> None:
        double.model = deepcopy(self.model)
        double.flat = Flat(double.model)

    @torch.no_grad()
    def arrays(self) -> dict[str, np.ndarray]:
        """The map, the manifold, reconstructions, samples; see `LatentSpace.wire`."""
        return {name: part.cpu().numpy() for name, part in picture(self).items()}

    def _tensors(self) -> dict[str, Tensor]:
        held = {"weights": self.flat.weights_P, **_named("optimizer", self.optimizer)}
        if self.critic is not None:
            held |= {"critic": self.critic_flat.weights_P, **_named("critic", self.critic_optimizer)}
        if isinstance(self.model, Discrete):
            held |= self.model.book.tensors()
        return held


def split(names: tuple[str, ...], rows_SC: np.ndarray) -> dict[str, np.ndarray]:
    """Columns (S,) of these names, of rows that `Autoencoding` wrote."""
    found = named(COLUMNS, rows_SC)
    return {name: found[name] for name in names}


def _named(name: str, optimizer: Adam) -> dict[str, Tensor]:
    return {f"{name}.{part}": tensor for part, tensor in optimizer.state().items()}
