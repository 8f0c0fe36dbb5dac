"""A multilayer perceptron with its backpropagation written out, and the two optimizers that move its weights.

Small networks are bound by the number of operations launched, not by arithmetic. So all weights live in one
vector, where an update, an average or a norm is one operation instead of one per layer; and the gradient comes
from `backpropagate`, the chain rule layer by layer, in half the operations that autograd needs for the same
numbers. Autograd works as well, through `forward`, and serves where a gradient is differentiated again.

Letters: B batch, I inputs, O outputs of a layer, P parameters of the network; ∂x stands for ∂loss/∂x.

Source: backpropagation: Rumelhart, Hinton and Williams 1986, Nature 323, 533; Adam: Kingma and Ba 2015,
arXiv 1412.6980, Algorithm 1 (the same update, on the flat vector).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

Activation = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]

ACTIVATIONS: Mapping[str, Activation] = {
    "relu": (torch.relu_, lambda h: h > 0),
    "leaky_relu": (torch.nn.functional.leaky_relu_, lambda h: torch.where(h > 0, 1.0, 0.01)),
    "tanh": (torch.tanh_, lambda h: 1 - h * h),
}
"""Each nonlinearity, in place, and its slope told from its output h."""


class Mlp(nn.Module):
    """Linear layers with an activation between them; forward maps (B, sizes[0]) to (B, sizes[-1])."""

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str,
        random: torch.Generator,
        where: torch.device | str = "cpu",
        more: int = 0,
    ) -> None:
        """`more`: inputs of the last layer besides the activations of the one before."""
        super().__init__()
        self.plan = tuple(sizes), activation
        self.activation, self.slope = ACTIVATIONS[activation]
        shapes: list[tuple[int, ...]] = [shape for i, o in itertools.pairwise(sizes) for shape in ((i, o), (o,))]
        shapes[-2] = (sizes[-2] + more, sizes[-1])
        self.flat_P = torch.zeros(sum(torch.Size(shape).numel() for shape in shapes), device=where)
        self.gradient_P = torch.zeros_like(self.flat_P)
        self.gradients: list[Tensor] = []
        start = 0
        for position, shape in enumerate(shapes):
            self.gradients.append(self.gradient_P[start : start + torch.Size(shape).numel()].view(shape))
            view = self.flat_P[start : start + torch.Size(shape).numel()].view(shape)
            if len(shape) == 2:
                # Standard deviation 1/√fan_in, biases 0: GAN Lab's initialisation, on the CPU so that every
                # device starts from the same weights.
                view.copy_(torch.randn(shape, generator=random) / shape[0] ** 0.5)
            kind = "weight" if len(shape) == 2 else "bias"
            self.register_parameter(f"layer{position // 2 + 1}_{kind}", nn.Parameter(view))
            start += view.numel()
        self.weights = list(self.parameters())
        self.layers = list(zip(self.weights[::2], self.weights[1::2], strict=True))

    def forward(self, x_BI: Tensor) -> Tensor:
        return self.run(self.weights, x_BI)

    def run(self, weights: Sequence[Tensor], x_BI: Tensor) -> Tensor:
        """The output (B, O) with other weights in place of the network's own, shaped as `shaped` gives them."""
        for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            x_BI = self.activation(torch.addmm(bias, x_BI, weight))
        return torch.addmm(weights[-1], x_BI, weights[-2])

    def twin(self) -> Self:
        """A network of the same layers with weights of its own."""
        return type(self)(*self.plan, torch.Generator(), self.flat_P.device)

    def shaped(self, flat_P: Tensor) -> list[Tensor]:
        """A vector of all parameters as weight and bias of each layer in turn: views, differentiable."""
        parts = torch.split(flat_P, [parameter.numel() for parameter in self.weights])
        return [part.view(parameter.shape) for part, parameter in zip(parts, self.weights, strict=True)]

    @torch.no_grad()
    def trace(self, x_BI: Tensor, groups: int = 1) -> list[Tensor]:
        """The input, every hidden layer's activations and the output: what backpropagation needs.

        `groups`: how many batches x holds, one after the other; it matters only where data of a batch see each other.
        """
        trace = [x_BI]
        *hidden, (weight_IO, bias_O) = self.layers
        for weight, bias in hidden:
            trace.append(self.activation(torch.addmm(bias, trace[-1], weight)))
        trace.append(torch.addmm(bias_O, trace[-1], weight_IO))
        return trace

    @torch.no_grad()
    def backpropagate(self, trace: list[Tensor], d_BO: Tensor, weights: bool = True) -> Tensor:
        """From ∂output (B, O): with `weights` ∂weights, left in `gradient_P`; without, ∂input (B, I), returned."""
        for layer in range(len(self.layers) - 1, -1, -1):
            if weights:
                torch.mm(trace[layer].t(), d_BO, out=self.gradients[2 * layer])
                torch.sum(d_BO, 0, out=self.gradients[2 * layer + 1])
            if layer == 0 and weights:
                break
            d_BO = torch.mm(d_BO, self.layers[layer][0].t())
            if layer:
                d_BO = d_BO.mul_(self.slope(trace[layer]))
        return d_BO

    def among(self, x_BI: Tensor, batch_BI: Tensor) -> Tensor:
        """The output (B, O) for data that stand in a batch like `batch_BI`; here a datum is judged alone."""
        return self(x_BI)  # type: ignore[no-any-return]

    def differentiate(self, loss: Tensor) -> Tensor:
        """The gradient of `loss` (a scalar) with respect to all weights, as one vector (P,)."""
        gradients = torch.autograd.grad(loss, self.weights, materialize_grads=True, allow_unused=True)
        return torch.cat([gradient.reshape(-1) for gradient in gradients], out=self.gradient_P)

    def non_finite(self) -> str | None:
        """The first weight or gradient, by name, that holds a NaN or an infinity."""
        start = 0
        for name, parameter in self.named_parameters():
            gradient = self.gradient_P[start : start + parameter.numel()]
            start += parameter.numel()
            for kind, tensor in (("gradient", gradient), ("weights", parameter.detach())):
                if not bool(torch.isfinite(tensor).all()):
                    return f"{name} ({kind})"
        return None


