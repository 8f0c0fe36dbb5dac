"""The workloads that are measured: each as a tutorial writes it with torch's own modules, and as this house runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.gan import GanTraining
from models.gan_race import GanRace
from models.image_gan import ImageGan
from models.layers.autoencoding import Autoencoding
from models.layers.freezing import Race as FreezeRace
from models.layers.game import Game
from models.layers.gan_racing import Race as GanRacing
from models.layers.image_gan.duel import Duel
from models.layers.plans import STRATEGIES
from models.layers.study import Study
from models.running import device
from models.transfer import FreezeLab
from tests.benchmarks.attention import Plain
from tests.benchmarks.stacks import net, perceptron

Run = Callable[[int], None]


@dataclass(frozen=True)
class Work:
    """One workload: how a tutorial trains it, how this house does, and how many nets one step of it trains."""

    name: str
    steps: int
    plain: Callable[[], Run]
    ours: Callable[[], Run]
    nets: int = 1


def rig(made: Callable[[], Game | Study | Autoencoding | Duel | GanRacing | FreezeRace]) -> Callable[[], Run]:
    """Ours: steps in order, their numbers read in the end."""

    def begin() -> Run:
        training, at = made(), [0]

        def run(steps: int) -> None:
            for step in range(at[0], at[0] + steps):
                training.iterate(step)
            at[0] += steps
            training.told(at[0]) if isinstance(training, GanRacing) else training.told()

        return run

    return begin


def adversaries(
    generator: nn.Module, critic: nn.Module, optimizers: Sequence[torch.optim.Optimizer], real: Callable[[int], Tensor],
    noise: Callable[[], Tensor], critic_updates: int = 1,
) -> Run:  # fmt: skip
    """A GAN's loop as tutorials write it: `BCEWithLogitsLoss`, a `.item()` for each loss in each step."""
    criterion, (optimizer_g, optimizer_d), count = nn.BCEWithLogitsLoss(), optimizers, [0]

    def run(steps: int) -> None:
        for _ in range(steps):
            for _ in range(critic_updates):
                data = real(count[0])
                count[0] += 1
                ones, zeros = (torch.full((len(data), 1), value, device=data.device) for value in (1.0, 0.0))
                optimizer_d.zero_grad()
                fake = generator(noise()).detach()
                loss_d = criterion(critic(data), ones) + criterion(critic(fake), zeros)
                loss_d.backward()
                optimizer_d.step()
            optimizer_g.zero_grad()
            loss_g = criterion(critic(generator(noise())), ones)
            loss_g.backward()
            optimizer_g.step()
            loss_d.item(), loss_g.item()

    return run


def plain_gan() -> Run:
    """GAN Lab's default: two perceptrons of two hidden layers of 8, SGD, two updates of D for one of G."""
    where = device()
    data = GanTraining().plane().sample(12_000, torch.Generator().manual_seed(0)).to(where)
    generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2), nn.Tanh())
    critic = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    generator, critic = generator.to(where), critic.to(where)
    optimizers = torch.optim.SGD(generator.parameters(), 0.03), torch.optim.SGD(critic.parameters(), 0.1)

    def real(batch: int) -> Tensor:
        return data[150 * (batch % 80) : 150 * (batch % 80) + 150]

    return adversaries(generator, critic, optimizers, real, lambda: torch.randn(150, 2, device=where), 2)


def plain_gans(count: int) -> Run:
    """Non-saturating GANs, one after the other."""
    where = device()
    data = torch.randn(12_000, 2, device=where)

    def one() -> Run:
        generator, critic = perceptron(2, 2).to(where), perceptron(2, 1).to(where)
        optimizers = [torch.optim.Adam(player.parameters(), 0.002, (0.5, 0.999)) for player in (generator, critic)]
        draw: Callable[[int], Tensor] = lambda _batch: data[torch.randint(12_000, (64,), device=where)]  # noqa: E731
        return adversaries(generator, critic, optimizers, draw, lambda: torch.randn(64, 2, device=where))

    every = [one() for _gan in range(count)]

    def run(steps: int) -> None:
        for each in every:
            each(steps)

    return run


