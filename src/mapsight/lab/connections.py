"""A convolution as the sparse, shared matrix that it is; counted, and its cost measured against the
dense one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from scipy.sparse import csr_array

from mapsight.lab.convolution import Steps, find_output_shape


def build_connections(
    size: tuple[int, int], kernel: tuple[int, int], steps: Steps = Steps()
) -> np.ndarray:
    """(outputs, inputs): which weight connects input and output, counted from 1 row after row; 0 =
    not connected.

    Connections to the zeros of the padding are none.
    """
    height, width = find_output_shape(size, kernel, steps)
    matrix = np.zeros((height * width, prod(size)), int)
    for i, j, a, b in np.ndindex(height, width, *kernel):
        row = i * steps.stride[0] + a * steps.dilation[0] - steps.padding[0][0]
        col = j * steps.stride[1] + b * steps.dilation[1] - steps.padding[1][0]
        if 0 <= row < size[0] and 0 <= col < size[1]:
            matrix[i * width + j, row * size[1] + col] = a * kernel[1] + b + 1
    return matrix


def fill_connections(connections: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(outputs, inputs) of numbers: times the flattened input, it is the flattened feature map."""
    matrix: np.ndarray = np.concatenate([[0], weights.ravel()])[connections]
    return matrix


def count_taps(
    size: int, kernel: int, *, stride: int = 1, dilation: int = 1, padding: tuple[int, int] = (0, 0)
) -> int:
    """Along one axis: pairs of an output cell and a weight that lie on a pixel, not on padding."""
    steps = Steps((stride, 1), (dilation, 1), (padding, (0, 0)))
    outputs, _ = find_output_shape((size, 1), (kernel, 1), steps)
    return count_taps_between(
        outputs, size, kernel, stride=stride, dilation=dilation, padding_before=padding[0]
    )


def count_taps_between(
    outputs: int, size: int, kernel: int, *, stride: int, dilation: int, padding_before: int
) -> int:
    """The same for a known number of output cells: pairs (i, a) with 0 ≤ i·stride + a·dilation −
    padding < size.
    """
    starts = np.arange(outputs)[:, None] * stride - padding_before + np.arange(kernel) * dilation
    return int(((starts >= 0) & (starts < size)).sum())


@dataclass(frozen=True)
class Cost:
    """One image size: multiply-adds and measured seconds of the sparse and of the dense matrix."""

    pixels: int
    sparse_multiplies: int
    dense_multiplies: int
    sparse_s: float
    dense_s: float


def measure_cost(sides_px: Sequence[int], kernel: int = 5, *, repeats: int = 5) -> list[Cost]:
    """O(k·n) against O(m·n): a valid convolution as sparse matrix, and the same map with a dense
    one, timed.
    """
    random = np.random.default_rng(0)
    return [_measure_side(side, kernel, random, repeats) for side in sides_px]


def _measure_side(side: int, kernel: int, random: np.random.Generator, repeats: int) -> Cost:
    connections = build_connections((side, side), (kernel, kernel))
    dense = fill_connections(connections, random.normal(size=(kernel, kernel)))
    sparse, pixels = csr_array(dense), random.normal(size=side * side)
    assert np.allclose(sparse @ pixels, dense @ pixels)
    return Cost(
        pixels=side * side,
        sparse_multiplies=int(np.count_nonzero(connections)),
        dense_multiplies=connections.size,
        sparse_s=_time(lambda: sparse @ pixels, repeats),
        dense_s=_time(lambda: dense @ pixels, repeats),
    )


def _time(work: Callable[[], object], repeats: int) -> float:
    """The quickest of several runs: what the machine does undisturbed."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def fit_growth(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The exponent p of cost ∝ size^p, by least squares in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
