"""Which pixels of the image can a value see? For every row (and column) of every map: the first and
last row of the image that it can depend on, carried through the operations of a traced net.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from mapsight.lab.trace import Call, Trace

_NOTHING = (np.iinfo(int).max, -1)  # padding sees nothing
Axis = np.ndarray  # (n, 2): first and last pixel that each of n rows (or columns) can see
Sight = tuple[Axis, ...]  # one Axis a spatial axis


def follow_sight(trace: Trace) -> dict[int, Sight]:
    """id(tensor) → Sight, for all tensors that depend on the first input (B, C, spatial axes…)."""
    axes = trace.inputs[0].dim() - 2
    seen = {
        id(trace.inputs[0]): tuple(
            np.repeat(np.arange(n)[:, None], 2, axis=1) for n in trace.inputs[0].shape[2:]
        )
    }
    for call in trace.calls:
        sources = [t for t in call.list_inputs() if id(t) in seen]
        if not sources:
            continue
        for out in call.outputs:
            seen[id(out)] = _see(call, sources, out, seen, axes)
    return seen


def _see(
    call: Call, sources: Sequence[Tensor], out: Tensor, seen: dict[int, Sight], axes: int
) -> Sight:
    rule = _RULES.get(call.kind)
    if rule is not None and out.dim() > axes and sources[0].dim() > axes:
        steps = [rule(call, sources[0], out, axis - axes) for axis in range(axes)]
        return tuple(_gather(seen[id(sources[0])][k], steps[k]) for k in range(axes))
    sizes = tuple(out.shape[-axes:]) if out.dim() > axes else (1,) * axes
    fits = (
        call.kind not in _MIXES_PLACES
        and all(_matches(seen[id(t)], sizes) for t in sources)
        and not _turns(call, axes)
    )
    parts = [
        seen[id(t)] if fits else tuple(_join_all(axis) for axis in seen[id(t)]) for t in sources
    ]
    return tuple(_unite([part[k] for part in parts], sizes[k]) for k in range(axes))


def _matches(sight: Sight, sizes: tuple[int, ...]) -> bool:
    return all(len(axis) in (1, n) for axis, n in zip(sight, sizes, strict=True))


def _turns(call: Call, axes: int) -> bool:
    """A softmax, mean or permutation over the image's own axes mixes all places."""
    if call.kind in ("_softmax", "_log_softmax"):
        dim, count = int(call.arguments[1]), call.arguments[0].dim()
        return bool(dim % count >= count - axes)
    return call.kind in ("permute", "transpose")


def _join_all(axis: Axis) -> Axis:
    return np.array([[axis[:, 0].min(), axis[:, 1].max()]])


def _unite(parts: Sequence[Axis], size: int) -> Axis:
    spread = [np.broadcast_to(part, (size, 2)) for part in parts]
    return np.stack(
        [np.min([p[:, 0] for p in spread], axis=0), np.max([p[:, 1] for p in spread], axis=0)],
        axis=1,
    )


def _gather(axis: Axis, indices: list[range | list[int]]) -> Axis:
    """For each output place the union over the input places that it reads; those outside see
    nothing.
    """
    rows = []
    for places in indices:
        inside = [axis[i] for i in places if 0 <= i < len(axis)]
        rows.append((min(r[0] for r in inside), max(r[1] for r in inside)) if inside else _NOTHING)
    return np.array(rows)


def _pick(value: Any, axis: int) -> int:
    """The entry of a per-axis setting, counted from the last axis; one entry serves all."""
    return (
        int(value) if isinstance(value, int) else int(value[axis] if len(value) > 1 else value[0])
    )


