"""Convolution with explicit index ranges: channels, groups, stride, dilation, padding; its flip and
its transpose.

What a CNN calls convolution is cross-correlation: S(i, j) = Σ I(i + a, j + b) · K(a, b). True
convolution flips the kernel, S(i, j) = Σ I(i − a, j − b) · K(a, b) (Goodfellow et al. 2016, section
9.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapsight.errors import InputError

Sides = tuple[int, int]  # before and after
_MOST_ZEROS = 64


@dataclass(frozen=True)
class Steps:
    """How a filter walks: steps a move, pixels between neighbouring weights, zeros around (rows,
    columns).
    """

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[Sides, Sides] = ((0, 0), (0, 0))


def find_span(kernel: int, dilation: int = 1) -> int:
    """Pixels that `kernel` weights reach over: (kernel − 1) · dilation + 1."""
    return (kernel - 1) * dilation + 1


def find_padding(mode: str | int, kernel: int, dilation: int = 1) -> Sides:
    """Zeros before and after for 'valid', 'same' (odd zero at the end, as Keras), 'full', or a
    number for both.
    """
    reach = find_span(kernel, dilation) - 1
    if mode == "valid":
        return 0, 0
    if mode == "same":
        return reach // 2, reach - reach // 2
    if mode == "full":
        return reach, reach
    try:
        zeros = int(mode)
    except ValueError:
        zeros = -1
    if not 0 <= zeros <= _MOST_ZEROS:
        expectation = "unknown" if zeros < 0 else f"at most {_MOST_ZEROS} zeros a side make sense"
        raise InputError(
            f"padding '{mode}'", expectation, "choose valid, same, full or a number of zeros"
        )
    return zeros, zeros


def find_steps(
    mode: str | int,
    kernel: tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    dilation: int | tuple[int, int] = 1,
) -> Steps:
    """Steps for one of the modes and a kernel of (rows, columns)."""
    strides = (stride, stride) if isinstance(stride, int) else stride
    dilations = (dilation, dilation) if isinstance(dilation, int) else dilation
    rows, columns = (find_padding(mode, k, d) for k, d in zip(kernel, dilations, strict=True))
    return Steps(strides, dilations, (rows, columns))


def find_output_size(
    size: int, kernel: int, *, stride: int = 1, dilation: int = 1, padding: Sides = (0, 0)
) -> int:
    """floor((size + padding − span) / stride) + 1; InputError where the filter does not fit
    once.
    """
    room = size + sum(padding) - find_span(kernel, dilation)
    if room < 0:
        raise InputError(
            f"filter that spans {find_span(kernel, dilation)} px",
            f"does not fit into {size + sum(padding)} px",
            "use a larger image, a smaller filter or more padding",
        )
    return room // stride + 1


def pad_zeros(image: np.ndarray, padding: tuple[Sides, Sides]) -> np.ndarray:
    """(…, H, W) → (…, H + zeros, W + zeros)."""
    return np.pad(image, [(0, 0)] * (image.ndim - 2) + list(padding))


def correlate(
    image: np.ndarray, weights: np.ndarray, steps: Steps = Steps(), *, groups: int = 1
) -> np.ndarray:
    """What CNNs call convolution.

    image (C, H, W), weights (N, C/groups, rows, columns) → (N, H_out, W_out). Output map n belongs
    to the group n // (N/groups) and sees only the channels of that group.
    """
    channels, maps = image.shape[0], weights.shape[0]
    if channels % groups or maps % groups or weights.shape[1] * groups != channels:
        raise InputError(
            f"{channels} channels, {maps} maps of depth {weights.shape[1]} in {groups} groups",
            "do not match",
            "a filter is as deep as the input's channels divided by the groups",
        )
    padded = pad_zeros(image, steps.padding)
    out = np.zeros(
        (maps, *find_output_shape(image.shape[1:], weights.shape[2:], steps)),
        np.result_type(image, weights),
    )
    depth, maps_a_group = channels // groups, maps // groups
    for n in range(maps):
        first = n // maps_a_group * depth
        seen = padded[first : first + depth]
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                rows, columns = find_window(i, j, weights.shape[2:], steps)
                out[n, i, j] = (seen[:, rows, columns] * weights[n]).sum()
    return out


def find_window(i: int, j: int, kernel: Sequence[int], steps: Steps) -> tuple[slice, slice]:
    """Rows and columns of the padded input under the filter at output cell (i, j)."""
    top, left = i * steps.stride[0], j * steps.stride[1]
    height, width = (find_span(k, d) for k, d in zip(kernel, steps.dilation, strict=True))
    return slice(top, top + height, steps.dilation[0]), slice(left, left + width, steps.dilation[1])


def find_output_shape(size: Sequence[int], kernel: Sequence[int], steps: Steps) -> tuple[int, int]:
    """(rows, columns) of the map that a kernel makes of an input of (rows, columns)."""
    rows, columns = (
        find_output_size(
            size[k],
            kernel[k],
            stride=steps.stride[k],
            dilation=steps.dilation[k],
            padding=steps.padding[k],
        )
        for k in (0, 1)
    )
    return rows, columns


def convolve(
    image: np.ndarray, weights: np.ndarray, steps: Steps = Steps(), *, groups: int = 1
) -> np.ndarray:
    """Convolution as mathematics has it: cross-correlation with the filter turned by 180°."""
    return correlate(image, weights[..., ::-1, ::-1], steps, groups=groups)


def transpose_correlate(
    values: np.ndarray, weights: np.ndarray, steps: Steps = Steps()
) -> np.ndarray:
    """The transpose of `correlate` (a 'deconvolution'): every value stamps the filter, times
    itself, onto the output.

    values (N, h, w), weights (N, C, rows, columns) → (C, H, W), H = (h − 1) · stride + span −
    padding.
    """
    maps, height, width = values.shape
    tall, wide = (find_span(k, d) for k, d in zip(weights.shape[2:], steps.dilation, strict=True))
    size = ((height - 1) * steps.stride[0] + tall, (width - 1) * steps.stride[1] + wide)
    out = np.zeros((weights.shape[1], *size), np.result_type(values, weights))
    for n in range(maps):
        for i in range(height):
            for j in range(width):
                rows, columns = find_window(i, j, weights.shape[2:], steps)
                out[:, rows, columns] += values[n, i, j] * weights[n]
    (top, bottom), (left, right) = steps.padding
    if top + bottom >= size[0] or left + right >= size[1]:
        raise InputError(
            f"padding of {top + bottom}×{left + right}",
            "leaves no output",
            "use less padding",
        )
    return out[:, top : size[0] - bottom, left : size[1] - right]


def correlate_grid(
    image: np.ndarray,
    weights: np.ndarray,
    mode: str | int = "valid",
    *,
    stride: int = 1,
    dilation: int = 1,
) -> np.ndarray:
    """One channel, one filter: (H, W) and (rows, columns) → (H_out, W_out)."""
    rows, columns = weights.shape
    steps = find_steps(mode, (rows, columns), stride=stride, dilation=dilation)
    feature_map: np.ndarray = correlate(image[None], weights[None, None], steps)[0]
    return feature_map


def spell_products(letters: Sequence[str], rows: int, columns: int) -> list[str]:
    """The valid convolution as the lecture spells it: 's11 = a·w11 + b·w12 + d·w21 + e·w22', and so
    on.
    """
    lines = []
    for i in range(len(letters) - rows + 1):
        for j in range(len(letters[0]) - columns + 1):
            products = [
                f"{letters[i + a][j + b]}·w{a + 1}{b + 1}"
                for a in range(rows)
                for b in range(columns)
            ]
            lines.append(f"s{i + 1}{j + 1} = " + " + ".join(products))
    return lines


def spell_cell(window: np.ndarray, weights: np.ndarray) -> str:
    """One output cell's sum with its numbers: '0·(−1) + 255·0 + … = 1020'."""
    products = [
        f"{x:g}·{w:g}" if w >= 0 else f"{x:g}·(−{-w:g})"
        for x, w in zip(window.flat, weights.flat, strict=True)
    ]
    return " + ".join(products) + f" = {(window * weights).sum():g}".replace("-", "−")
