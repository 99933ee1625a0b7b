"""Gradients as sums over uses, against autograd and finite differences."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mapsight.lab.backprop import backprop_input, backprop_weights, differentiate, list_uses
from mapsight.lab.convolution import Steps, correlate, find_span

small = st.integers(1, 3)


def test_lecture_weight_is_used_four_times():
    """w11 of a 2×2 filter on 3×3 pixels serves s11…s22 and lies on a, b, d, e."""
    uses = list_uses((3, 3), (2, 2), (0, 0))
    assert [(use.out_row, use.out_col) for use in uses] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert ["abcdefghi"[use.in_row * 3 + use.in_col] for use in uses] == ["a", "b", "d", "e"]


@given(small, small, small, small, st.integers(0, 2), st.integers(0, 3), st.integers(0, 2**31))
@settings(max_examples=80)
def test_equals_autograd(channels, maps, stride, dilation, padding, extra, seed):
    """∂L/∂w and ∂L/∂x are autograd's to the last digit (whole numbers), over strides, dilations and
    paddings.
    """
    random, kernel = np.random.default_rng(seed), (3, 2)
    size = tuple(max(1, find_span(k, dilation) - 2 * padding) + extra for k in kernel)
    image, weights = (
        random.integers(-9, 10, (channels, *size)),
        random.integers(-9, 10, (maps, channels, *kernel)),
    )
    steps = Steps((stride, stride), (dilation, dilation), ((padding, padding), (padding, padding)))
    gradient = random.integers(-9, 10, correlate(image, weights, steps).shape)
    x = torch.tensor(image).double().requires_grad_()
    w = torch.tensor(weights).double().requires_grad_()
    F.conv2d(x[None], w, None, stride, padding, dilation).backward(
        torch.tensor(gradient)[None].double()
    )
    assert np.array_equal(backprop_weights(image, gradient, kernel, steps), w.grad.numpy())
    assert np.array_equal(backprop_input(gradient, weights, size, steps), x.grad.numpy())


def test_equals_finite_differences():
    """The definition of a derivative gives the same, without torch."""
    random = np.random.default_rng(1)
    image, weights, target = (
        random.normal(size=(1, 5, 6)),
        random.normal(size=(2, 1, 3, 3)),
        random.normal(size=(2, 3, 4)),
    )

    def loss(w):
        return float(((correlate(image, w) - target) ** 2).sum() / 2)

    gradient = correlate(image, weights) - target
    assert np.allclose(
        differentiate(loss, weights),
        backprop_weights(image, gradient, (3, 3)),
        rtol=1e-6,
        atol=1e-7,
    )
