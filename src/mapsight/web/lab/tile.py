"""A map tile with all that leads from its pixels to its findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import torch
from torch import Tensor

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.runtimes.torch_runtime import scale_images
from mapsight.errors import InputError
from mapsight.geo.grid import Window
from mapsight.geo.profile import place_stations, sample_points
from mapsight.geo.raster import GeoBox, Raster
from mapsight.roads.prediction.extract import ExtractSettings
from mapsight.web.lab.score_steps import can_explain
from mapsight.web.lab.steps import Step, Values, find_step, list_steps, run_steps

MOST_SHEET_PX = 64  # a side of a small picture of a map


@dataclass(frozen=True, eq=False)
class Scene:
    """Where tiles are cut from. `findings` lie on the imagery; `features`: finding_id → its
    evidence in numbers.

    `probability` is what the findings were drawn from: (1, H, W) on the image's grid, or None where
    it is not known.
    """

    name: str
    image: Raster
    window: Window  # of the net: mirrored where it hangs over the image
    threshold: float
    findings: gpd.GeoDataFrame
    seen_lines: gpd.GeoDataFrame
    map_lines: gpd.GeoDataFrame
    features: Mapping[str, Mapping[str, float]]
    offsets: Mapping[str, float]  # kind → what the audit added to its scores for the map as a whole
    probability: Raster | None = None
    planted: gpd.GeoDataFrame | None = None
    chosen: str | None = None  # the finding that the tile was cut for
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class Tile:
    """A scene seen by a net through one window: the values of all its steps.

    The window's `offset` (rows, cols) mirrored pixels come before the picture's first; rows and
    columns of steps count from the window's corner, those of pixels from the picture's.
    """

    scene: Scene
    model: Model
    steps: tuple[Step, ...]
    values: dict[str, Values]
    offset: tuple[int, int]

    @property
    def box(self) -> GeoBox:
        return self.scene.image.geobox

    @property
    def logits(self) -> np.ndarray:
        """(H, W) of the picture."""
        (top, left), (height, width) = self.offset, self.box.shape
        return self.values["logit"].out[0, top : top + height, left : left + width].numpy()

    @property
    def probability(self) -> np.ndarray:
        """(H, W) of the picture, as this net gives it."""
        return torch.sigmoid(torch.from_numpy(self.logits)).numpy()

    def find_cell(self, step: Step, row: int, col: int) -> tuple[int, int]:
        """Where a pixel of the picture lies in the maps of a step."""
        return (row + self.offset[0]) // step.stride_px, (col + self.offset[1]) // step.stride_px


def look_at(scene: Scene, model: Model) -> Tile:
    """Runs the net over the scene's window, as `mapsight predict` does, and keeps every value."""
    steps = list_steps(model.net)
    window, image = scene.window, scene.image.array
    before = max(-window.row, 0), max(-window.col, 0)
    after = (window.height - before[0] - image.shape[1], window.width - before[1] - image.shape[2])
    padded = np.pad(image, ((0, 0), (before[0], after[0]), (before[1], after[1])), mode="symmetric")
    scaled = scale_images(torch.from_numpy(padded)[None], model.card)[0]
    return Tile(scene, model, steps, run_steps(steps, scaled), before)


def describe_tile(tile: Tile) -> dict[str, Any]:
    """What the page has to know of a tile before it asks for numbers: sizes, steps, lines in
    pixels, findings.
    """
    scene, card, box = tile.scene, tile.model.card, tile.box
    return {
        "name": scene.name,
        "height": box.height,
        "width": box.width,
        "m_per_px": box.m_per_px,
        "offset": list(tile.offset),
        "stem_px": tile.steps[0].stride_px,
        "threshold": scene.threshold,
        "net": card.net,
        "scale": {"mean": card.scale_mean, "std": card.scale_std},
        "notes": list(scene.notes),
        "chosen": scene.chosen,
        "steps": [_describe_step(tile, step) for step in tile.steps],
        "map": _to_pixels(scene.map_lines, box),
        "seen": _to_pixels(scene.seen_lines, box),
        "planted": _list_planted(scene, box),
        "findings": [_describe_finding(scene, row, box) for _, row in scene.findings.iterrows()],
    }


def read_column(tile: Tile, row: int, col: int) -> dict[str, Any]:
    """All that lies above one pixel: its colours, and each step's values at its cell."""
    probability = tile.scene.probability
    audited = probability is not None and bool(probability.valid[row, col])
    return {
        "rgb": tile.scene.image.array[:, row, col].tolist(),
        "logit": float(tile.logits[row, col]),
        "probability": float(tile.probability[row, col]),
        "audited": float(probability.array[0, row, col])
        if audited and probability is not None
        else None,
        "steps": {step.name: _read_cell(tile, step, row, col) for step in tile.steps},
    }


