"""Receptive fields: computed from the operations of a net, and confirmed by gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mapsight.errors import InputError
from mapsight.lab.sight import Axis, follow_sight
from mapsight.lab.trace import Trace, make_input, trace_net

_SHOWN = {
    "convolution",
    "max_pool2d_with_indices",
    "avg_pool2d",
    "_adaptive_avg_pool2d",
    "max_unpool2d",
    "mean",
    "upsample_nearest2d",
    "upsample_bilinear2d",
    "pixel_shuffle",
    "pixel_unshuffle",
    "addmm",
}
_LARGEST_PX = 2048


@dataclass(frozen=True)
class Field:
    """What the middle unit of a map sees: pixels (rows, columns), and the step in pixels from unit
    to unit.

    The step is None where no two units see no border. `whole`: the field reaches the border of the
    image, so that it would be larger in a larger one, or is all there is.
    """

    layer: str
    kind: str
    map_shape: tuple[int, ...]
    size_px: tuple[int, int]
    jump_px: float | None
    whole: bool


def find_fields(trace: Trace) -> list[Field]:
    """The field after every operation that can widen it, in the order of the pass."""
    seen, fields = follow_sight(trace), []
    extent = tuple(trace.inputs[0].shape[2:])
    for call in trace.calls:
        if call.kind in _SHOWN and call.outputs and id(call.outputs[0]) in seen:
            sight = seen[id(call.outputs[0])]
            spans = [_look(axis, n) for axis, n in zip(sight, extent, strict=True)]
            whole = any(span[2] for span in spans)
            size = (spans[0][0], spans[-1][0])
            fields.append(
                Field(
                    call.layer,
                    call.kind,
                    tuple(call.outputs[0].shape[1:]),
                    size,
                    spans[-1][1],
                    whole,
                )
            )
    return fields


def find_output_sight(trace: Trace) -> tuple[tuple[int, int], ...]:
    """First and last pixel, a pair an axis, that the middle unit of the net's output can see."""
    seen = follow_sight(trace)
    last = next(o for call in reversed(trace.calls) for o in call.outputs[:1] if id(o) in seen)
    return tuple(
        (int(axis[len(axis) // 2][0]), int(axis[len(axis) // 2][1])) for axis in seen[id(last)]
    )


def trace_unclipped(net: nn.Module, shape: tuple[int, ...] | None = None) -> Trace:
    """The net on an image so large that its middle output sees no border, if it takes one; else on
    its own size.
    """
    first = make_input(net, shape)
    trace = trace_net(net, [first])
    if shape is not None:
        return trace
    channels, side = first.shape[1], 64
    while side <= _LARGEST_PX:
        try:
            larger = trace_net(net, [make_input(net, (channels, side, side))])
        except InputError:  # too small, or the net takes one size only
            side *= 2
            continue
        if not any(lo == 0 or hi == side - 1 for lo, hi in find_output_sight(larger)):
            return larger
        side *= 2
    return trace


def _look(axis: Axis, extent: int) -> tuple[int, float | None, bool]:
    """(pixels seen, jump, reaches the border) of the middle of an axis."""
    first, last = axis[len(axis) // 2]
    free = np.flatnonzero(
        (axis[:, 0] > 0) & (axis[:, 1] < extent - 1)
    )  # the border cuts fields off
    middles = axis.mean(axis=1)
    jump = (
        float((middles[free[-1]] - middles[free[0]]) / (free[-1] - free[0]))
        if len(free) > 1
        else None
    )
    return int(last - first + 1), jump and round(jump, 2), bool(first == 0 or last == extent - 1)


class _Linear(TorchFunctionMode):
    """Lets every gradient through: activations become the identity, the largest of a window its
    mean.
    """

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        if name in _IDENTITIES:
            return args[0]
        if name == "max_pool2d" and not kwargs.get("return_indices"):
            kernel, stride, padding = _read_pool(args, kwargs)
            return F.avg_pool2d(
                args[0], kernel, stride, padding, ceil_mode=bool(kwargs.get("ceil_mode", False))
            )
        return func(*args, **kwargs)


_IDENTITIES = {
    "relu",
    "relu_",
    "leaky_relu",
    "leaky_relu_",
    "sigmoid",
    "sigmoid_",
    "tanh",
    "elu",
    "gelu",
    "silu",
    "softmax",
    "log_softmax",
    "dropout",
    "local_response_norm",
}


def _read_pool(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    given = dict(zip(("input", "kernel_size", "stride", "padding"), args, strict=False)) | dict(
        kwargs
    )
    return (
        given["kernel_size"],
        given.get("stride") or given["kernel_size"],
        given.get("padding", 0),
    )


def open_weights(net: nn.Module) -> nn.Module:
    """A copy in float64 whose weights are all positive means, so that no path cancels another."""
    opened = copy.deepcopy(net).double().eval()
    with torch.no_grad():
        for name, parameter in opened.named_parameters():
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
        for module in opened.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.fill_(1.0 / module.weight[0].numel())
            elif isinstance(module, nn.ConvTranspose2d):
                module.weight.fill_(1.0 / (module.weight[:, 0].numel()))
    return opened


def measure_gradient(net: nn.Module, image: Tensor, *, linear: bool = True) -> np.ndarray:
    """|∂ middle output / ∂ pixel|, summed over channels, (H, W); image (1, C, H, W)."""
    image = image.clone().requires_grad_()
    if linear:
        with _Linear():
            out = _find_tensor(net(image))
    else:
        out = _find_tensor(net(image))
    out[0].reshape(out.shape[1], -1)[:, _find_middle(out.shape[2:])].sum().backward()
    assert image.grad is not None
    return image.grad[0].abs().sum(0).numpy()


def _find_middle(sizes: Sequence[int]) -> int:
    """The place of the middle unit in a flattened map."""
    return int(np.ravel_multi_index([n // 2 for n in sizes], tuple(sizes))) if sizes else 0


def find_extent(gradient: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row, first and last column with a gradient that is not 0."""
    rows, columns = (np.flatnonzero(gradient.any(axis=axis)) for axis in (1, 0))
    return (int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1]))


def confirm_by_gradient(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> np.ndarray:
    """The opened net's gradient at an image of `shape` (C, H, W): not 0 exactly where the middle
    output can see.
    """
    torch.manual_seed(0)
    return measure_gradient(open_weights(make()), torch.rand(1, *shape, dtype=torch.float64))


def _find_tensor(result: Any) -> Tensor:
    """The (first) tensor of what a net returns."""
    if isinstance(result, Mapping):
        result = list(result.values())
    return _find_tensor(result[0]) if isinstance(result, list | tuple) else result
