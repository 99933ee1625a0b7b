"""The programs that can run a net, behind one door: `open_runner`.

A new runtime is a file beside this one and a row of `RUNTIMES`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.cnn.runtimes.onnx_runtime import open_onnx
from mapsight.cnn.runtimes.openvino_runtime import open_openvino
from mapsight.cnn.runtimes.runner import Runner, average_flips
from mapsight.cnn.runtimes.torch_runtime import open_torch
from mapsight.errors import InputError, MapsightError

__all__ = ["RUNTIMES", "Runner", "Runtime", "average_flips", "open_runner"]


@dataclass(frozen=True)
class Runtime:
    """How a runtime opens a model, the packages that it needs, and the extra that brings them."""

    open: Callable[[Model, Compute], Runner]
    needs: tuple[str, ...] = ()
    extra: str = ""


RUNTIMES: dict[str, Runtime] = {
    "torch": Runtime(open_torch),
    "onnx": Runtime(open_onnx, needs=("onnx", "onnxscript", "onnxruntime"), extra="export"),
    "openvino": Runtime(open_openvino, needs=("onnx", "onnxscript", "openvino"), extra="fast"),
}


def open_runner(model: Model, compute: Compute) -> Runner:
    """The model, made ready to predict by the runtime that `compute` names.

    Raises
    ------
    InputError
        If no runtime has that name.
    MapsightError
        If a package that it needs is not installed.
    """
    if compute.runtime not in RUNTIMES:
        raise InputError(f"runtime '{compute.runtime}'", "unknown", f"choose {', '.join(RUNTIMES)}")
    runtime = RUNTIMES[compute.runtime]
    absent = [name for name in runtime.needs if importlib.util.find_spec(name) is None]
    if absent:
        raise MapsightError(
            f"runtime '{compute.runtime}'",
            f"needs {', '.join(absent)}",
            f"python -m pip install 'mapsight[{runtime.extra}]'",
        )
    return runtime.open(model, compute)
