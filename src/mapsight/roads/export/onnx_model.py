"""The model as ONNX, as the Deepness plug-in of QGIS reads it: RGB in 0 … 1 in, probability of road
out.

The scaling that the net was trained with, and the sigmoid, are inside the file. Metadata as in
Deepness' documentation ('Adding metadata to ONNX model'); its code reads `tile_size` where its
table says `tiles_size`, so both are there.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np

from mapsight import __version__
from mapsight.atomic import write_atomically
from mapsight.errors import InputError, MapsightError, ModelError
from mapsight.roads.export.run import ExportSettings, Run

if TYPE_CHECKING:
    from torch import nn

    from mapsight.cnn.checkpoint import ModelCard

_NEEDED = ("onnx", "onnxscript", "onnxruntime")
_OVERLAP_PERCENT = 25  # of a tile: what the audit itself uses (128 of 512 px)
_SMALL_M2 = 100.0  # patches below it are no road
_TOLERANCE = 1e-4
_OPSET = 18


def write_onnx(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """The audit's model, or settings.model. Compared with torch before it gets its name."""
    from mapsight.roads.training.shipped import read_model_or_default

    _check_installed()
    net, card = read_model_or_default(_choose_model(run, settings))
    with write_atomically(path) as temporary:
        export_model(net, card, temporary, tile_px=settings.tile_px)
        apart = compare_with_torch(net, card, temporary, tile_px=settings.tile_px)
        if apart > _TOLERANCE:
            raise ModelError(
                path, f"gives probabilities {apart:.1e} from torch's", "report this as a bug"
            )
    return [
        (
            f"{card.net}, {settings.tile_px} px tiles of {card.m_per_px:g} m; probabilities within"
            f" {apart:.0e} of torch"
        ),
        *_warn_folds(run, settings),
    ]


def export_model(net: nn.Module, card: ModelCard, path: Path, *, tile_px: int) -> None:
    """Writes (B, 3, tile, tile) float in 0 … 1 → (B, 1, tile, tile) probability; B is free."""
    import onnx
    import torch

    _check_tile(net, tile_px)
    example = torch.zeros(2, 3, tile_px, tile_px)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _wrap(net, card),
            (example,),
            dynamo=True,
            verbose=False,
            opset_version=_OPSET,
            input_names=["image"],
            output_names=["probability"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        )
    assert program is not None
    model = program.model_proto
    for key, value in make_metadata(card, tile_px).items():
        model.metadata_props.add(key=key, value=value)
    model.producer_name, model.producer_version = "mapsight", __version__
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def make_metadata(card: ModelCard, tile_px: int) -> dict[str, str]:
    """What Deepness asks for, each value as JSON; resolution in cm, overlap in percent, small
    segments in pixels.
    """
    told: dict[str, Any] = {
        "model_type": "Segmentor",
        "class_names": {"0": card.label},
        "resolution": card.m_per_px * 100,
        "tile_size": tile_px,
        "tiles_size": tile_px,
        "tiles_overlap": _OVERLAP_PERCENT,
        "seg_thresh": round(card.threshold, 3),
        "seg_small_segment": max(1, round(_SMALL_M2 / card.m_per_px**2)),
        "mapsight_version": __version__,
        "mapsight_net": card.net,
        "mapsight_bands": list(card.bands),
        "mapsight_trained_on": card.trained_on,
    }
    return {key: json.dumps(value) for key, value in told.items()}


def compare_with_torch(net: nn.Module, card: ModelCard, path: Path, *, tile_px: int) -> float:
    """The largest difference of probabilities on noise and on flat colours, ONNX Runtime against
    our own runner.
    """
    import onnxruntime

    from mapsight.cnn.runtime import find_place, make_runner

    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, tile_px, tile_px), dtype=np.uint8)
    pixels[1] = np.arange(3, dtype=np.uint8)[:, None, None] * 100 + 20
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: pixels.astype(np.float32) / 255})
    wanted = make_runner(net, card, find_place("cpu", "fp32"))(pixels)
    return float(np.abs(found[:, 0] - wanted).max())


def _wrap(net: nn.Module, card: ModelCard) -> nn.Module:
    import torch
    from torch import nn

    from mapsight.cnn.runtime import fold_batch_norms

    class Probability(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = fold_batch_norms(net)

        def forward(
            self, image: torch.Tensor
        ) -> torch.Tensor:  # (B, 3, H, W) in 0 … 1 → (B, 1, H, W)
            return torch.sigmoid(self.net((image - card.scale_mean) / card.scale_std))

    return Probability().eval()


def _check_tile(net: nn.Module, tile_px: int) -> None:
    stride = int(getattr(net, "stride_px", 1))
    if tile_px < 2 * stride or tile_px % stride or tile_px > 4096:
        raise InputError(
            f"--tile-px {tile_px}", f"the net needs a multiple of {stride} up to 4096", "write 512"
        )


def _check_installed() -> None:
    absent = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        raise MapsightError(
            "ONNX", f"needs {', '.join(absent)}", "python -m pip install 'mapsight[export]'"
        )


def _choose_model(run: Run, settings: ExportSettings) -> Path | None:
    """The file to export, None for the shipped model; InputError where what judged is no longer
    there.
    """
    from mapsight.cnn.shipped import SHIPPED

    if settings.model is not None or run.model_name in ("", SHIPPED):
        return settings.model
    if run.model_name == "none":
        raise InputError(
            "this audit",
            "learnt from its map alone, and its nets are not kept",
            "give --model FILE",
        )
    if run.model_path is None:
        raise InputError(
            run.model_name, "is no longer where the audit read it", "give --model FILE"
        )
    return run.model_path


def _warn_folds(run: Run, settings: ExportSettings) -> list[str]:
    folds = str((run.facts.get("sources") or {}).get("folds", "0"))
    if settings.model or folds in ("0", ""):
        return []
    return [f"the {folds} nets of the folds are not kept: this is the model that they started from"]
