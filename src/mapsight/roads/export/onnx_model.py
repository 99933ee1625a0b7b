"""The model as ONNX, as the Deepness plug-in of QGIS reads it: RGB in 0 … 1 in, probability of road
out.

Metadata as in Deepness' documentation ('Adding metadata to ONNX model'). Its code reads `tile_size`
where its table says `tiles_size`, so both are there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd

from mapsight import __version__
from mapsight.atomic import write_atomically
from mapsight.errors import InputError, ModelError
from mapsight.roads.export.run import ExportSettings, Run

if TYPE_CHECKING:
    from mapsight.cnn.checkpoint import ModelCard

_OVERLAP_PERCENT = 25  # of a tile: what the audit itself uses (128 of 512 px)
_SMALL_M2 = 100.0  # patches below it are no road
_TOLERANCE = 1e-4


def write_onnx(
    run: Run, findings: gpd.GeoDataFrame, path: Path, settings: ExportSettings
) -> list[str]:
    """The audit's model, or settings.model. Compared with torch before it gets its name."""
    from mapsight.cnn.onnx_file import check_onnx, compare_with_torch, export_onnx
    from mapsight.roads.training.shipped import read_model_or_default

    check_onnx()
    model, tile_px = read_model_or_default(_choose_model(run, settings)), settings.tile_px
    card = model.card
    with write_atomically(path) as temporary:
        export_onnx(model, temporary, tile_px=tile_px, metadata=make_metadata(card, tile_px))
        apart = compare_with_torch(model, temporary, tile_px=tile_px)
        if apart > _TOLERANCE:
            raise ModelError(
                path, f"gives probabilities {apart:.1e} from torch's", "report this as a bug"
            )
    return [
        (
            f"{card.net}, {tile_px} px tiles of {card.m_per_px:g} m; probabilities within"
            f" {apart:.0e} of torch"
        ),
        *_warn_folds(run, settings),
    ]


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


def _choose_model(run: Run, settings: ExportSettings) -> str | Path | None:
    """The file to export or the name of a shipped model, None for the usual one; InputError where
    what judged is no longer there.
    """
    from mapsight.cnn.shipped import NAMES

    if settings.model is not None:
        return settings.model
    if run.model_name in ("", *NAMES):
        return run.model_name or None
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