def _convolution(call: Call, source: Tensor, out: Tensor, axis: int) -> list[Any]:
    _, weight, _, stride, padding, dilation, transposed, _, _ = call.arguments
    s, p, d = (_pick(v, axis) for v in (stride, padding, dilation))
    k, cells = weight.shape[axis], range(out.shape[axis])
    if transposed:
        return [[(o + p - a * d) // s for a in range(k) if (o + p - a * d) % s == 0] for o in cells]
    return [range(o * s - p, o * s - p + (k - 1) * d + 1, d) for o in cells]


def _pool(call: Call, source: Tensor, out: Tensor, axis: int) -> list[Any]:
    _, kernel, stride, padding, *rest = call.arguments
    k, p = _pick(kernel, axis), _pick(padding, axis)
    s = _pick(stride, axis) if stride else k
    d = _pick(rest[0], axis) if call.kind.startswith("max") else 1
    return [range(o * s - p, o * s - p + (k - 1) * d + 1, d) for o in range(out.shape[axis])]


def _adaptive(call: Call, source: Tensor, out: Tensor, axis: int) -> list[Any]:
    n, m = source.shape[axis], out.shape[axis]
    return [range(o * n // m, -(-(o + 1) * n // m)) for o in range(m)]


def _nearest(call: Call, source: Tensor, out: Tensor, axis: int) -> list[Any]:
    n, m = source.shape[axis], out.shape[axis]
    return [[o * n // m] for o in range(m)]


def _smooth(reach: int) -> Callable[[Call, Tensor, Tensor, int], list[Any]]:
    """Bilinear reads the 2 nearest places, bicubic 4; those outside are the border's."""

    def rule(call: Call, source: Tensor, out: Tensor, axis: int) -> list[Any]:
        n, m = source.shape[axis], out.shape[axis]
        corners = bool(call.arguments[2])
        at = [o * (n - 1) / max(m - 1, 1) if corners else (o + 0.5) * n / m - 0.5 for o in range(m)]
        at = [max(a, 0.0) if reach == 1 else a for a in at]
        lows = [int(np.floor(a)) for a in at]
        spans = [
            range(low - reach + 1, low + reach + 1) if a != low else [low]
            for a, low in zip(at, lows, strict=True)
        ]
        return [[min(max(i, 0), n - 1) for i in span] for span in spans]

    return rule


def _pad(call: Call, source: Tensor, out: Tensor, axis: int) -> list[Any]:
    amounts = list(call.arguments[1])
    at = 2 * (-axis - 1)
    before, n = (int(amounts[at]) if at < len(amounts) else 0), source.shape[axis]
    places = [o - before for o in range(out.shape[axis])]
    if call.kind.startswith("reflection"):
        places = [abs(i) if i < n else 2 * (n - 1) - i for i in places]
    if call.kind.startswith("replication"):
        places = [min(max(i, 0), n - 1) for i in places]
    return [[i] for i in places]


def _slice(call: Call, source: Tensor, out: Tensor, axis: int) -> list[Any]:
    _, dim, start, _, step = call.arguments
    n = source.shape[axis]
    if int(dim) % source.dim() != axis % source.dim():
        return [[o] for o in range(n)]
    first = int(start or 0)
    return [
        [max(first + n if first < 0 else first, 0) + o * int(step)] for o in range(out.shape[axis])
    ]


def _shuffle(call: Call, source: Tensor, out: Tensor, axis: int) -> list[Any]:
    factor = int(call.arguments[1])
    if call.kind == "pixel_unshuffle":
        return [range(o * factor, (o + 1) * factor) for o in range(out.shape[axis])]
    return [[o // factor] for o in range(out.shape[axis])]


_RULES: dict[str, Callable[[Call, Tensor, Tensor, int], list[Any]]] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _pool,
    "max_pool1d": _pool,
    "avg_pool1d": _pool,
    "avg_pool2d": _pool,
    "avg_pool3d": _pool,
    "_adaptive_avg_pool2d": _adaptive,
    "adaptive_max_pool2d": _adaptive,
    "upsample_nearest2d": _nearest,
    "_upsample_nearest_exact2d": _nearest,
    "max_unpool2d": _nearest,
    "upsample_bilinear2d": _smooth(1),
    "upsample_bicubic2d": _smooth(2),
    "constant_pad_nd": _pad,
    "reflection_pad2d": _pad,
    "replication_pad2d": _pad,
    "slice": _slice,
    "pixel_shuffle": _shuffle,
    "pixel_unshuffle": _shuffle,
}
# operations that keep the shape and still look at every place
_MIXES_PLACES = {
    "native_group_norm",
    "native_layer_norm",
    "flip",
    "roll",
    "grid_sampler_2d",
    "cumsum",
    "sort",
    "bmm",
    "mm",
    "addmm",
}
