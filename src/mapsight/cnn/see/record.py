"""A net as a list of steps, and what each of them answered to one image.

torch.fx writes down the steps of a net's `forward`, functions as well as modules, so that the way
can be gone back step by step and any step can be looked at by its name.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from mapsight.errors import InputError

_WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_ACTIVATIONS = (nn.ReLU, F.relu, torch.relu, "relu")


@dataclass(frozen=True)
class Layer:
    """A weighted step with the norm and the ReLU that follow it: what one calls a layer.

    name: the module's; first: the weighted step; last: the step whose answer is the layer's; kind:
    in words.
    """

    name: str
    first: fx.Node
    last: fx.Node
    kind: str


@dataclass(frozen=True, eq=False)
class Record:
    """The steps of a net and their answers to one batch; `values` ends where recording ended."""

    steps: fx.GraphModule
    values: dict[fx.Node, Any]

    @property
    def image(self) -> fx.Node:
        """The step that is the net's input."""
        image: fx.Node = next(node for node in self.steps.graph.nodes if node.op == "placeholder")
        return image

    @property
    def answer(self) -> fx.Node:
        """The step whose value the net returns."""
        end = next(node for node in reversed(self.steps.graph.nodes) if node.op == "output")
        answer: fx.Node = end.args[0]
        return answer


def trace_net(net: nn.Module) -> fx.GraphModule:
    """The steps of a copy of the net, in eval mode; nothing in it works in place, so that every
    answer stays.

    Raises InputError for a net whose steps depend on the values that it sees.
    """
    net = copy.deepcopy(net).eval().requires_grad_(False)
    for module in net.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # type: ignore[assignment]
    try:
        steps = fx.GraphModule(net, _Tracer().trace(net))
    except (fx.proxy.TraceError, TypeError) as error:
        raise InputError(
            type(net).__name__,
            f"its steps cannot be recorded ({error})",
            "choose a net whose steps do not depend on the image",
        ) from None
    for node in steps.graph.nodes:
        if node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}
    steps.recompile()
    return steps


class _Tracer(fx.Tracer):
    """A weighted layer is one step, also where a net has a kind of its own."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, _WEIGHTED) or super().is_leaf_module(m, module_qualified_name)


def record(steps: fx.GraphModule, x: Tensor, until: fx.Node | None = None) -> Record:
    """Runs a batch (B, C, H, W) through the steps, up to and with `until`, and keeps every
    answer.
    """
    runner = fx.Interpreter(steps, garbage_collect_values=False)
    runner.args_iter = iter((x,))
    with torch.no_grad():
        for node in steps.graph.nodes:
            if node.op == "output":
                break
            runner.env[node] = runner.run_node(node)
            if node is until:
                break
    return Record(steps, runner.env)


def list_layers(steps: fx.GraphModule) -> list[Layer]:
    """The weighted layers, from the image on."""
    layers = []
    for node in steps.graph.nodes:
        if isinstance(find_function(steps, node), _WEIGHTED):
            last, words = node, [_describe(find_function(steps, node))]
            while (step := _only_user(last)) is not None and (
                word := _name_companion(find_function(steps, step))
            ):
                last, words = step, [*words, word]
            layers.append(Layer(str(node.target), node, last, ", ".join(words)))
    return layers


def find_layer(layers: Sequence[Layer], name: str) -> Layer:
    """The layer of that name, or of that number (from 1, as the table has them); InputError names
    those there are.
    """
    named = {str(k + 1): layer for k, layer in enumerate(layers)} | {
        layer.name: layer for layer in layers
    }
    if name not in named:
        known = ", ".join(layer.name for layer in layers)
        raise InputError(
            f"layer '{name}'", "the net has none of this name", f"choose one of {known}"
        )
    return named[name]


def find_function(steps: fx.GraphModule, node: fx.Node) -> Any:
    """What a step does: its module, its function, or the name of its method."""
    return steps.get_submodule(str(node.target)) if node.op == "call_module" else node.target


def is_relu(function: Any) -> bool:
    return isinstance(function, nn.ReLU | nn.ReLU6) or (
        not isinstance(function, nn.Module) and function in _ACTIVATIONS
    )


def is_norm(function: Any) -> bool:
    return isinstance(function, _NORMS)


def _only_user(node: fx.Node) -> fx.Node | None:
    users = list(node.users)
    return users[0] if len(users) == 1 else None


def _name_companion(function: Any) -> str:
    return "norm" if is_norm(function) else "ReLU" if is_relu(function) else ""


def _describe(module: nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> str:
    if isinstance(module, nn.Linear):
        return "dense"
    size = "×".join(str(k) for k in module.kernel_size)
    stride, dilation = module.stride[0], module.dilation[0]
    name = "transposed conv" if isinstance(module, nn.ConvTranspose2d) else "conv"
    return (
        f"{name} {size}"
        + (f"/{stride}" if stride > 1 else "")
        + (f" dilated {dilation}" if dilation > 1 else "")
    )