def draw_sheet(tile: Tile, name: str) -> dict[str, Any]:
    """All maps of a step as small pictures (C, h, w) uint8, each over its own range."""
    out = tile.values[find_step(tile.steps, name).name].out
    factor = max(-(-out.shape[1] // MOST_SHEET_PX), 1)
    small = torch.nn.functional.avg_pool2d(out[None], factor)[0] if factor > 1 else out
    signed = bool((out < 0).any())
    return {
        "channels": len(out),
        "height": small.shape[1],
        "width": small.shape[2],
        "signed": signed,
        "pixels": _to_levels(small, signed=signed),
    }


def draw_map(tile: Tile, name: str, channel: int) -> np.ndarray:
    """One map of a step (H, W) uint8, over the same range as its small picture."""
    out = tile.values[find_step(tile.steps, name).name].out
    if channel >= len(out):
        raise InputError(f"map {channel}", f"is not among {len(out)}", "ask for one of them")
    levels: np.ndarray = _to_levels(out[channel : channel + 1], signed=bool((out < 0).any()))[0]
    return levels


def _to_levels(maps: Tensor, *, signed: bool) -> np.ndarray:
    """(C, H, W) → uint8: 0 … 255 over 0 … peak of each map, or over −peak … peak."""
    share = maps / maps.abs().amax(dim=(1, 2), keepdim=True).clamp_min(1e-9)
    levels = ((share + 1) / 2 if signed else share) * 255
    return levels.round().clamp(0, 255).byte().numpy()


def follow_line(
    tile: Tile, row: int, col: int, settings: ExtractSettings = ExtractSettings()
) -> dict[str, Any] | None:
    """The seen line nearest to a pixel, and the probability at each of its stations; None where
    none was seen.
    """
    lines, box = tile.scene.seen_lines, tile.box
    if lines.empty:
        return None
    point = shapely.Point(*(box.transform @ (col + 0.5, row + 0.5)))
    nearest = int(lines.distance(point).argmin())
    line = lines.iloc[[nearest]].reset_index(drop=True)
    stations = place_stations(line, step_m=settings.station_m)
    source = tile.scene.probability
    seen = np.where(source.valid, source.array[0], 0) if source is not None else tile.probability
    values = sample_points(seen, box.transform, stations.xy, outside=0.0)
    return {
        "line": nearest,
        "away_m": float(line.distance(point).iloc[0]),
        "length_m": float(line.length.iloc[0]),
        "confidence": float(line["confidence"].iloc[0]),
        "stations": values.tolist(),
        "step_m": settings.station_m,
    }


def _describe_step(tile: Tile, step: Step) -> dict[str, Any]:
    channels, height, width = tile.values[step.name].out.shape
    return {
        "name": step.name,
        "title": step.title,
        "kind": step.kind,
        "of": list(step.of),
        "stride_px": step.stride_px,
        "channels": channels,
        "height": height,
        "width": width,
    }


def _read_cell(tile: Tile, step: Step, row: int, col: int) -> dict[str, Any]:
    at = tile.find_cell(step, row, col)
    return {"row": at[0], "col": at[1], "values": tile.values[step.name].out[:, *at].tolist()}


def _describe_finding(scene: Scene, row: Any, box: GeoBox) -> dict[str, Any]:
    line = row["geometry"]
    middle = ~box.transform @ line.interpolate(0.5, normalized=True).coords[0]
    return {
        "id": str(row["finding_id"]),
        "kind": str(row["kind"]),
        "score": float(row["score"]),
        "evidence": str(row.get("evidence", "")),
        "line": _line_to_pixels(line, box),
        "pixel": [
            int(np.clip(middle[1], 0, box.height - 1)),
            int(np.clip(middle[0], 0, box.width - 1)),
        ],
        "explained": can_explain(str(row["kind"]), scene.features.get(str(row["finding_id"]), {})),
    }


def _list_planted(scene: Scene, box: GeoBox) -> list[dict[str, Any]]:
    if scene.planted is None:
        return []
    return [
        {"kind": str(row["kind"]), "line": _line_to_pixels(row["geometry"], box)}
        for _, row in scene.planted.iterrows()
    ]


def _to_pixels(lines: gpd.GeoDataFrame, box: GeoBox) -> list[list[list[float]]]:
    return [
        _line_to_pixels(line, box)
        for line in lines.geometry
        if line is not None and not line.is_empty
    ]


def _line_to_pixels(line: Any, box: GeoBox) -> list[list[float]]:
    """Columns and rows, to a tenth of a pixel."""
    inverse = ~box.transform
    return [
        [round(float(v), 1) for v in inverse @ (x, y)] for x, y in shapely.get_coordinates(line)
    ]
