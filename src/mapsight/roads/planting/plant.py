"""Plants known mistakes into any map, to see which of them an audit finds.

After Mnih's and MUNO21's lead: what an auditor is worth shows only where the map's mistakes are
known. Roads are left out, invented and shifted at places that do not touch one another, so each
finding can be judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import LineString
from shapely.ops import substring

from mapsight.errors import InputError
from mapsight.roads.kinds import KINDS
from mapsight.roads.planting.mistakes import DELETED, PROPOSALS, Lengths, Mistake
from mapsight.roads.planting.planted import COLUMNS, read_planted, write_planted
from mapsight.roads.planting.survey import survey_map

if TYPE_CHECKING:
    from mapsight.geo.raster import GeoBox

__all__ = [
    "PlantSettings",
    "count_planted",
    "name_shortfall",
    "plant_errors",
    "read_planted",
    "write_planted",
]

_TRIES = 250  # draws for one mistake before the map counts as full
_LAYOUTS, _NEARLY = 4, 0.8  # a map that cannot hold most of the mistakes is not tried again
_CRUMB_M = 0.5  # a shorter rest of a road is dropped
_PLANTED = tuple(kind for kind in KINDS.values() if kind.planted)

_Draw = Callable[[], Mistake | None]


@dataclass(frozen=True)
class PlantSettings:
    """How many mistakes of each kind, how long, how far shifted, how far apart; metres."""

    deleted: int = 10
    added: int = 10
    shifted: int = 10
    seed: int = 0
    min_length_m: float = 40.0
    max_length_m: float = 250.0
    shift_m: tuple[float, float] = (6.0, 15.0)
    min_gap_m: float = 30.0

    def __post_init__(self) -> None:
        if min(self.deleted, self.added, self.shifted) < 0:
            raise InputError(
                (self.deleted, self.added, self.shifted),
                "counts of mistakes cannot be negative",
                "use 0",
            )
        if not 0 < self.min_length_m <= self.max_length_m:
            raise InputError(
                (self.min_length_m, self.max_length_m),
                "is no range of lengths",
                "give 0 < min <= max",
            )
        if not 0 < self.shift_m[0] <= self.shift_m[1]:
            raise InputError(self.shift_m, "is no range of shifts", "give 0 < min <= max metres")

    @property
    def counts(self) -> dict[str, int]:
        """How mistakes are made → how many are wanted."""
        return {how: getattr(self, how) for how in PROPOSALS}


def plant_errors(
    roads: gpd.GeoDataFrame,
    box: GeoBox,
    *,
    settings: PlantSettings | None = None,
    valid: np.ndarray | None = None,
    avoid: gpd.GeoDataFrame | None = None,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """(mapped, planted): the map with mistakes in it, and the mistakes.

    roads: as RoadMap.lines, CRS of the box, all of it taken for true; only visible roads on valid
    pixels (H, W) are touched. avoid: ways or areas that no invented road may follow (other_ways;
    known road surfaces). Equal settings give equal mistakes. A map too small for all of them gets
    what fits, the kinds in turn: see `count_planted` and `name_shortfall`.
    """
    settings = settings or PlantSettings()
    if valid is not None and valid.shape != box.shape:
        raise ValueError(f"valid is {valid.shape}, the box {box.shape}")
    roads = roads.reset_index(drop=True)
    survey = survey_map(roads, box, min_length_m=settings.min_length_m, valid=valid, avoid=avoid)
    lengths = Lengths(settings.min_length_m, settings.max_length_m, settings.shift_m)
    rng = np.random.default_rng(settings.seed)
    draws: dict[str, list[_Draw]] = {
        how: [partial(propose, survey, lengths, rng) for propose in proposals]
        for how, proposals in PROPOSALS.items()
    }
    mistakes = _draw_best(draws, settings.counts, settings.min_gap_m)
    return _rewrite_map(roads, mistakes), _list_planted(mistakes, roads.crs)


def count_planted(planted: gpd.GeoDataFrame) -> dict[str, int]:
    """Kind → how many; every kind that can be planted is named."""
    return {kind.name: int((planted["kind"] == kind.name).sum()) for kind in _PLANTED}


def name_shortfall(planted: gpd.GeoDataFrame, settings: PlantSettings) -> str:
    """One sentence on what did not fit, '' when all did."""
    counts = count_planted(planted)
    short = [
        f"{counts[kind.name]} of {wanted} {kind.name}"
        for kind in _PLANTED
        if counts[kind.name] < (wanted := settings.counts[kind.planted])
    ]
    return f"the map has room for only {', '.join(short)}" if short else ""


def _draw_best(
    draws: dict[str, list[_Draw]], wanted: dict[str, int], min_gap_m: float
) -> list[Mistake]:
    """The first layout that holds all mistakes, or the fullest of a few: early ones may block late
    ones.
    """
    best: list[Mistake] = []
    for _ in range(_LAYOUTS):
        mistakes = _draw_all(draws, wanted, min_gap_m)
        best = max(best, mistakes, key=len)
        if len(best) == sum(wanted.values()) or len(best) < _NEARLY * sum(wanted.values()):
            break
    return best


def _draw_all(
    draws: dict[str, list[_Draw]], wanted: dict[str, int], min_gap_m: float
) -> list[Mistake]:
    """Kinds in turn, so that a full map lacks all alike; a kind that finds no place is given up."""
    mistakes: list[Mistake] = []
    taken: list[Any] = []
    ways = {how: list(proposals) for how, proposals in draws.items()}
    for turn in range(max(wanted.values())):
        for how in (how for how in ways if turn < wanted[how]):
            mistake = _draw_clear(ways[how], taken, min_gap_m)
            if mistake is not None:
                mistakes.append(mistake)
                taken.append(_footprint(mistake))
    return mistakes


def _draw_clear(ways: list[_Draw], taken: list[Any], min_gap_m: float) -> Mistake | None:
    """A proposal away from all places taken; a way that has none any more is struck off, the next
    one tried.
    """
    while ways:
        for _ in range(_TRIES):
            mistake = ways[0]()
            if mistake and (
                not taken or shapely.distance(_footprint(mistake), taken).min() >= min_gap_m
            ):
                return mistake
        del ways[0]
    return None


def _footprint(mistake: Mistake) -> Any:
    """All lines of a mistake: a shifted road takes its true place, too."""
    return shapely.MultiLineString(
        [line for line in (mistake.line, mistake.true_line) if line is not None]
    )


def _rewrite_map(roads: gpd.GeoDataFrame, mistakes: list[Mistake]) -> gpd.GeoDataFrame:
    """The map's rows with roads cut and bent, then the invented ones; parts of a cut road get ids
    of their own.
    """
    edits: dict[int, list[Mistake]] = {}
    for mistake in mistakes:
        edits.setdefault(mistake.road, []).append(mistake)
    numbers: list[int] = []
    lines: list[LineString] = []
    parts: list[int] = []
    for road, line in enumerate(roads.geometry):
        pieces = _edit_line(line, edits[road]) if road in edits else [line]
        numbers += [road] * len(pieces)
        lines += pieces
        parts += range(1, len(pieces) + 1)
    kept = roads.iloc[numbers].set_geometry(
        gpd.GeoSeries(lines, index=roads.index[numbers], crs=roads.crs)
    )
    suffix = ["" if part == 1 else f"-{part}" for part in parts]
    kept = kept.assign(
        road_id=[f"{name}{more}" for name, more in zip(kept["road_id"], suffix, strict=True)]
    )
    invented = _invent_rows(roads, edits.get(-1, []))
    whole = (
        pd.concat([kept, invented], ignore_index=True)
        if len(invented)
        else kept.reset_index(drop=True)
    )
    return gpd.GeoDataFrame(whole, geometry=roads.geometry.name, crs=roads.crs)[list(roads.columns)]


def _edit_line(line: LineString, edits: list[Mistake]) -> list[LineString]:
    """What is left of a line: cut where a piece is left out, led along the moved line elsewhere."""
    pieces: list[list[np.ndarray]] = [[]]
    at = 0.0
    for edit in sorted(edits, key=lambda mistake: mistake.start):
        pieces[-1].append(_coordinates(line, at, edit.start))
        if edit.how == DELETED:
            pieces.append([])
        else:
            pieces[-1].append(shapely.get_coordinates(edit.line))
        at = edit.end
    pieces[-1].append(_coordinates(line, at, line.length))
    xy = [np.concatenate(piece) for piece in pieces]
    lines = [
        LineString(part[_is_new(part)]) for part in xy if len(part) and len(part[_is_new(part)]) > 1
    ]
    return [piece for piece in lines if piece.length >= _CRUMB_M]


def _coordinates(line: LineString, start: float, end: float) -> np.ndarray:
    return (
        shapely.get_coordinates(substring(line, start, end))
        if end - start > 1e-6
        else np.empty((0, 2))
    )


def _is_new(xy: np.ndarray) -> np.ndarray:
    """(n,) bool: points that do not repeat the one before."""
    return np.append(True, np.hypot(*np.diff(xy, axis=0).T) > 1e-6)


def _invent_rows(roads: gpd.GeoDataFrame, mistakes: list[Mistake]) -> gpd.GeoDataFrame:
    """Rows for invented roads, filled in like the others; their ids go on from the number of
    roads.
    """
    rows = {
        "road_id": [str(len(roads) + 1 + k) for k in range(len(mistakes))],
        "road_class": [mistake.road_class for mistake in mistakes],
        "width_m": [mistake.width_m for mistake in mistakes],
        "visible": True,
        "name": "",
        roads.geometry.name: [mistake.line for mistake in mistakes],
    }
    return gpd.GeoDataFrame(rows, geometry=roads.geometry.name, crs=roads.crs).reindex(
        columns=roads.columns
    )


def _list_planted(mistakes: list[Mistake], crs: Any) -> gpd.GeoDataFrame:
    """The mistakes as the findings that they ask for, kind by kind, as a table (COLUMNS, lines)."""
    ordered = [(kind.name, m) for kind in _PLANTED for m in mistakes if m.how == kind.planted]
    number: Counter[str] = Counter()
    rows = []
    for kind, m in ordered:
        number[kind] += 1
        true_wkt = shapely.to_wkt(m.true_line, rounding_precision=4) if m.true_line else ""
        values = (
            f"{kind}-{number[kind]:02d}",
            kind,
            m.line.length,
            m.offset_m,
            m.road_class,
            true_wkt,
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    lines = [m.line for _, m in ordered]
    return gpd.GeoDataFrame(rows, columns=[*COLUMNS], geometry=lines, crs=crs)
