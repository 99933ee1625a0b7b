"""The report's pictures: the whole scene with its marks, and the small crops beside each finding.

Every line is SVG path data in the picture's own view units, so that it stays sharp at any zoom and
a photograph is stored only once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from mapsight.geo.geobox import Bounds, GeoBox
from mapsight.roads.report.images import (
    Backdrop,
    Frame,
    encode_heat,
    encode_jpeg,
    frame_bounds,
    read_heat,
    read_photo,
)

Points = npt.NDArray[np.floating]  # (..., 2)

VIEW = 300  # view units along a crop's side
_OVERVIEW_PX, _OVERVIEW_BYTES = 1600, 900_000
_CROP_PX, _CROP_BYTES, _HEAT_PX = 400, 42_000, 200
_MARK_SPACING = 0.027  # least distance of two numbers, as a share of the picture's long side


@dataclass(frozen=True)
class Overview:
    """The whole scene; paths in view units, which are the picture's pixels."""

    uri: str
    width: int
    height: int
    map_path: str
    paths: tuple[str, ...]  # one a finding, in their order
    marks: tuple[tuple[float, float], ...]  # where the numbers stand, in per cent
    leaders: tuple[str, ...]  # from the number to its place; '' where it stands on it


@dataclass(frozen=True)
class Crop:
    """One finding's surroundings in a VIEW x VIEW square."""

    photo: str
    heat: str
    map_path: str
    predicted_path: str
    path: str
    seen_path: str
    gap_path: str  # short strokes from the map's place to the seen one
    brackets: str
    bar: float  # the scale bar's length in view units
    bar_m: float


def draw_overview(scene: Backdrop, findings: Sequence[BaseGeometry], *, marks: int) -> Overview:
    """Draw the scene at no more than 1600 px: a path for each finding, numbers for the first
    `marks`.
    """
    box = scene.box
    shrink = min(1.0, _OVERVIEW_PX / max(box.width, box.height))
    size = max(1, round(box.width * shrink)), max(1, round(box.height * shrink))
    frame = Frame(0, 0, box.width, box.height, shrink)
    middles = [_project(box, frame, _find_middle(line)) for line in findings[:marks]]
    places = _spread_marks(middles, size)
    return Overview(
        uri=encode_jpeg(read_photo(scene, frame, size), _OVERVIEW_BYTES),
        width=size[0],
        height=size[1],
        map_path=_write_path(box, frame, _find_nearby(scene.map_lines, box.bounds)),
        paths=tuple(_write_path(box, frame, [line]) for line in findings),
        marks=tuple((round(100 * x / size[0], 2), round(100 * y / size[1], 2)) for x, y in places),
        leaders=tuple(map(_write_leader, places, middles)),
    )


def draw_crop(scene: Backdrop, finding: BaseGeometry, seen: BaseGeometry | None = None) -> Crop:
    """Cut the surroundings out of photograph and probability; `seen`: where a road is
    seen.
    """
    box = scene.box
    frame = _frame_crop(
        box, finding if seen is None else finding.union(seen), close=seen is not None
    )
    bounds = frame_bounds(box, frame)
    bar_m = _choose_bar(0.3 * frame.width * box.m_per_px)
    return Crop(
        photo=encode_jpeg(read_photo(scene, frame, _fit(frame, _CROP_PX)), _CROP_BYTES),
        heat=encode_heat(read_heat(scene, frame, _fit(frame, _HEAT_PX))),
        map_path=_write_path(box, frame, _find_nearby(scene.map_lines, bounds)),
        predicted_path=_write_path(box, frame, _find_nearby(scene.predicted_lines, bounds)),
        path=_write_path(box, frame, [finding]),
        seen_path="" if seen is None else _write_path(box, frame, [seen]),
        gap_path="" if seen is None else _write_path(box, frame, _draw_gap(finding, seen)),
        brackets=_draw_brackets(_project(box, frame, np.reshape(finding.bounds, (2, 2)))),
        bar=round(bar_m / box.m_per_px * frame.units_per_px, 1),
        bar_m=bar_m,
    )


def find_middle(line: BaseGeometry) -> shapely.Point:
    """The point half-way along a line, or along the longest part of several."""
    longest = max(shapely.get_parts(line), key=lambda part: part.length)
    return shapely.line_interpolate_point(longest, 0.5, normalized=True)


def _find_middle(line: BaseGeometry) -> Points:
    middle: Points = shapely.get_coordinates(find_middle(line))[0]
    return middle


