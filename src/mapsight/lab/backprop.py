"""Backpropagation through a convolution: a shared weight's gradient is the sum over its uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mapsight.lab.convolution import Steps, find_output_shape, pad_zeros, transpose_correlate


class Use(NamedTuple):
    """One connection that a weight serves: an output cell and the cell of the padded input under
    the weight.
    """

    out_row: int
    out_col: int
    in_row: int
    in_col: int


def list_uses(
    size: tuple[int, int], kernel: tuple[int, int], weight: tuple[int, int], steps: Steps = Steps()
) -> list[Use]:
    """Where the weight (row, column) of a kernel is used on an input of `size` (rows, columns)."""
    height, width = find_output_shape(size, kernel, steps)
    down, right = weight[0] * steps.dilation[0], weight[1] * steps.dilation[1]
    return [
        Use(i, j, i * steps.stride[0] + down, j * steps.stride[1] + right)
        for i in range(height)
        for j in range(width)
    ]


def backprop_weights(
    image: np.ndarray, gradient: np.ndarray, kernel: tuple[int, int], steps: Steps = Steps()
) -> np.ndarray:
    """∂L/∂w from the image (C, H, W) and ∂L/∂s (N, h, w): (N, C, rows, columns).

    ∂L/∂w(n, c, a, b) = Σ over the uses (i, j) of ∂L/∂s(n, i, j) · x(c, i·stride + a·dilation,
    j·stride + b·dilation).
    """
    padded = pad_zeros(image, steps.padding)
    size = (image.shape[1], image.shape[2])
    out = np.zeros((gradient.shape[0], image.shape[0], *kernel), np.result_type(image, gradient))
    for n, c, a, b in np.ndindex(*out.shape):
        out[n, c, a, b] = sum(
            gradient[n, use.out_row, use.out_col] * padded[c, use.in_row, use.in_col]
            for use in list_uses(size, kernel, (a, b), steps)
        )
    return out


def backprop_input(
    gradient: np.ndarray, weights: np.ndarray, size: tuple[int, int], steps: Steps = Steps()
) -> np.ndarray:
    """∂L/∂x (C, *size) from ∂L/∂s (N, h, w): the transposed convolution; what the stride never
    reached gets 0.
    """
    reached = transpose_correlate(gradient, weights, Steps(steps.stride, steps.dilation))
    (top, bottom), (left, right) = steps.padding
    padded = np.zeros(
        (weights.shape[1], size[0] + top + bottom, size[1] + left + right), reached.dtype
    )
    padded[:, : reached.shape[1], : reached.shape[2]] = reached
    return padded[:, top : top + size[0], left : left + size[1]]


def differentiate(
    loss: Callable[[np.ndarray], float], at: np.ndarray, *, step: float = 1e-4
) -> np.ndarray:
    """Central finite differences (L(w + h) − L(w − h)) / 2h, one number of `at` after the other."""
    out = np.zeros(at.shape)
    for place in np.ndindex(*at.shape):
        up, down = at.astype(float), at.astype(float)
        up[place] += step
        down[place] -= step
        out[place] = (loss(up) - loss(down)) / (2 * step)
    return out
