"""A model as an ONNX file: RGB in 0 … 1 in, probability out.

The scaling that the net was trained with, and the sigmoid, are inside the file.
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mapsight import __version__
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.runtimes.torch_runtime import find_stride, fold_batch_norms, open_torch
from mapsight.errors import InputError, MapsightError

NEEDED = ("onnx", "onnxscript", "onnxruntime")
_LARGEST_PX = 4096  # of a tile: four of them in float32 take some gigabytes in any reader
_OPSET = 18


def export_onnx(
    model: Model, path: Path, *, tile_px: int | None, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes (B, 3, H, W) float in 0 … 1 → (B, 1, H, W) probability; B is free.

    Parameters
    ----------
    tile_px
        Height and width of the images; None leaves them free, in steps of the net's stride.
    metadata
        What else the file says of itself.

    Raises
    ------
    InputError
        If the tile is no multiple of the net's stride.
    MapsightError
        If what writes ONNX is not installed.
    """
    check_onnx()
    import onnx

    stride = find_stride(model.net)
    if tile_px is not None:
        _check_tile(tile_px, stride)
    side = tile_px or 4 * stride
    shape: dict[int, object] = {0: torch.export.Dim("batch", min=1)}
    if tile_px is None:
        most = _LARGEST_PX // stride
        shape |= {
            2: stride * torch.export.Dim("rows", min=1, max=most),
            3: stride * torch.export.Dim("columns", min=1, max=most),
        }
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Probability(model).eval(),
            (torch.zeros(2, 3, side, side if tile_px else side + stride),),
            dynamo=True,
            verbose=False,
            opset_version=_OPSET,
            input_names=["image"],
            output_names=["probability"],
            dynamic_shapes=(shape,),
        )
    assert program is not None
    written = program.model_proto
    for key, value in (metadata or {}).items():
        written.metadata_props.add(key=key, value=value)
    written.producer_name, written.producer_version = "mapsight", __version__
    onnx.checker.check_model(written, full_check=True)
    onnx.save(written, path)


def compare_with_torch(model: Model, path: Path, *, tile_px: int) -> float:
    """The largest difference of probabilities on noise and on flat colours, ONNX Runtime against
    torch in fp32.
    """
    import onnxruntime

    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, tile_px, tile_px), dtype=np.uint8)
    pixels[1] = np.arange(3, dtype=np.uint8)[:, None, None] * 100 + 20
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: pixels.astype(np.float32) / 255})
    wanted = open_torch(model, find_compute("cpu", "fp32")).predict(pixels)
    return float(np.abs(found[:, 0] - wanted).max())


def check_onnx() -> None:
    """MapsightError, with the command that mends it, where what writes ONNX is not installed."""
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        raise MapsightError(
            "ONNX", f"needs {', '.join(absent)}", "python -m pip install 'mapsight[export]'"
        )


class _Probability(nn.Module):
    """(B, 3, H, W) in 0 … 1 → (B, 1, H, W)."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.net, self.card = fold_batch_norms(model.net), model.card

    def forward(self, image: Tensor) -> Tensor:
        return torch.sigmoid(self.net((image - self.card.scale_mean) / self.card.scale_std))


def _check_tile(tile_px: int, stride: int) -> None:
    if tile_px < 2 * stride or tile_px % stride or tile_px > _LARGEST_PX:
        raise InputError(
            f"--tile-px {tile_px}",
            f"the net needs a multiple of {stride} up to {_LARGEST_PX}",
            "write 512",
        )
