"""Activations with their slopes, and what the slopes do to gradients: saturation and zero-centring
as experiments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf, expit

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Activation:
    """A function and its derivative."""

    value: Function
    slope: Function

    @property
    def gain(self) -> float:
        """1/E[f(z)²] for z from N(0, 1): weights of that variance over the width keep the signal's
        size (He 2015).
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(64)
        return float(weights.sum() / (weights @ self.value(nodes) ** 2))


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017


def _bell(x: np.ndarray) -> np.ndarray:
    density: np.ndarray = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    return density


def _gaussian_cdf(x: np.ndarray) -> np.ndarray:
    below: np.ndarray = (1 + erf(x / np.sqrt(2))) / 2
    return below


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(float)),
    "leaky-relu": Activation(
        lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1.0, 0.01)
    ),
    "elu": Activation(
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda x: np.exp(np.minimum(x, 0))
    ),
    "selu": Activation(
        lambda x: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))),
        lambda x: _SELU_SCALE * np.where(x > 0, 1.0, _SELU_ALPHA * np.exp(np.minimum(x, 0))),
    ),
    "gelu": Activation(lambda x: x * _gaussian_cdf(x), lambda x: _gaussian_cdf(x) + x * _bell(x)),
    "silu": Activation(lambda x: x * expit(x), lambda x: expit(x) * (1 + x * (1 - expit(x)))),
    "tanh": Activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": Activation(expit, lambda x: expit(x) * (1 - expit(x))),
}


def measure_saturation(
    activation: Activation, *, spread: float = 3.0, flat_below: float = 0.05
) -> float:
    """Share of inputs from N(0, spread²) at which the slope is under `flat_below` of its
    largest.
    """
    x = spread * np.random.default_rng(0).normal(size=100_000)
    return float(
        (np.abs(activation.slope(x)) < flat_below * np.abs(activation.slope(x)).max()).mean()
    )


def measure_gradients(
    activation: Activation, *, depth: int = 20, width: int = 128, seed: int = 0
) -> np.ndarray:
    """Gradient norm at each of `depth` layers, first layer first, over that at the last: a random
    dense stack.

    Weights from N(0, gain/width), the start that suits each activation; the loss's gradient at the
    top is random.
    """
    random = np.random.default_rng(seed)
    signal, before, matrices = random.normal(size=(64, width)), [], []
    for _ in range(depth):
        matrices.append(random.normal(scale=np.sqrt(activation.gain / width), size=(width, width)))
        before.append(signal @ matrices[-1])
        signal = activation.value(before[-1])
    gradient, norms = random.normal(size=signal.shape), []
    for z, matrix in zip(before[::-1], matrices[::-1], strict=True):
        at_sum = gradient * activation.slope(z)  # ∂L/∂z
        norms.append(float(np.linalg.norm(at_sum)))
        gradient = at_sum @ matrix.T  # ∂L/∂ of the layer below
    return np.array(norms[::-1]) / norms[0]


def draw_outputs(
    activation: Activation, *, samples: int = 4000, neurons: int = 8, seed: int = 0
) -> np.ndarray:
    """(samples, neurons): activations of inputs from N(0, 1), as they come into the next neuron."""
    return activation.value(np.random.default_rng(seed).normal(size=(samples, neurons)))


def measure_same_sign(inputs: np.ndarray) -> float:
    """Share of samples at which all weight gradients of a neuron, error · input, have one sign (0
    counts for both).
    """
    return float(((inputs >= 0).all(axis=1) | (inputs <= 0).all(axis=1)).mean())


def measure_condition(inputs: np.ndarray) -> float:
    """Condition number of a linear neuron's loss over these inputs: eigenvalues of E[x xᵀ] (LeCun
    1998).
    """
    values = np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))
    return float(values[-1] / values[0])


def descend(
    inputs: np.ndarray, target: np.ndarray, *, steps: int = 40, rate_share: float = 0.9
) -> np.ndarray:
    """(steps + 1, weights): stochastic descent of a linear neuron from 0 towards weights `target`,
    a sample a step.
    """
    weights, path = np.zeros(inputs.shape[1]), [np.zeros(inputs.shape[1])]
    for x in inputs[:steps]:
        error = x @ (weights - target)
        weights = weights - rate_share * error * x / (x @ x)  # as far as this one sample wants
        path.append(weights)
    return np.array(path)