def _frame_crop(box: GeoBox, around: BaseGeometry, *, close: bool) -> Frame:
    """A square in which the place can be recognised, moved inside the scene where it fits."""
    west, south, east, north = around.bounds
    least_m = max(60.0, 90 * box.m_per_px) if close else max(90.0, 150 * box.m_per_px)
    side = math.ceil(max(1.45 * max(east - west, north - south), least_m) / box.m_per_px)
    col, row = ~box.transform @ ((west + east) / 2, (south + north) / 2)
    place = (
        _move_inside(col - side / 2, side, box.width),
        _move_inside(row - side / 2, side, box.height),
    )
    return Frame(*place, side, side, VIEW / side)


def _move_inside(start: float, length: int, limit: int) -> int:
    return min(max(round(start), 0), limit - length) if length <= limit else (limit - length) // 2


def _fit(frame: Frame, most_px: int) -> tuple[int, int]:
    side = min(most_px, frame.width)
    return side, side


def _find_nearby(lines: gpd.GeoDataFrame, bounds: Bounds) -> Sequence[BaseGeometry]:
    if len(lines) == 0:
        return []
    return list(lines.geometry.iloc[np.sort(lines.sindex.intersection(bounds))])


def _project(box: GeoBox, frame: Frame, xy: Points) -> Points:
    """World coordinates to view units."""
    left, _, _, top = box.bounds
    pixels = (np.asarray(xy, float) - (left, top)) * (1, -1) / box.m_per_px
    return np.asarray((pixels - (frame.col, frame.row)) * frame.units_per_px)


def _write_path(box: GeoBox, frame: Frame, lines: Sequence[BaseGeometry]) -> str:
    """SVG path data of all lines, clipped a little outside the frame and simplified to what can be
    seen.
    """
    margin = 8 * box.m_per_px / frame.units_per_px
    left, bottom, right, top = frame_bounds(box, frame)
    shapes = np.array(lines, dtype=object)
    clipped = shapely.clip_by_rect(
        shapes, left - margin, bottom - margin, right + margin, top + margin
    )
    parts = shapely.get_parts(shapely.simplify(clipped, margin / 20))
    lines_only = parts[shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING]
    return "".join(
        _write_subpath(_project(box, frame, shapely.get_coordinates(part))) for part in lines_only
    )


def _write_subpath(xy: Points) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in xy) if len(xy) > 1 else ""


def _draw_gap(here: BaseGeometry, seen: BaseGeometry) -> list[BaseGeometry]:
    """Five short strokes from where the map has the road to where it is seen."""
    places = shapely.line_interpolate_point(here, [0.1, 0.3, 0.5, 0.7, 0.9], normalized=True)
    return [
        stroke
        for stroke in shapely.shortest_line(places, seen)
        if stroke is not None and stroke.length
    ]


def _spread_marks(middles: Sequence[Points], size: tuple[int, int]) -> list[Points]:
    """Give each number a place of its own: on its finding, else on the nearest free ring around
    it.
    """
    gap = _MARK_SPACING * max(size)
    rings = [(r, 2 * math.pi * k / (6 * r)) for r in range(1, 9) for k in range(6 * r)]
    steps = gap * np.array([(0.0, 0.0), *((r * math.sin(a), -r * math.cos(a)) for r, a in rings)])
    low, high = np.full(2, gap / 2), np.maximum(np.array(size, float) - gap / 2, gap / 2)
    placed = np.empty((0, 2))
    for middle in middles:
        options = np.clip(middle + steps, low, high)
        nearest = np.linalg.norm(options[:, None] - placed, axis=2).min(axis=1, initial=np.inf)
        placed = np.vstack([placed, options[int((nearest >= 0.99 * gap).argmax())]])
    return list(placed)


def _write_leader(place: Points, middle: Points) -> str:
    return (
        _write_subpath(np.stack([middle, place]))
        if float(np.linalg.norm(place - middle)) > 1
        else ""
    )


def _draw_brackets(corners: Points) -> str:
    """Four corners that frame the finding's bounds (2, 2) in view units without covering it."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    pad = np.maximum(14.0, (64 - (high - low)) / 2)
    (x0, y0), (x1, y1) = np.clip(low - pad, 5, VIEW - 5), np.clip(high + pad, 5, VIEW - 5)
    arms = [(x0, y0, 13, 13), (x1, y0, -13, 13), (x1, y1, -13, -13), (x0, y1, 13, -13)]
    return "".join(
        f"M{x:.0f} {y + down:.0f}V{y:.0f}H{x + across:.0f}" for x, y, across, down in arms
    )


def _choose_bar(most_m: float) -> float:
    """The longest round length (1, 2 or 5 times a power of ten) within `most_m`."""
    power = 10.0 ** math.floor(math.log10(most_m))
    return next(step * power for step in (5, 2, 1) if step * power <= most_m)
