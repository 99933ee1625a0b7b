"""First stage: how far the map lies beside the imagery, and the map moved onto it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import geopandas as gpd
from rasterio.crs import CRS

from mapsight.geo.network import RoadMap
from mapsight.geo.raster import Raster
from mapsight.geo.shift import ShiftField, ShiftSettings, estimate_shift, move_lines
from mapsight.roads.verdicts.judged import Judged, place_judged

INDEPENDENT = "a model that has not seen this map"
OWN = "nets trained on this very map"


@dataclass(frozen=True, eq=False, kw_only=True)
class Alignment:
    """A map as it is, and as it lies on the imagery.

    Parameters
    ----------
    roads : the map in its own position, in the image's CRS.
    moved : the same, moved by the shift.
    shift : metres to add to the map to reach the imagery.
    source : by whom the shift was measured, in words for people.
    """

    roads: RoadMap
    moved: RoadMap
    shift: ShiftField
    source: str


def align(
    roads: RoadMap,
    seen: Raster | None,
    *,
    source: str = INDEPENDENT,
    settings: ShiftSettings = ShiftSettings(),
) -> Alignment:
    """Measure the shift between a map and what is seen, and take it out.

    Parameters
    ----------
    roads : the map, in the CRS of `seen`.
    seen : (1, H, W) probability of road in 0 … 1; None: nothing is measured, the map stays.
    source : who saw it, in words for people.
    """
    if seen is None:
        shift = ShiftField(reason="no model that is independent of this map was given")
        return Alignment(roads=roads, moved=_move(roads, shift), shift=shift, source="none")
    shift = estimate_shift(seen, roads.lines, settings)
    return Alignment(roads=roads, moved=_move(roads, shift), shift=shift, source=source)


def place_on_image(judged: Judged, crs: CRS | None, alignment: Alignment) -> Judged:
    """Verdicts of the map's own position, in the image's CRS and moved onto the imagery."""
    return place_judged(judged, crs, lambda lines: move_lines(lines, alignment.shift))


def move_back(lines: gpd.GeoDataFrame, shift: ShiftField) -> gpd.GeoDataFrame:
    """Lines that lie on the imagery, in the map's own position: the shift is taken off again."""
    opposite = dataclasses.replace(
        shift, dx_m=-shift.dx_m, dy_m=-shift.dy_m, nodes_m=-shift.nodes_m
    )
    return move_lines(lines, opposite)


def move_findings_back(findings: gpd.GeoDataFrame, shift: ShiftField) -> gpd.GeoDataFrame:
    """A table of findings in the map's own position: its lines and, in `seen_wkt`, the roads seen
    beside them.
    """
    seen = gpd.GeoDataFrame(
        geometry=gpd.GeoSeries.from_wkt(findings["seen_wkt"].replace("", "LINESTRING EMPTY"))
    )
    wkt = ["" if line.is_empty else line.wkt for line in move_back(seen, shift).geometry]
    return move_back(findings, shift).assign(seen_wkt=wkt)


def describe_shift(alignment: Alignment) -> str:
    """One sentence for people."""
    shift = alignment.shift
    if shift.reason:
        return f"shift between imagery and map: not estimated ({shift.reason})"
    return (
        f"shift: the map lies {shift.length_m:.1f} m from the imagery (move it {shift.dx_m:+.1f} ±"
        f" {shift.dx_error_m:.1f} m east, {shift.dy_m:+.1f} ± {shift.dy_error_m:.1f} m north),"
        f" measured at {shift.stations} places by {alignment.source}"
    )


def _move(roads: RoadMap, shift: ShiftField) -> RoadMap:
    return dataclasses.replace(
        roads, lines=move_lines(roads.lines, shift), other_ways=move_lines(roads.other_ways, shift)
    )
