"""OpenVINO on the processor, in bf16 where that is native."""

from __future__ import annotations

import sys

import numpy as np
import torch

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.cnn.runtimes.kept import read_onnx_form
from mapsight.cnn.runtimes.runner import Runner
from mapsight.cnn.runtimes.torch_runtime import find_stride

# OpenVINO's own converter would tell its makers what it converts. It is not used here, and does
# without this package where it cannot be imported.
_TELEMETRY = "openvino_telemetry"


def open_openvino(model: Model, compute: Compute) -> Runner:
    """A runner on as many threads as torch would take, in the precision of `compute`."""
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(read_onnx_form(model)),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if compute.dtype is torch.bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        },
    )
    request = compiled.create_infer_request()

    def predict(images: np.ndarray) -> np.ndarray:
        found = request.infer({0: images.astype(np.float32) / 255})
        return np.array(found[0], np.float32)[:, 0]

    return Runner(predict, find_stride(model.net), model.card)
