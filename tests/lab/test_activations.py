"""Activations and their slopes against torch, and what the experiments must show."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mapsight.lab.activations import (
    ACTIVATIONS,
    descend,
    draw_outputs,
    measure_condition,
    measure_gradients,
    measure_same_sign,
    measure_saturation,
)

TORCH = {
    "relu": F.relu,
    "leaky-relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_and_slope_equal_torch(name):
    """Value by value, and slope by autograd, far tails included."""
    x = np.concatenate([np.linspace(-40, 40, 801) + 0.013, [-1e-3, 1e-3]])
    tensor = torch.tensor(x).requires_grad_()
    value = TORCH[name](tensor)
    value.sum().backward()
    assert np.allclose(ACTIVATIONS[name].value(x), value.detach().numpy(), atol=1e-12)
    assert np.allclose(ACTIVATIONS[name].slope(x), tensor.grad.numpy(), atol=1e-12)


def test_gradients_of_the_stack_equal_autograd():
    """The hand-written backward pass of the depth experiment is autograd's."""
    depth, width, gain = 4, 16, ACTIVATIONS["tanh"].gain
    ours = measure_gradients(ACTIVATIONS["tanh"], depth=depth, width=width, seed=3)
    random = np.random.default_rng(3)
    signal, sums = torch.tensor(random.normal(size=(64, width))), []
    for _ in range(depth):
        z = (
            signal @ torch.tensor(random.normal(scale=np.sqrt(gain / width), size=(width, width)))
        ).requires_grad_()
        z.retain_grad()
        sums.append(z)
        signal = torch.tanh(z)
    signal.backward(torch.tensor(random.normal(size=(64, width))))
    norms = np.array([float(z.grad.norm()) for z in sums])
    assert np.allclose(ours, norms / norms[-1])


def test_sigmoid_kills_gradients():
    """Twenty sigmoid layers leave a ten-millionth of the gradient at the start that suits them;
    ReLU, tanh keep it.
    """
    assert measure_gradients(ACTIVATIONS["sigmoid"])[0] < 1e-7
    assert measure_gradients(ACTIVATIONS["relu"])[0] > 0.5
    assert measure_gradients(ACTIVATIONS["tanh"])[0] > 0.5
    assert ACTIVATIONS["sigmoid"].slope(np.array([0.0]))[0] == 0.25


def test_zero_centring():
    """Sigmoid and ReLU outputs give gradients of one sign always, tanh once in 2⁷; centred inputs
    are better shaped.
    """
    outputs = {name: draw_outputs(ACTIVATIONS[name]) for name in ("sigmoid", "relu", "tanh")}
    assert measure_same_sign(outputs["sigmoid"]) == measure_same_sign(outputs["relu"]) == 1
    assert measure_same_sign(outputs["tanh"]) == pytest.approx(2 / 2**8, abs=0.005)
    conditions = {name: measure_condition(values) for name, values in outputs.items()}
    assert conditions["sigmoid"] > 5 * conditions["relu"] > 5 * conditions["tanh"]


def test_sigmoid_inputs_zigzag():
    """With inputs of one sign both weights always move the same way: the target (1, −1) is reached
    by zigzag.
    """
    target = np.array([1.0, -1.0])
    moves = np.diff(descend(draw_outputs(ACTIVATIONS["sigmoid"], neurons=2), target), axis=0)
    assert ((moves >= 0).all(axis=1) | (moves <= 0).all(axis=1)).all()
    centred = np.diff(descend(draw_outputs(ACTIVATIONS["tanh"], neurons=2), target), axis=0)
    assert not ((centred >= 0).all(axis=1) | (centred <= 0).all(axis=1)).all()


def test_saturation():
    """Sigmoid and tanh lie flat over much of N(0, 3²); a ReLU over its negative half, SiLU over
    less.
    """
    assert measure_saturation(ACTIVATIONS["tanh"]) > 0.4
    assert measure_saturation(ACTIVATIONS["relu"]) == pytest.approx(0.5, abs=0.01)
    assert measure_saturation(ACTIVATIONS["leaky-relu"], flat_below=0.005) == 0


def test_gain_keeps_the_signal():
    """He's 2 for the ReLU, exactly; for the others the mean square after a layer is that before
    it.
    """
    assert ACTIVATIONS["relu"].gain == pytest.approx(2, rel=1e-6)
    z = np.random.default_rng(0).normal(size=400_000)
    for name, activation in ACTIVATIONS.items():
        assert (activation.value(z) ** 2).mean() * activation.gain == pytest.approx(1, rel=0.01), (
            name
        )
