"""The written-out convolution against torch, over shapes, strides, dilations, groups and
paddings.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import signal
from torch.nn import functional as F

from mapsight.errors import InputError
from mapsight.lab import lecture
from mapsight.lab.convolution import (
    Steps,
    convolve,
    correlate,
    correlate_grid,
    find_output_shape,
    find_output_size,
    find_padding,
    find_span,
    find_steps,
    spell_cell,
    spell_products,
    transpose_correlate,
)

small = st.integers(1, 3)
pairs = st.tuples(small, small)


@st.composite
def cases(draw, most_groups=3):
    """(image, weights, stride, dilation, padding, groups) that go together: the filter fits at
    least once.
    """
    groups, depth, maps = draw(st.integers(1, most_groups)), draw(small), draw(small)
    kernel, stride, dilation = draw(pairs), draw(pairs), draw(pairs)
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    least = [
        max(1, find_span(k, d) - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    size = [n + draw(st.integers(0, 5)) for n in least]
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    image = random.integers(-9, 10, (groups * depth, *size))
    weights = random.integers(-9, 10, (groups * maps, depth, *kernel))
    return image, weights, stride, dilation, padding, groups


def find_used(image, weights, steps):
    """Rows and columns of the padded image that the filter reaches."""
    cells = find_output_shape(image.shape[1:], weights.shape[2:], steps)
    spans = map(find_span, weights.shape[2:], steps.dilation)
    return [(n - 1) * s + span for n, s, span in zip(cells, steps.stride, spans, strict=True)]


@given(cases())
@settings(max_examples=150)
def test_equals_torch(case):
    """Whole numbers, so equal to the last digit."""
    image, weights, stride, dilation, padding, groups = case
    steps = Steps(stride, dilation, tuple((p, p) for p in padding))
    ours = correlate(image, weights, steps, groups=groups)
    theirs = F.conv2d(
        torch.tensor(image)[None].double(),
        torch.tensor(weights).double(),
        None,
        stride,
        padding,
        dilation,
        groups,
    )
    assert np.array_equal(ours, theirs[0].numpy())


@given(cases(most_groups=1))
@settings(max_examples=100)
def test_transpose_equals_torch(case):
    """The transposed convolution is torch's conv_transpose2d, padding cut off."""
    image, weights, stride, dilation, padding, _ = case
    steps = Steps(stride, dilation, tuple((p, p) for p in padding))
    assume(all(n > 2 * p for n, p in zip(find_used(image, weights, steps), padding, strict=True)))
    values = correlate(image, weights, steps)
    theirs = F.conv_transpose2d(
        torch.tensor(values)[None].double(),
        torch.tensor(weights).double(),
        None,
        stride,
        padding,
        0,
        1,
        dilation,
    )
    assert np.array_equal(transpose_correlate(values, weights, steps), theirs[0].numpy())


@given(cases(most_groups=1))
@settings(max_examples=60)
def test_transpose_is_the_adjoint(case):
    """⟨correlate(x), y⟩ = ⟨x, transpose(y)⟩: the definition, without torch."""
    image, weights, stride, dilation, padding, _ = case
    # only inputs that the stride leaves no rest of: what is never seen has no place in the
    # transpose
    steps = Steps(stride, dilation, tuple((p, p) for p in padding))
    used = [n - 2 * p for n, p in zip(find_used(image, weights, steps), padding, strict=True)]
    assume(min(used) > 0)
    image = image[:, : used[0], : used[1]]
    shape = find_output_shape(image.shape[1:], weights.shape[2:], steps)
    values = np.random.default_rng(0).integers(-9, 10, (weights.shape[0], *shape))
    assert (correlate(image, weights, steps) * values).sum() == (
        image * transpose_correlate(values, weights, steps)
    ).sum()


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 2), (5, 3), (1, 4)])
def test_modes_against_scipy(mode, kernel):
    """valid, same and full have scipy's values, for the correlation and for the flipped, true
    convolution.
    """
    random = np.random.default_rng(2)
    image, weights = random.integers(0, 9, (7, 8)), random.integers(-4, 5, kernel)
    steps = find_steps(mode, kernel)
    flipped = convolve(image[None], weights[None, None], steps)[0]
    if mode == "same":  # scipy gives the odd zero to the other side: compare inside 'full'
        top, left = (k - 1 - find_padding("same", k)[0] for k in kernel)
        assert np.array_equal(
            flipped, signal.convolve2d(image, weights, "full")[top : top + 7, left : left + 8]
        )
    else:
        assert np.array_equal(flipped, signal.convolve2d(image, weights, mode))
        assert np.array_equal(
            correlate_grid(image, weights, mode), signal.correlate2d(image, weights, mode)
        )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_keeps_the_size_as_torch_does(kernel, dilation):
    """'same' at stride 1 is torch's padding='same', even kernels too: the odd zero comes last."""
    random = np.random.default_rng(3)
    image, weights = random.integers(0, 9, (9, 10)), random.integers(-4, 5, (kernel, kernel))
    theirs = F.conv2d(
        torch.tensor(image)[None, None].double(),
        torch.tensor(weights)[None, None].double(),
        padding="same",
        dilation=dilation,
    )
    assert np.array_equal(
        correlate_grid(image, weights, "same", dilation=dilation), theirs[0, 0].numpy()
    )


def test_lecture_products():
    """The four dot products as the lecture writes them, and their numbers."""
    assert spell_products(lecture.LETTERS, 2, 2) == [
        "s11 = a·w11 + b·w12 + d·w21 + e·w22",
        "s12 = b·w11 + c·w12 + e·w21 + f·w22",
        "s21 = d·w11 + e·w12 + g·w21 + h·w22",
        "s22 = e·w11 + f·w12 + h·w21 + i·w22",
    ]
    window = lecture.IMAGE[1:4, 2:5]  # the 3×3 patch that the lecture multiplies out
    assert spell_cell(window, lecture.SOBEL_X).endswith("= 1020")
    assert spell_cell(np.array([[2, 3]]), np.array([[-1, 0.5]])) == "2·(−1) + 3·0.5 = −0.5"


def test_lecture_sizes():
    """10×10×3 under a 2×2×3 filter gives the lecture's 5×5×1 only with stride 2; 5×5 under 3×3
    'same' stays 5×5.
    """
    image, weights = np.ones((3, 10, 10)), np.ones((1, 3, 2, 2))
    assert correlate(image, weights, find_steps("valid", (2, 2), stride=2)).shape == (1, 5, 5)
    assert correlate(image, weights).shape == (1, 9, 9)
    assert correlate_grid(np.ones((5, 5)), np.ones((3, 3)), "same").shape == (5, 5)
    assert correlate_grid(np.ones((5, 5)), np.ones((3, 3))).shape == (3, 3)


def test_what_does_not_fit_is_refused():
    """A filter larger than its image, a filter of the wrong depth, a padding that is none."""
    with pytest.raises(InputError, match="does not fit"):
        find_output_size(3, 5)
    with pytest.raises(InputError, match="as deep as"):
        correlate(np.ones((3, 5, 5)), np.ones((1, 2, 2, 2)))
    for wrong in ("some", -1, "-2"):
        with pytest.raises(InputError, match="valid, same, full"):
            find_padding(wrong, 3)
