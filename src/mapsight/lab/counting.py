"""Parameters, connections, multiply-adds and activation memory of any net, layer by layer, exactly.

Multiply-adds are those of convolutions and matrix products (as torch's flop counter has them,
halved); connections are pairs of values that a weight joins, zeros of the padding not among them;
activations are all values a forward pass of one item makes, those done in place and views aside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from mapsight.lab.connections import count_taps_between
from mapsight.lab.trace import Call, Trace

_UNUSED = "(not in this pass)"


@dataclass(frozen=True)
class LayerCount:
    """What one layer has and does; `kind` is the ATen operation that it mostly is."""

    layer: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    connections: int
    multiplies: int
    activations: int


def count_layers(trace: Trace) -> list[LayerCount]:
    """One row a module that does something, in the order of the pass; parameters no call uses come
    last.
    """
    owners = {id(p): {name} for name, p in trace.net.named_parameters()}
    sizes = {name: p.numel() for name, p in trace.net.named_parameters() if p.requires_grad}
    counted: set[str] = set()
    rows = []
    for call in trace.calls:
        used = set().union(*(owners.get(id(t), set()) for t in call.list_inputs()))
        if used and all(
            id(t) in owners for t in call.list_inputs()
        ):  # a weight turned or reshaped on its way
            owners |= {id(t): used for t in call.outputs}
            continue
        parameters = sum(sizes.get(name, 0) for name in used - counted)
        counted |= used
        rows.append(_count_call(call, parameters))
    rows = list(_merge(row for row in rows if row.parameters or row.multiplies or row.activations))
    if rest := sum(size for name, size in sizes.items() if name not in counted):
        rows.append(LayerCount(_UNUSED, "", (), rest, 0, 0, 0))
    return rows


_NAMES = {
    "convolution": "convolution",
    "addmm": "dense",
    "mm": "dense",
    "bmm": "product",
    "max_pool2d_with_indices": "max pool",
    "avg_pool2d": "mean pool",
    "_adaptive_avg_pool2d": "mean pool",
    "mean": "mean",
    "native_batch_norm": "batch norm",
    "upsample_nearest2d": "upsample",
    "upsample_bilinear2d": "upsample",
    "max_unpool2d": "unpool",
    "constant_pad_nd": "padding",
    "cat": "join",
    "_softmax": "softmax",
    "relu_": "relu",
}


def name_kind(kind: str) -> str:
    """What people call an ATen operation."""
    return _NAMES.get(kind, kind.strip("_").replace("_", " "))


def sum_rows(rows: Iterable[LayerCount], layer: str = "sum") -> LayerCount:
    """All rows as one."""
    rows = list(rows)
    totals = [
        sum(getattr(row, name) for row in rows)
        for name in ("parameters", "connections", "multiplies", "activations")
    ]
    return LayerCount(layer, "", rows[-1].shape, *totals)


def group_rows(rows: list[LayerCount], most: int = 40) -> list[LayerCount]:
    """Rows joined by the first parts of their names, as deep as `most` rows allow."""
    deepest = max(row.layer.count(".") for row in rows) + 1
    for depth in range(deepest, 0, -1):
        grouped = list(_merge((row for row in rows), depth))
        if len(grouped) <= most or depth == 1:
            return grouped
    return rows


def _count_call(call: Call, parameters: int) -> LayerCount:
    values = sum(t.numel() for t in call.fresh if t.is_floating_point())
    if call.kind in _CREATORS:
        values = 0
    shape = tuple(call.outputs[0].shape[1:]) if call.outputs else ()
    connections, multiplies = _COUNTERS.get(call.kind, lambda _: (0, 0))(call)
    return LayerCount(call.layer, call.kind, shape, parameters, connections, multiplies, values)


def _count_convolution(call: Call) -> tuple[int, int]:
    x, weight, _, stride, padding, dilation, transposed, *_ = call.arguments
    out = call.outputs[0]
    # a transposed convolution is the convolution of its output
    small, large = (x, out) if transposed else (out, x)
    settings = (_spread(values, weight.dim() - 2) for values in (stride, padding, dilation))
    taps = [
        count_taps_between(cells, n, k, stride=s, padding_before=p, dilation=d)
        for cells, n, k, s, p, d in zip(
            small.shape[2:], large.shape[2:], weight.shape[2:], *settings, strict=True
        )
    ]
    pairs = weight.shape[0] * weight.shape[1]  # output map × input map, within groups
    return x.shape[0] * pairs * prod(taps), x.shape[0] * pairs * prod(weight.shape[2:]) * prod(
        small.shape[2:]
    )


def _spread(values: list[int], axes: int) -> list[int]:
    return list(values) * axes if len(values) == 1 else list(values)


def _count_product(call: Call) -> tuple[int, int]:
    left, right = [t for t in call.list_inputs() if t.dim() >= 2][-2:]
    pairs = prod(left.shape) * right.shape[-1]
    return pairs, pairs


_COUNTERS = {"convolution": _count_convolution} | dict.fromkeys(
    ("mm", "addmm", "bmm", "baddbmm"), _count_product
)
_CREATORS = {
    "empty",
    "zeros",
    "ones",
    "full",
    "arange",
    "empty_like",
    "zeros_like",
    "new_zeros",
    "new_empty",
}


def _merge(rows: Iterable[LayerCount], depth: int | None = None) -> Iterable[LayerCount]:
    """Neighbouring rows of one layer as one; its kind is that of its heaviest call."""
    held: list[LayerCount] = []
    for row in rows:
        name = row.layer if depth is None else ".".join(row.layer.split(".")[:depth])
        row = LayerCount(
            name, *[getattr(row, f) for f in list(LayerCount.__dataclass_fields__)[1:]]
        )
        if held and held[0].layer != name:
            yield _join(held)
            held = []
        held.append(row)
    if held:
        yield _join(held)


def _join(rows: list[LayerCount]) -> LayerCount:
    total = sum_rows(rows, rows[0].layer)
    kind = max(rows, key=lambda row: (row.parameters, row.multiplies, row.activations)).kind
    return LayerCount(
        total.layer,
        kind,
        total.shape,
        total.parameters,
        total.connections,
        total.multiplies,
        total.activations,
    )