def plain_vae(knobs: LatentSpace) -> Run:
    """The VAE of PyTorch's own example, one hidden layer or more: Adam, ReLU; 784-400-20 in batches of 128 there."""
    where = device()
    pictures = Autoencoding(knobs, 4).train_NX
    pixels, wide, small, size = pictures.shape[1], knobs.width, knobs.latent_dim, knobs.batch_size
    between = [layer for _ in range(knobs.depth - 1) for layer in (nn.Linear(wide, wide), nn.ReLU())]
    into = nn.Sequential(nn.Linear(pixels, wide), nn.ReLU(), *between).to(where)
    mean, log_variance = nn.Linear(wide, small).to(where), nn.Linear(wide, small).to(where)
    back = [layer for _ in range(knobs.depth - 1) for layer in (nn.Linear(wide, wide), nn.ReLU())]
    out = nn.Sequential(nn.Linear(small, wide), nn.ReLU(), *back, nn.Linear(wide, pixels)).to(where)
    parameters = [one for part in (into, mean, log_variance, out) for one in part.parameters()]
    optimizer = torch.optim.Adam(parameters, 1e-3)

    def run(steps: int) -> None:
        for _ in range(steps):
            x = pictures[torch.randint(len(pictures), (size,), device=where)]
            x = torch.bernoulli(x) if knobs.binary else x
            hidden = into(x)
            mu, spread = mean(hidden), log_variance(hidden)
            logits = out(mu + torch.randn_like(spread) * torch.exp(0.5 * spread))
            kl = -0.5 * torch.sum(1 + spread - mu.pow(2) - spread.exp())
            loss = (F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + kl) / len(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return run


def plain_dcgan() -> Run:
    """28×28 by transposed convolutions with batch norm, as PyTorch's DCGAN tutorial, in the widths of ours."""
    where = device()
    duel = Duel(DCGAN)
    data = duel.train_NX.view(-1, 1, 28, 28) * 2 - 1
    wide, narrow = 2 * DCGAN.width // 8, DCGAN.width // 8
    generator = nn.Sequential(
        nn.Linear(DCGAN.latent_dim, wide * 49), nn.Unflatten(1, (wide, 7, 7)), nn.BatchNorm2d(wide), nn.ReLU(),
        nn.ConvTranspose2d(wide, narrow, 4, 2, 1), nn.BatchNorm2d(narrow), nn.ReLU(),
        nn.ConvTranspose2d(narrow, 1, 4, 2, 1), nn.Tanh(),
    ).to(where)  # fmt: skip
    critic = nn.Sequential(
        nn.Conv2d(1, narrow, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(narrow, wide, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(wide * 49, 1),
    ).to(where)  # fmt: skip
    optimizers = [torch.optim.Adam(player.parameters(), 2e-3, (0.5, 0.99)) for player in (generator, critic)]
    return adversaries(
        generator, critic, optimizers, lambda _batch: data[torch.randint(len(data), (64,), device=where)],
        lambda: torch.randn(64, DCGAN.latent_dim, device=where),
    )  # fmt: skip


def plain_attention() -> Run:
    """Two layers of `nn.TransformerEncoderLayer` under a mask."""
    where = device()
    task = Study(ATTENTION, learns=False)
    model = Plain(ATTENTION.plan()).to(where)
    optimizer = torch.optim.AdamW(model.parameters(), ATTENTION.lr, betas=(0.9, 0.98), weight_decay=0.0)
    at = [0]

    def run(steps: int) -> None:
        for step in range(at[0], at[0] + steps):
            task.prepare(step)
            batch = {name: part[step % 16] for name, part in task.batches.items()}
            logits_BTV = model(batch["input_BT"])
            loss_BT = F.cross_entropy(logits_BTV.flatten(0, 1), batch["target_BT"].flatten(), reduction="none")
            weight_BT = batch["weight_BT"].flatten()
            loss = (loss_BT * weight_BT).sum() / weight_BT.sum()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss.item()
        at[0] += steps

    return run


def plain_freezing() -> Run:
    """Every strategy and seed a net of its own, all layers learning as in full tuning."""
    where = device()
    pictures, labels = torch.rand(100, 1, 16, 16, device=where), torch.randint(10, (100,), device=where)
    nets = [net().to(where) for _ in range(FREEZING_NETS)]
    optimizers = [torch.optim.SGD(each.parameters(), 0.03, momentum=0.9, weight_decay=1e-4) for each in nets]

    def run(steps: int) -> None:
        for model, optimizer in zip(nets, optimizers, strict=True):
            for _step in range(steps):
                index = torch.randint(100, (16,), device=where)
                optimizer.zero_grad()
                loss = F.cross_entropy(model(pictures[index]), labels[index])
                loss.backward()
                optimizer.step()
                loss.item()

    return run


def vae(knobs: LatentSpace) -> Callable[[], Run]:
    return rig(lambda: Autoencoding(knobs, 2000))


MNIST_VAE = LatentSpace(data="mnist", latent_dim=20, width=400, depth=1, lr=1e-3, batch_size=128)
DCGAN = ImageGan(data="mnist", architecture="dcgan", r1_gamma=0.0)
ATTENTION = next(iter(AttentionTraining.stories()[1:])).experiment.but(positions="learned", feed_forward=4)
FREEZING = FreezeLab(strategies=",".join(STRATEGIES), seeds=5)
FREEZING_NETS = len(STRATEGIES) * FREEZING.seeds * len(FREEZING.rates)
SMALL_VAE = LatentSpace(model="vae")
STACKS = {
    seeds * 4: GanRace(variants="minimax,non_saturating,least_squares,label_smoothing", seeds=seeds)
    for seeds in (8, 16)
}
WORKLOADS = (
    Work("GAN Lab's GAN", 300, plain_gan, rig(lambda: Game(GanTraining(), 2000))),
    Work("MLP-VAE 784-400-20, batch 128", 100, partial(plain_vae, MNIST_VAE), vae(MNIST_VAE)),
    Work("small MLP: VAE of the 8×8 digits", 200, partial(plain_vae, SMALL_VAE), vae(SMALL_VAE)),
    Work("DCGAN 28×28, batch 64", 20, plain_dcgan, rig(lambda: Duel(DCGAN, 2000))),
    Work("attention, 2 layers, T 48", 40, plain_attention, rig(lambda: Study(ATTENTION, 2000))),
    Work(f"fine-tuning, {FREEZING_NETS} nets", 5, plain_freezing, rig(lambda: FreezeRace(FREEZING)), FREEZING_NETS),
    *(
        Work(f"{count} GANs as a stack", 20, partial(plain_gans, count), rig(partial(GanRacing, race, 2000)), count)
        for count, race in STACKS.items()
    ),
)
