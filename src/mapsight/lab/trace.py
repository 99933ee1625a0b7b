"""A net run without numbers (on torch's meta device), and every operation of it written down.

Works on what reaches torch's dispatcher, so that functional calls, branches and skips count like
layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from mapsight.errors import InputError

# tried in this order where a net does not say what it takes: (rows, columns)
_SIZES = (
    (224, 224),
    (28, 28),
    (32, 32),
    (64, 64),
    (227, 227),
    (256, 256),
    (66, 200),
    (512, 512),
    (572, 572),
)


@dataclass(frozen=True, eq=False)
class Call:
    """One operation: its ATen name, the module it ran in, its arguments, and the tensors that came
    out.

    `fresh` are those of the outputs that own memory of their own (no views, nothing done in place).
    """

    kind: str
    layer: str
    arguments: tuple[Any, ...]
    outputs: tuple[Tensor, ...]
    fresh: tuple[Tensor, ...]

    def list_inputs(self) -> list[Tensor]:
        """All tensors among the arguments, those in lists as well."""
        flat: list[Any] = []
        for argument in self.arguments:
            flat += argument if isinstance(argument, list | tuple) else [argument]
        return [value for value in flat if isinstance(value, Tensor)]


@dataclass(frozen=True, eq=False)
class Trace:
    """A net on the meta device, its inputs, and its calls in order."""

    net: nn.Module
    inputs: tuple[Tensor, ...]
    calls: tuple[Call, ...]


class _Recorder(TorchDispatchMode):
    def __init__(self, path: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it without types
        self.path, self.calls = path, list[Call]()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        outputs = tuple(result) if isinstance(result, list | tuple) else (result,)
        owned = [returned.alias_info is None for returned in func._schema.returns]
        if len(owned) != len(outputs):  # one list of tensors is returned
            owned = owned[:1] * len(outputs)
        fresh = tuple(
            o for o, new in zip(outputs, owned, strict=True) if new and isinstance(o, Tensor)
        )
        tensors = tuple(o for o in outputs if isinstance(o, Tensor))
        names = [argument.name for argument in func._schema.arguments]
        given = dict(zip(names, args, strict=False)) | dict(kwargs or {})
        arguments = tuple(
            given.get(a.name, a.default_value if a.has_default_value() else None)
            for a in func._schema.arguments
        )
        self.calls.append(
            Call(func._schema.name.partition("::")[2], self.path[-1], arguments, tensors, fresh)
        )
        return result


def build_on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    """The net in evaluation mode without memory for its weights; built for real where its start
    needs numbers.
    """
    try:
        with torch.device("meta"):
            net = make()
    except (RuntimeError, NotImplementedError):
        net = make().to("meta")
    return net.eval()


def trace_net(net: nn.Module, inputs: Sequence[Tensor]) -> Trace:
    """Run a meta net once on meta inputs and keep every call."""
    path = ["(net)"]
    recorder = _Recorder(path)
    with _follow_modules(net, path), torch.no_grad(), recorder:
        net(*inputs)
    return Trace(net, tuple(inputs), tuple(recorder.calls))


def make_input(net: nn.Module, shape: tuple[int, ...] | None = None) -> Tensor:
    """(1, *shape) on the meta device; without a shape, the first usual one that the net runs on."""
    if shape is not None:
        candidate = torch.empty(1, *shape, device="meta")
        if not _runs(net, candidate):
            raise InputError(
                f"input of {'×'.join(map(str, shape))}",
                "the net does not run on it",
                "give another --input",
            )
        return candidate
    first = next((m.in_channels for m in net.modules() if isinstance(m, nn.Conv2d)), 3)
    depths = dict.fromkeys(
        (first, 3, 1)
    )  # a net that starts by rearranging pixels is not as deep as its first filter
    for channels, size in [(depth, size) for depth in depths for size in _SIZES[depth == 1 :]]:
        candidate = torch.empty(1, channels, *size, device="meta")
        if _runs(net, candidate):
            return candidate
    raise InputError(
        "net",
        "runs on none of the usual input sizes",
        "say which with --input, as --input 3x224x224",
    )


def _runs(net: nn.Module, candidate: Tensor) -> bool:
    try:
        with torch.no_grad():
            net(candidate)
    except (RuntimeError, ValueError, AssertionError, IndexError, MemoryError, InputError):
        return False
    return True


@contextmanager
def _follow_modules(net: nn.Module, path: list[str]) -> Iterator[None]:
    """Keeps the name of the innermost running module at the end of `path`."""
    hooks = []
    for name, module in net.named_modules():
        if name:
            hooks.append(module.register_forward_pre_hook(lambda *_, name=name: path.append(name)))
            hooks.append(
                module.register_forward_hook(lambda *_: path.pop() and None, always_call=True)
            )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
