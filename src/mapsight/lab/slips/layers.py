"""Slips about connections, activations, equivariance and pooling."""

from __future__ import annotations

import numpy as np

from mapsight.lab import lecture
from mapsight.lab.activations import (
    ACTIVATIONS,
    draw_outputs,
    measure_same_sign,
    measure_saturation,
)
from mapsight.lab.connections import count_taps
from mapsight.lab.convolution import correlate_grid
from mapsight.lab.equivariance import LAYERS, measure_equivariance
from mapsight.lab.lecture import SOBEL_X
from mapsight.lab.pooling import blur, pool_max
from mapsight.lab.scenes import draw_scene, to_grey
from mapsight.lab.slips.slip import Slip
from mapsight.lab.studies.pool import count_twins


def show_k_times_n() -> Slip:
    """Connections and weights of the lecture's own 100×100×3 example."""
    weights, outputs = 5 * 5 * 3, 100 * 100
    connections = 3 * count_taps(100, 5, padding=(2, 2)) ** 2
    return Slip(
        "k × n parameters",
        "limited connections k ≪ m, thus only k × n parameters",
        f"k × n counts connections ({weights * outputs:,} here, {connections:,} without the"
        f" padding); the parameters are shared, so only k = {weights}",
        {"k": weights, "k times n": weights * outputs, "connections": connections},
    )


def show_memory() -> Slip:
    """Bytes of the dense layer that the lecture calls impossible."""
    gigabytes = 100 * 100 * 3 * 100 * 100 * 4 / 1e9
    return Slip(
        "physical limitations",
        "replicating it with a dense net isn't even possible",
        f"300,000,000 weights take {gigabytes:g} GB in fp32, a laptop holds that, and VGG-16 (138"
        " million) has nearly half as many; it is wasteful, not impossible",
        {"gigabytes": gigabytes},
    )


def show_anywhere() -> Slip:
    """The same feature in the middle and at the border, under G_x with zero padding."""
    error = measure_equivariance(
        LAYERS["convolution, same"], to_grey(draw_scene()), 1, inside=False
    )
    flat = correlate_grid(np.full((6, 6), 255), SOBEL_X, "same")
    return Slip(
        "found anywhere",
        "the filter is literally able to find the feature anywhere",
        "not at the border: zero padding makes edges of its own (a flat white image answers"
        f" {flat[2, 0]:g} there), an error of {100 * error:.0f} % of the largest answer; and a"
        " stride finds only every second place",
        {"border": int(flat[2, 0]), "inside": int(np.abs(flat[1:-1, 1:-1]).max()), "error": error},
    )


def show_zero_centring() -> Slip:
    """Share of samples that pull all weights of a neuron the same way, for three activations."""
    shares = {
        name: measure_same_sign(draw_outputs(ACTIVATIONS[name]))
        for name in ("sigmoid", "relu", "tanh")
    }
    return Slip(
        "zero-centring",
        "sigmoid outputs are not zero-centred, so gradients have one sign: use ReLU",
        f"ReLU outputs are no more centred: one sign in {shares['relu']:.0%} of samples, as for the"
        f" sigmoid ({shares['sigmoid']:.0%}); tanh {shares['tanh']:.1%}. ReLU wins by the other"
        " reason, saturation",
        shares,
    )


def show_tanh() -> Slip:
    """Share of flat inputs for sigmoid and tanh."""
    flat = {name: measure_saturation(ACTIVATIONS[name]) for name in ("sigmoid", "tanh")}
    return Slip(
        "tanh",
        "never the sigmoid, since it saturates; maybe tanh",
        f"tanh(x) = 2σ(2x) − 1 saturates as well, and sooner: {flat['tanh']:.0%} of N(0, 3²) lie"
        f" flat, {flat['sigmoid']:.0%} for the sigmoid; what saves it is its slope of 1 in the"
        " middle, four times the sigmoid's",
        flat,
    )


def show_halving() -> Slip:
    """2×2 pooling with stride 2 of a 5×5 map whose largest value lies in the last column."""
    grid = np.zeros((5, 5), int)
    grid[2, 4] = 9
    pooled = pool_max(grid)[0]
    return Slip(
        "halving",
        "a stride of 2 will halve the dimensions",
        f"5×5 becomes {pooled.shape[0]}×{pooled.shape[1]}: an odd last row and column are never"
        f" read, a 9 there pools to {pooled.max()}",
        {"shape": pooled.shape, "largest": int(pooled.max())},
    )


def show_loss() -> Slip:
    """How many maps of whole numbers from 0 to 9 share the lecture's pooled map."""
    twins = count_twins(lecture.POOLED_INPUT)
    return Slip(
        "information",
        "downsample, but optimally lose no information",
        f"of 16 numbers 12 are dropped: {twins} different maps of numbers from 0 to 9 pool to 8, 6,"
        " 9, 3",
        {"twins": int(twins.replace(",", ""))},
    )


def show_rotation() -> Slip:
    """The rotated map: pooled, and what a dense layer behind it says."""
    before, after = pool_max(lecture.POOLED_INPUT)[0], pool_max(lecture.POOLED_ROTATED)[0]
    dense = np.array([[1, 0], [0, -1]])  # any weights that are not all equal
    said = [int((dense * pooled).sum()) for pooled in (before, after)]
    features = correlate_grid(np.rot90(lecture.IMAGE), SOBEL_X)
    turned = np.rot90(correlate_grid(lecture.IMAGE, SOBEL_X))
    kept = bool(np.array_equal(features, turned))
    return Slip(
        "rotation",
        "rotated, we obtain the very same activations; the CNN will still extract the crucial"
        " information",
        "the same numbers at other places: pooling turns along, and a dense layer behind it says"
        f" {said[0]} before, {said[1]} after. In front of it, the feature map of a turned image"
        f" is{'' if kept else ' not'} the turned feature map",
        {
            "same numbers": sorted(before.ravel().tolist()) == sorted(after.ravel().tolist()),
            "said": said,
            "turns": kept,
        },
    )


def show_blur() -> Slip:
    """What the lecture's 'blurring' changed, and what blurring does."""
    change = lecture.POOLED_BLURRED - lecture.POOLED_INPUT
    row, col = (int(k) for k in np.argwhere(np.abs(change) > 1)[0])
    blurred = np.abs(
        pool_max(blur(lecture.POOLED_INPUT))[0] - pool_max(lecture.POOLED_INPUT)[0]
    ).max()
    changed = str(change[row, col]).replace("-", "−")
    return Slip(
        "blurring",
        "blurring by randomly changing pixels by +1 or −1 only marginally changes activations",
        f"that is noise, not blur, and one entry (row {row + 1}, column {col + 1}) changes by"
        f" {changed}; a true blur changes the pooled values by up to {blurred:.1f}",
        {"largest change": int(np.abs(change).max()), "by blur": float(blurred)},
    )


SLIPS = (
    show_k_times_n,
    show_memory,
    show_anywhere,
    show_zero_centring,
    show_tanh,
    show_halving,
    show_loss,
    show_rotation,
    show_blur,
)
