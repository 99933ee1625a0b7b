"""Slips about filters, convolution, padding and strides."""

from __future__ import annotations

import numpy as np

from mapsight.errors import InputError
from mapsight.lab import lecture
from mapsight.lab.convolution import (
    convolve,
    correlate,
    correlate_grid,
    find_output_size,
    find_padding,
    find_steps,
)
from mapsight.lab.filters import answer_edge
from mapsight.lab.lecture import SOBEL_X
from mapsight.lab.slips.slip import Slip


def show_edges() -> Slip:
    """A unit edge of each kind under G_x."""
    upright, lying = answer_edge(SOBEL_X, 0), answer_edge(SOBEL_X, 90)
    return Slip(
        "edges of G_x",
        "G_x enables us to detect horizontal edges",
        f"to a vertical edge G_x answers {upright:g}, to a horizontal one {lying:g}: it measures"
        " the horizontal gradient",
        {"vertical": upright, "horizontal": lying},
    )


def show_copies() -> Slip:
    """The later printings of the table of pixels, compared with the first."""
    copies = (lecture.IMAGE_COPY_2, lecture.IMAGE_COPY_3)
    pixels = [int((copy != lecture.IMAGE).sum()) for copy in copies]
    maps = [
        int((correlate_grid(copy, SOBEL_X, "full") != lecture.FEATURE_MAP).sum()) for copy in copies
    ]
    return Slip(
        "copies of the table",
        "the table of pixels is shown three times",
        f"the copies differ from the first in {pixels[0]} and {pixels[1]} of 100 pixels; their"
        f" feature maps in {maps[0]} and {maps[1]} of 144 entries",
        {"pixels": pixels, "entries": maps},
    )


def show_flip() -> Slip:
    """The lecture's 'I ∗ G_x' as true convolution."""
    steps = find_steps("full", (3, 3))
    true = convolve(lecture.IMAGE[None], SOBEL_X[None, None], steps)[0]
    answers = lecture.FEATURE_MAP != 0
    equal = int((true == lecture.FEATURE_MAP)[answers].sum())
    return Slip(
        "convolution",
        "(I ∗ G_x), a convolution",
        f"the numbers are a cross-correlation: true convolution turns the filter, and {equal} of "
        f"{int(answers.sum())} answers come out equal (all have the other sign)",
        {"equal": equal, "negated": bool(np.array_equal(true, -lecture.FEATURE_MAP))},
    )


def show_full_padding() -> Slip:
    """Sizes of the Sobel map under the paddings that the lecture names, and under the one it
    uses.
    """
    sizes = {
        mode: find_output_size(10, 3, padding=find_padding(mode, 3))
        for mode in ("valid", "same", "full")
    }
    return Slip(
        "padding of the Sobel map",
        "convolutions are 'valid' or 'same'",
        f"10×10 pixels give {sizes['valid']}×{sizes['valid']} valid and"
        f" {sizes['same']}×{sizes['same']} same; the lecture's {sizes['full']}×{sizes['full']} map"
        " is 'full', two zeros a side, which it never names",
        sizes,
    )


def show_stride() -> Slip:
    """The map of a 2×2×3 filter over 10×10×3 for strides 1 and 2."""
    image, weights = np.ones((3, 10, 10)), np.ones((1, 3, 2, 2))
    sides = {
        s: correlate(image, weights, find_steps("valid", (2, 2), stride=s)).shape[1] for s in (1, 2)
    }
    return Slip(
        "the first feature map",
        "a 2×2×3 filter makes 5×5×1 of 10×10×3",
        f"only with stride 2, which is explained later: stride 1 makes {sides[1]}×{sides[1]},"
        f" stride 2 {sides[2]}×{sides[2]}",
        {f"stride {s}": n for s, n in sides.items()},
    )


def show_depth() -> Slip:
    """A grouped convolution, as in the lecture's own example AlexNet: filters half as deep as their
    input.
    """
    weights = np.ones((4, 3, 1, 1))  # 4 maps, filters of depth 3, input of depth 6
    out = correlate(np.arange(6.0).reshape(6, 1, 1), weights, groups=2)
    try:
        correlate(np.ones((6, 1, 1)), weights)
        refused = False
    except InputError:
        refused = True
    return Slip(
        "depth of a filter",
        "a filter's depth is always equal to the input's depth",
        f"not in groups: filters of depth 3 on 6 channels give {out.ravel().tolist()}; AlexNet's"
        " second layer (2012) has filters of depth 48 on 96 channels",
        {"maps": out.ravel().tolist(), "refused without groups": refused},
    )


def show_same() -> Slip:
    """'Same' padding for even filters, and with a stride."""
    even, strided = (
        find_padding("same", 2),
        find_output_size(5, 3, stride=2, padding=find_padding("same", 3)),
    )
    return Slip(
        "same padding",
        "'same' always works, with one, two or more rows of zeros",
        f"an even filter needs an odd number of zeros: {even[0]} before and {even[1]} after, so the"
        " map is off by half a pixel; with stride 2 nothing keeps the size: 5×5 becomes"
        f" {strided}×{strided}",
        {"even": even, "strided": strided},
    )


SLIPS = (show_edges, show_copies, show_flip, show_full_padding, show_stride, show_depth, show_same)
