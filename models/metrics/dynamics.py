"""Why does a GAN turn in circles? The eigenvalues of one joint step of both players, at the weights as they are now.

A step moves all weights w = (ψ of D, θ of G) to F(w) = w - S·v(w): v the gradients of both losses, each player's own,
S its learning rate times its updates per step. Near w the step is the matrix A = I - S·∂v/∂w. An eigenvalue inside the
unit circle is a direction that shrinks, outside one that grows; a complex pair turns. In a minimisation ∂v/∂w is
symmetric and nothing turns; in a game it is not.

Letters: P weights of both players, E eigenvalues.

Source: Mescheder, Nowozin and Geiger 2017, arXiv 1705.10461 ("The numerics of GANs"), section 3; the Dirac-GAN's ones:
Mescheder et al. 2018, arXiv 1801.04406, lemma 2.3. Where it stops being true: expectations over one fixed batch instead
of fresh ones, both players at once instead of in turns, Adam as its present scaling of each weight without momentum,
spectral normalisation with its singular values held. Far from an equilibrium a step also drifts, which no eigenvalue
tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs
from torch import Tensor

from models.layers.adversarial import discriminator_loss, generator_loss
from models.layers.game import Game
from models.layers.mlp import Adam, Sgd
from models.layers.penalties import gradient_penalty, r1_penalty
from models.running import stream

if TYPE_CHECKING:
    from models.layers.dirac import DiracGame

BATCH = 300
WHOLE = 700
"""Up to so many weights all eigenvalues are computed; above, those that move most."""
MOST = 24
STILL = 1e-7
"""Eigenvalues as near to 1 as this do not move: symmetries of the networks, neurons that are dead."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of one joint step."""

    eigenvalues_E: np.ndarray
    """Complex, those that move most first."""
    weights: int
    whole: bool
    """Whether these are all of them."""

    @property
    def moving(self) -> np.ndarray:
        found: np.ndarray = self.eigenvalues_E[np.abs(self.eigenvalues_E - 1) > STILL]
        return found

    @property
    def growing(self) -> int:
        """Directions that grow."""
        return int((np.abs(self.moving) > 1 + STILL).sum())

    @property
    def turning(self) -> int:
        """Directions that turn: complex ones."""
        return int((np.abs(self.moving.imag) > STILL).sum())

    @property
    def fastest(self) -> complex | None:
        """Of the pair that turns fastest, the upper one; None where nothing turns."""
        found = self.moving[self.moving.imag > STILL]
        return complex(found[np.argmax(np.angle(found))]) if len(found) else None

    @property
    def rotation(self) -> float:
        """By how much the moving directions turn in one step, in radians, on average."""
        return float(np.abs(np.angle(self.moving)).mean()) if len(self.moving) else 0.0

    @property
    def contraction(self) -> float:
        """By what share the moving directions shrink in one step, on average; negative where they grow."""
        return float((1 - np.abs(self.moving)).mean()) if len(self.moving) else 0.0


def spectrum(game: Game | DiracGame) -> Spectrum:
    """The eigenvalues of one joint step of `game` as it is now.

    Raises `ValueError` where a weight is not finite, or the iteration finds no eigenvalue.
    """
    if isinstance(game, Game):
        w_P, field, scale_P = _networks(game)
    else:
        w_P, field, scale_P = _dirac(game)
    v_P = field(w_P)
    if not bool(torch.isfinite(v_P).all()):
        raise ValueError("The weights are not finite.")

    def against(u_P: Tensor) -> Tensor:
        """-(∂v/∂w)ᵀ S u: a matrix and its transpose have the same eigenvalues, and this product takes one pass back."""
        parts = torch.autograd.grad(v_P, w_P, scale_P * u_P, retain_graph=True, allow_unused=True)
        return torch.zeros_like(w_P) if parts[0] is None else -parts[0]

    count = len(w_P)
    if count <= WHOLE:
        moved_PP = torch.stack([against(u_P) for u_P in torch.eye(count, dtype=w_P.dtype)])
        found = np.linalg.eigvals(moved_PP.numpy())
    else:
        found = _largest(lambda u: against(torch.from_numpy(u.copy()).view(-1)).numpy(), count)
    return Spectrum(1 + found[np.argsort(-np.abs(found))], count, count <= WHOLE)


