"""All weights of a network as one vector: an update, a norm, a copy is then one operation, not one per tensor."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Flat:
    """The parameters of `network`, moved into one vector `weights_P`, and their gradients, in `gradient_P`.

    The network's own tensors become views: whoever changes the vector changes the network, and backpropagation adds
    up in `gradient_P`.
    """

    def __init__(self, network: nn.Module, where: torch.device | str = "cpu") -> None:
        self.network = network
        self.parameters = parameters = list(network.parameters())
        self.weights_P = torch.cat([parameter.detach().reshape(-1) for parameter in parameters]).to(where)
        self.gradient_P = torch.zeros_like(self.weights_P)
        start = 0
        for parameter in parameters:
            end = start + parameter.numel()
            parameter.data = self.weights_P[start:end].view(parameter.shape)
            parameter.grad = self.gradient_P[start:end].view(parameter.shape)
            start = end

    def differentiate(self, loss: Tensor) -> Tensor:
        """The gradient of `loss` (a scalar), as one vector (P,), left in `gradient_P`."""
        gradients = torch.autograd.grad(loss, self.parameters, materialize_grads=True, allow_unused=True)
        return torch.cat([gradient.reshape(-1) for gradient in gradients], out=self.gradient_P)

    def clip(self, most: float) -> Tensor:
        """Shortens the gradient to the norm `most` where it is longer; its norm before, a scalar tensor."""
        norm: Tensor = torch.linalg.vector_norm(self.gradient_P)
        self.gradient_P.mul_((most / (norm + 1e-6)).clamp_(max=1.0))
        return norm

    def non_finite(self) -> str | None:
        """The first weight or gradient, by name, that holds a NaN or an infinity."""
        for name, parameter in self.network.named_parameters():
            for kind, tensor in (("gradient", parameter.grad), ("weights", parameter.detach())):
                if tensor is not None and not bool(torch.isfinite(tensor).all()):
                    return f"{name} ({kind})"
        return None


def initialise(network: nn.Module, random: torch.Generator) -> None:
    """Fresh weights from the run's own stream, on the CPU so that every device starts alike.

    Linear layers: uniform on ±1/√fan_in (PyTorch's own choice, He et al. 2015 with a = √5); embeddings: standard
    normal; layer norms: identity.
    """
    with torch.no_grad():
        for module in network.modules():
            match module:
                case nn.Linear():
                    bound = module.in_features**-0.5
                    for parameter in module.parameters(recurse=False):
                        parameter.copy_((2 * torch.rand(parameter.shape, generator=random) - 1) * bound)
                case nn.Embedding():
                    module.weight.copy_(torch.randn(module.weight.shape, generator=random))
