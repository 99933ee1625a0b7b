"""Muon: momentum whose matrices are made orthogonal, so that every direction of a layer learns at
one speed.

torch.optim.Muon takes matrices only, while a CNN's kernels are (outputs, inputs, height, width),
and always multiplies in bf16, which is slow on a processor without it. tests/cnn/test_muon.py holds
both against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from mapsight.cnn.compute import is_bf16_native

# layers with fewer inputs or outputs (the first, the last) are Adam's, as are biases and norms
_LEAST = 16
_A, _B, _C = (
    3.4445,
    -4.7750,
    2.0315,
)  # the quintic of Jordan et al. 2024: steepest at 0, singular values end near 1
_ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for kernels and matrices, Adam for the rest, both with decoupled
    weight decay.

    Updates have the size that Adam's have (0.2 · √max(rows, columns), Liu et al. 2025, section
    2.2), so one learning rate serves both. A group of parameters with `adam: True` is Adam's
    altogether: pretrained weights, which are to keep what they know.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 2e-3,
        weight_decay: float = 1e-3,
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "betas": betas,
                "eps": eps,
            },
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                wide = parameter.ndim >= 2 and min(parameter.shape[:2]) >= _LEAST
                (_step_muon if wide and not group.get("adam") else _step_adam)(
                    parameter, self.state[parameter], group
                )


def orthogonalise(matrix: Tensor) -> Tensor:
    """(rows, columns) float32 → about the nearest matrix with orthonormal rows (or columns, the
    fewer of both).

    Newton–Schulz iteration, Jordan et al. 2024: singular values end between about .7 and 1.2, which
    is near enough.
    """
    upright = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if upright else matrix
    x = x / (x.norm() + 1e-7)
    x = x.bfloat16() if is_bf16_native(x.device.type) else x
    for _ in range(_ROUNDS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return (x.T if upright else x).to(matrix.dtype)


def _step_muon(parameter: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
    if not state:
        state["momentum"] = torch.zeros_like(parameter)
    gradient = parameter.grad
    assert gradient is not None
    state["momentum"].lerp_(gradient, 1 - group["momentum"])
    ahead = gradient.lerp(state["momentum"], group["momentum"]).flatten(1)  # Nesterov's
    size = 0.2 * max(ahead.shape) ** 0.5
    parameter.add_(orthogonalise(ahead).view(parameter.shape), alpha=-group["lr"] * size)


def _step_adam(parameter: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
    if not state:
        state.update(
            step=torch.zeros(()),
            mean=torch.zeros_like(parameter),
            square=torch.zeros_like(parameter),
        )
    gradient, (first, second) = parameter.grad, group["betas"]
    assert gradient is not None
    state["step"] += 1
    steps = state["step"].item()
    state["mean"].lerp_(gradient, 1 - first)
    state["square"].lerp_(gradient.square(), 1 - second)
    spread = (state["square"] / (1 - second**steps)).sqrt_().add_(group["eps"])
    parameter.addcdiv_(state["mean"], spread, value=-group["lr"] / (1 - first**steps))