def _largest(product: Callable[[np.ndarray], np.ndarray], count: int) -> np.ndarray:
    """The eigenvalues of largest absolute value, by Arnoldi's iteration."""
    operator = LinearOperator((count, count), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(count)
    try:
        found: np.ndarray = eigs(operator, MOST, v0=start, tol=1e-4, maxiter=60, return_eigenvectors=False)
    except ArpackNoConvergence as error:
        found = error.eigenvalues
        if not len(found):
            raise ValueError("Arnoldi's iteration did not converge.") from error
    return found


def _networks(game: Game) -> tuple[Tensor, Callable[[Tensor], Tensor], Tensor]:
    """Weights (P,), the gradients of both players at them, and how far each weight moves along its own."""
    knobs, d, g = game.knobs, game.d, game.g
    x_BX = game.batches.flatten(0, 1)
    at = torch.randperm(len(x_BX), generator=stream(0, "lens"))[: BATCH - BATCH % knobs.pack]
    real_BX = game.seen(x_BX[at], blurred=False).double().cpu()
    noise_BZ = game._noise((len(at),), stream(1, "lens")).double().cpu()
    share_B1 = torch.rand(len(real_BX), 1, generator=stream(2, "lens"), dtype=torch.float64)
    sign_2B = torch.ones(2 * len(real_BX), dtype=torch.float64)
    sign_2B[len(real_BX) :] = -1
    split = len(d.flat_P)
    w_P = torch.cat((d.flat_P, g.flat_P)).detach().double().cpu().requires_grad_()

    def field(w_P: Tensor) -> Tensor:
        psi, theta = d.shaped(w_P[:split]), g.shaped(w_P[split:])

        def judge(seen_BX: Tensor) -> Tensor:
            return d.run(psi, seen_BX)[:, 0]

        fake_BX = g.run(theta, noise_BZ)
        fake_BX = game.seen(fake_BX.tanh() if knobs.output == "tanh" else fake_BX, blurred=False)
        logits = judge(real_BX), judge(fake_BX)
        loss_d = discriminator_loss(knobs.loss, torch.cat(logits), sign_2B, game.critic.smoothing)
        for gamma, seen_BX in ((knobs.r1_gamma, real_BX), (knobs.r2_gamma, fake_BX)):
            if gamma > 0:
                loss_d = loss_d + r1_penalty(judge, seen_BX, gamma)
        if knobs.constraint == "gradient_penalty":
            loss_d = loss_d + gradient_penalty(judge, real_BX, fake_BX, share_B1, knobs.gp_weight)
        loss_g = generator_loss(knobs.loss, logits[1], logits[0])
        (own_d_P,) = torch.autograd.grad(loss_d, w_P, create_graph=True)
        (own_g_P,) = torch.autograd.grad(loss_g, w_P, create_graph=True)
        return torch.cat((own_d_P[:split], own_g_P[split:]))

    scale_P = torch.cat((
        _scale(game.optimizers["d"], d.flat_P, knobs.k_d), _scale(game.optimizers["g"], g.flat_P, knobs.k_g)
    ))  # fmt: skip
    return w_P, field, scale_P


def _scale(optimizer: Sgd | Adam, weights_P: Tensor, updates: int) -> Tensor:
    """How far each weight moves along its gradient in one step; Adam's second moment taken as it is."""
    rate_P: Tensor = torch.full((len(weights_P),), optimizer.lr * updates, dtype=torch.float64)
    if isinstance(optimizer, Sgd) or float(optimizer.t) == 0:
        return rate_P
    v_P: Tensor = optimizer.v_P.double().cpu() / (1 - optimizer.beta2 ** float(optimizer.t))
    return rate_P / (v_P.sqrt() + optimizer.eps)


def _dirac(game: DiracGame) -> tuple[Tensor, Callable[[Tensor], Tensor], Tensor]:
    """ψ and θ, their gradients, and their learning rates times updates."""
    w_P = torch.cat((game.psi_1, game.theta_1)).detach().requires_grad_()
    knobs = game.knobs
    scale_P = torch.cat((
        _scale(game.optimizers["d"], game.psi_1, knobs.k_d), _scale(game.optimizers["g"], game.theta_1, knobs.k_g)
    ))  # fmt: skip

    def field(w_P: Tensor) -> Tensor:
        losses = game.losses(w_P[1:], w_P[:1])
        own_d_P, own_g_P = (torch.autograd.grad(loss, w_P, create_graph=True)[0] for loss in losses)
        return torch.cat((own_d_P[:1], own_g_P[1:]))

    return w_P, field, scale_P
