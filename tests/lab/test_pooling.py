"""Pooling against the lecture's three examples and torch."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mapsight.lab import lecture
from mapsight.lab.pooling import blur, pool_max, pool_mean, unpool


def test_lecture_examples():
    """The lecture's three 4×4 maps and their pooled maps."""
    assert pool_max(lecture.POOLED_INPUT)[0].tolist() == [[8, 6], [9, 3]]
    assert pool_max(lecture.POOLED_ROTATED)[0].tolist() == [[9, 8], [3, 6]]
    assert pool_max(lecture.POOLED_BLURRED)[0].tolist() == [[7, 5], [8, 3]]


def test_the_lecture_rotates_and_the_pooled_map_rotates_too():
    """Its second map is the first, a quarter turn clockwise; the pooled values move: equivariant,
    not invariant.
    """
    assert np.array_equal(np.rot90(lecture.POOLED_INPUT, -1), lecture.POOLED_ROTATED)
    before, after = pool_max(lecture.POOLED_INPUT)[0], pool_max(lecture.POOLED_ROTATED)[0]
    assert not np.array_equal(before, after)
    assert np.array_equal(np.rot90(before, -1), after)


@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(4, 11),
    st.integers(4, 11),
    st.integers(0, 2**31),
)
@settings(max_examples=100)
def test_equals_torch(size, stride, height, width, seed):
    """Largest values, their places (ties too), means, and the unpooled map are torch's."""
    grid = np.random.default_rng(seed).integers(0, 4, (height, width))  # many ties
    tensor = torch.tensor(grid).double()[None, None]
    values, places = F.max_pool2d(tensor, size, stride, return_indices=True)
    ours, switches = pool_max(grid, size, stride)
    assert np.array_equal(ours, values[0, 0].numpy())
    assert np.array_equal(switches[..., 0] * width + switches[..., 1], places[0, 0].numpy())
    assert np.allclose(
        pool_mean(grid, size, stride), F.avg_pool2d(tensor, size, stride)[0, 0].numpy()
    )
    if stride >= size:  # where windows overlap, torch leaves it open which value wins
        theirs = F.max_unpool2d(values, places, size, stride, output_size=(height, width))
        assert np.array_equal(unpool(ours, switches, (height, width)), theirs[0, 0].numpy())


@given(st.integers(0, 2**31))
@settings(max_examples=50)
def test_a_maximum_moves_no_more_than_its_inputs(seed):
    """Changing every pixel by at most 1 changes every pooled value by at most 1."""
    random = np.random.default_rng(seed)
    grid, change = random.integers(0, 10, (6, 6)), random.integers(-1, 2, (6, 6))
    assert np.abs(pool_max(grid + change)[0] - pool_max(grid)[0]).max() <= 1


def test_blur_is_a_mean():
    """A flat map stays flat, a peak is spread: unlike the lecture's 'blurring'."""
    assert np.allclose(blur(np.full((4, 4), 7)), 7)
    peak = np.zeros((5, 5))
    peak[2, 2] = 9
    assert np.allclose(blur(peak)[1:4, 1:4], 1) and blur(peak).sum() == 9
