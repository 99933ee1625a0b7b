"""From an activation back to the pixels: the way of Zeiler & Fergus (2014), step by step.

Keep one activation and go back: through a pooling its value returns to where the maximum was (the
*switch*), through a ReLU only what is positive passes, through a convolution it is spread by the
transposed filters. Of the three rules only the ReLU's differs from the gradient, and two more
follow from it: see `RELU_RULES`. All other steps of our nets (batch norm, upsampling,
concatenation, shuffles, sums) are linear, and are transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from mapsight.cnn.see.record import Record, find_function, is_norm, is_relu
from mapsight.errors import InputError

# (signal from above, what the ReLU let through on the way up) → signal below
RELU_RULES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "deconvnet": lambda signal, _: signal.clamp_min(0),  # Zeiler & Fergus 2014
    "guided": lambda signal, passed: signal.clamp_min(0) * (passed > 0),  # Springenberg et al. 2015
    "gradient": lambda signal, passed: signal * (passed > 0),  # Simonyan et al. 2014
}
Owed = dict[
    fx.Node, Any
]  # what is still to go back through a step: a tensor, or {index: tensor} of a tuple
StepBack = Callable[[Record, fx.Node, Any], Iterator[tuple[fx.Node, Any]]]


def project(
    seen: Record,
    node: fx.Node,
    signal: Tensor,
    *,
    rule: str = "deconvnet",
    to: fx.Node | None = None,
) -> Tensor:
    """What a signal at a step's answer, of its shape, amounts to at the image (B, C, H, W), or at
    the step `to`.

    `rule` is a name in `RELU_RULES`. With 'gradient' the result is the gradient of (signal ·
    answer).
    """
    if rule not in RELU_RULES:
        raise InputError(f"rule '{rule}'", "unknown", f"choose one of {', '.join(RELU_RULES)}")
    return walk_back(seen, node, signal, to or seen.image, partial(_step_back, rule=rule))


def walk_back(
    seen: Record, node: fx.Node, signal: Tensor, to: fx.Node, step_back: StepBack
) -> Tensor:
    """Takes a signal back from step to step; where a value was used more than once, what comes back
    adds up.
    """
    owed: Owed = {node: signal}
    for step in reversed(seen.steps.graph.nodes):
        if step is to:
            break
        if step in owed:
            for source, part in step_back(seen, step, owed.pop(step)):
                owed[source] = _add(owed[source], part) if source in owed else part
    return owed[to] if to in owed else torch.zeros_like(seen.values[to])


def keep_one(answer: Tensor, channel: int, *place: int) -> Tensor:
    """Zeros of the answer's shape (1, C, …) but for one activation, which keeps its value."""
    kept = torch.zeros_like(answer)
    kept[0, channel, *place] = answer[0, channel, *place]
    return kept


def find_switches(x: Tensor, pooling: dict[str, Any]) -> Tensor:
    """(B, C, h, w) int64: at which pixel of its plane (B, C, H, W) each window has its maximum."""
    switches: Tensor = F.max_pool2d(x, **{**pooling, "return_indices": True})[1]
    return switches


def unpool(signal: Tensor, switches: Tensor, shape: torch.Size) -> Tensor:
    """Values (B, C, h, w) put where the switches point, zero elsewhere; overlapping windows add
    up.
    """
    planes = signal.new_zeros(*shape[:2], shape[2] * shape[3])
    return planes.scatter_add_(2, switches.flatten(2), signal.flatten(2)).reshape(shape)


def spread_filters(signal: Tensor, conv: nn.Conv2d, shape: torch.Size) -> Tensor:
    """Each value of (B, out, h, w) lays down its filter, scaled by it: the transposed convolution,
    (B, in, H, W).
    """
    geometry: list[tuple[int, ...]] = list(
        zip(conv.kernel_size, conv.stride, conv.padding, conv.dilation, strict=True)  # type: ignore[arg-type]
    )
    # several sizes give the same h × w when the stride is over 1: the rows that no filter reached
    # are added back
    missing = [
        size - ((n - 1) * s - 2 * p + d * (k - 1) + 1)
        for size, n, (k, s, p, d) in zip(shape[2:], signal.shape[2:], geometry, strict=True)
    ]
    return F.conv_transpose2d(
        signal,
        conv.weight,
        None,
        conv.stride,
        conv.padding,  # type: ignore[arg-type]
        missing,
        conv.groups,
        conv.dilation,
    )


def read_pooling(seen: Record, step: fx.Node) -> dict[str, Any] | None:
    """The arguments of a max pooling, or None for another step."""
    function = find_function(seen.steps, step)
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    if isinstance(function, nn.MaxPool2d):
        return {name: getattr(function, name) for name in names}
    if function in (F.max_pool2d, torch.max_pool2d):
        given = {**dict(zip(names, step.args[1:], strict=False)), **step.kwargs}
        return {name: given[name] for name in names if name in given}
    return None


def transpose_step(seen: Record, step: fx.Node, signal: Any) -> Iterator[tuple[fx.Node, Any]]:
    """Any differentiable step turned round by autograd: for a linear one this is its transpose."""
    if _is_choice(seen, step):  # one part of a tuple: the tuple is owed that part
        yield step.args[0], {step.args[1]: signal}  # type: ignore[misc]
        return
    sources = [node for node in step.all_input_nodes if _carries_signal(seen.values[node])]
    leaves = {node: seen.values[node].detach().requires_grad_() for node in sources}
    runner = fx.Interpreter(seen.steps, garbage_collect_values=False)
    runner.env = {**seen.values, **leaves}
    with torch.enable_grad():
        answer = runner.run_node(step)
    outputs, signals = (
        ([answer[k] for k in signal], list(signal.values()))
        if isinstance(signal, dict)
        else ([answer], [signal])
    )
    parts = torch.autograd.grad(outputs, list(leaves.values()), signals, allow_unused=True)
    yield from ((node, part) for node, part in zip(sources, parts, strict=True) if part is not None)


def _step_back(
    seen: Record, step: fx.Node, signal: Any, rule: str
) -> Iterator[tuple[fx.Node, Any]]:
    function, pooling = find_function(seen.steps, step), read_pooling(seen, step)
    source = step.args[0] if step.args else None
    if is_relu(function):
        yield source, RELU_RULES[rule](signal, seen.values[step])  # type: ignore[misc]
    elif pooling is not None and not isinstance(signal, dict):
        x = seen.values[source]  # type: ignore[index]
        yield source, unpool(signal, find_switches(x, pooling), x.shape)  # type: ignore[misc]
    elif (
        isinstance(function, nn.Conv2d)
        and function.padding_mode == "zeros"
        and not isinstance(function.padding, str)
    ):
        yield source, spread_filters(signal, function, seen.values[source].shape)  # type: ignore[index,misc]
    elif is_norm(function) and function.running_var is not None:
        scale = (function.weight if function.affine else 1) / (
            function.running_var + function.eps
        ).sqrt()
        yield source, signal * scale.reshape(1, -1, *[1] * (signal.ndim - 2))  # type: ignore[misc]
    else:
        yield from transpose_step(seen, step, signal)


def _carries_signal(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _is_choice(seen: Record, step: fx.Node) -> bool:
    return (
        step.op == "call_function"
        and getattr(step.target, "__name__", "") == "getitem"
        and isinstance(seen.values[step.args[0]], tuple | list)  # type: ignore[index]
        and not isinstance(seen.values[step.args[0]], torch.Size)  # type: ignore[index]
    )


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, dict):
        return {
            k: a[k] + b[k] if k in a and k in b else a.get(k, b.get(k)) for k in a.keys() | b.keys()
        }
    return a + b
