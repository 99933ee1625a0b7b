"""ONNX Runtime, in fp32 on the processor: for machines where it beats torch."""

from __future__ import annotations

import numpy as np
import torch

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.cnn.runtimes.kept import read_onnx_form
from mapsight.cnn.runtimes.runner import Runner
from mapsight.cnn.runtimes.torch_runtime import find_stride


def open_onnx(model: Model, compute: Compute) -> Runner:
    """A runner on as many threads as torch would take."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        read_onnx_form(model), options, providers=["CPUExecutionProvider"]
    )

    def predict(images: np.ndarray) -> np.ndarray:
        (found,) = session.run(None, {"image": images.astype(np.float32) / 255})
        return np.asarray(found, np.float32)[:, 0]

    return Runner(predict, find_stride(model.net), model.card)
