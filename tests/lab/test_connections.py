"""The connection matrix against the convolution; the lecture's counts; how cost grows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapsight.lab.connections import (
    build_connections,
    count_taps,
    fill_connections,
    fit_growth,
    measure_cost,
)
from mapsight.lab.convolution import Steps, correlate, find_span, find_steps

small = st.integers(1, 3)


def test_lecture_counts():
    """16 connections against 36, 4 weights against 36, each used four times, receptive field 4
    against 9.
    """
    matrix = build_connections((3, 3), (2, 2))
    assert matrix.size == 36 and np.count_nonzero(matrix) == 16
    names, uses = np.unique(matrix[matrix > 0], return_counts=True)
    assert names.tolist() == [1, 2, 3, 4] and uses.tolist() == [4, 4, 4, 4]
    assert np.count_nonzero(matrix, axis=1).tolist() == [4, 4, 4, 4]


def test_connections_of_the_large_example():
    """100×100×3 under one 'same' 5×5 filter: nearly k·n = 750,000 connections, less those to the
    padding.
    """
    taps = count_taps(100, 5, padding=(2, 2))
    assert taps == 5 * 100 - 2 * (1 + 2)
    assert 3 * taps**2 == 732_108  # k·n would be 750,000: the border has fewer connections


@given(small, small, small, st.integers(0, 2), st.integers(0, 4), st.integers(0, 2**31))
@settings(max_examples=60)
def test_matrix_is_the_convolution(kernel, stride, dilation, padding, extra, seed):
    """Matrix times pixels = feature map, and its entries are counted axis by axis."""
    random = np.random.default_rng(seed)
    side = max(1, find_span(kernel, dilation) - 2 * padding) + extra
    size, shape = (side, side + 1), (kernel, kernel)
    steps = Steps((stride, stride), (dilation, dilation), ((padding, padding), (padding, padding)))
    image, weights = random.integers(-9, 10, size), random.integers(-9, 10, shape)
    matrix = build_connections(size, shape, steps)
    assert np.array_equal(
        fill_connections(matrix, weights) @ image.ravel(),
        correlate(image[None], weights[None, None], steps).ravel(),
    )
    taps = [
        count_taps(n, kernel, stride=stride, dilation=dilation, padding=(padding, padding))
        for n in size
    ]
    assert np.count_nonzero(matrix) == taps[0] * taps[1]


def test_cost_grows_as_said():
    """Multiply-adds: k·n exactly for the sparse, m·n for the dense; measured, the dense one is the
    slower.
    """
    costs = measure_cost((12, 24, 48), kernel=5, repeats=7)
    for cost, side in zip(costs, (12, 24, 48), strict=True):
        outputs = (side - 4) ** 2
        assert (cost.sparse_multiplies, cost.dense_multiplies) == (25 * outputs, side**2 * outputs)
    assert costs[-1].dense_s > 4 * costs[-1].sparse_s  # 92 times the work
    assert abs(fit_growth([1, 2, 4], [3, 12, 48]) - 2) < 1e-12


def test_same_even_kernel():
    """An even filter's 'same' padding is lopsided; the matrix still has as many outputs as
    inputs.
    """
    steps = find_steps("same", (2, 2))
    assert steps.padding == ((0, 1), (0, 1))
    assert build_connections((4, 4), (2, 2), steps).shape == (16, 16)