class Sgd:
    """θ ← θ - lr·g."""

    def __init__(self, weights_P: Tensor, lr: float) -> None:
        self.weights_P, self.lr = weights_P, lr

    def step(self, gradient_P: Tensor) -> None:
        self.weights_P.add_(gradient_P, alpha=-self.lr)

    def state(self) -> Mapping[str, Tensor]:
        return {}


class Adam:
    """Adam with its step counter on the device, so that a whole training step can be captured as a CUDA graph.

    `decay` shrinks the weights by lr·decay in each step, beside the gradient: AdamW (Loshchilov and Hutter 2019,
    arXiv 1711.05101, Algorithm 2).
    """

    def __init__(
        self, weights_P: Tensor, lr: float, beta1: float, beta2: float = 0.999, eps: float = 1e-8, decay: float = 0.0
    ) -> None:
        self.weights_P, self.lr, self.beta1, self.beta2, self.eps = weights_P, lr, beta1, beta2, eps
        self.decay = decay
        self.m_P, self.v_P = torch.zeros_like(weights_P), torch.zeros_like(weights_P)
        self.t = torch.zeros((), dtype=torch.float64 if weights_P.device.type == "cpu" else torch.float32)
        self.t = self.t.to(weights_P.device)

    def step(self, gradient_P: Tensor) -> None:
        self.t.add_(1)
        if self.decay:
            self.weights_P.mul_(1 - self.lr * self.decay)
        self.m_P.lerp_(gradient_P, 1 - self.beta1)
        self.v_P.mul_(self.beta2).addcmul_(gradient_P, gradient_P, value=1 - self.beta2)
        rate = (-self.lr / (1 - torch.pow(self.beta1, self.t))).to(self.weights_P.dtype)
        correction = (1 - torch.pow(self.beta2, self.t)).sqrt_().to(self.weights_P.dtype)
        self.weights_P.addcmul_(rate, self.m_P / (self.v_P.sqrt().div_(correction).add_(self.eps)))

    def state(self) -> Mapping[str, Tensor]:
        return {"m": self.m_P, "v": self.v_P, "t": self.t}
