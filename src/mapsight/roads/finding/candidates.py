"""What might be an error of the map: pieces of roads where imagery and map disagree, with the
features of a score.

Generous on purpose: what is too faint or short to be believed is sorted out by the ranking
(`findings.py`). All this happens in one metric CRS, with the map already moved onto the imagery;
the probability must be out of sample (no net judges a label that it has learnt from).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
from shapely.geometry import LineString
from shapely.ops import substring

from mapsight.roads.finding.overlap import OverlapSettings
from mapsight.roads.finding.stations import Sightings, StationSettings, Stretch, find_stretches
from mapsight.roads.prediction.extract import ExtractSettings

COLUMNS = (
    "finding_id",
    "kind",
    "score",
    "length_m",
    "mean_probability",
    "map_distance_m",
    "road_class",
    "road_id",
    "offset_m",
    "evidence",
    "seen_wkt",
)


@dataclass(frozen=True)
class FindingSettings:
    """What is worth a person's look; distances in metres.

    Parameters
    ----------
    min_length_m, bridge_m : float
        Least length of a piece, and gaps in it that do not part it.
    candidate_share : float
        Of the threshold: what is seen so faintly is still looked at, and ranked low.
    around_m : float
        How far a piece's offset is compared with that of other roads.
    clearance_m : float
        A road seen nearer than this to the map's is the map's.
    hidden_share : float
        More of a piece under canopy or in shadow: not judged.
    min_score : float
        Less likely errors are left out.
    same : OverlapSettings
        What counts as one place.
    most_for_absence : float
        The highest threshold by which a mapped road is called unseen.
    """

    min_length_m: float = 16.0
    bridge_m: float = 12.0
    candidate_share: float = 0.55
    around_m: float = 200.0
    clearance_m: float = 9.0
    hidden_share: float = 0.8
    min_score: float = 0.02
    same: OverlapSettings = OverlapSettings()
    most_for_absence: float = 0.6
    stations: StationSettings = StationSettings()
    extract: ExtractSettings = ExtractSettings()


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidate:
    """A piece of road that may be an error of the map.

    Parameters
    ----------
    kind : str
        A name in `kinds.KINDS`.
    line : LineString
        The map's line, or the road as it is seen where the map has none.
    mean_probability : float
        Along the line, in 0 … 1.
    map_distance_m : float
        To the nearest way of the map.
    width_m : float
        Of the road, for its traits.
    evidence : str
        A sentence for people.
    features : mapping of str to float
        What its score is made of.
    road_class, road_id : str
        Of the map's road; '' where the map has none.
    seen : LineString or None
        Where the road is seen beside the map's line.
    offset_m : float
        How far beside; NaN where it is not.
    """

    kind: str
    line: LineString
    mean_probability: float = math.nan
    map_distance_m: float = math.nan
    width_m: float = math.nan
    evidence: str = ""
    features: Mapping[str, float] = field(default_factory=dict)
    road_class: str = ""
    road_id: str = ""
    seen: LineString | None = None
    offset_m: float = math.nan

    @cached_property
    def finding_id(self) -> str:
        """What it is called as a finding."""
        return identify(self.kind, self.line)

    def describe(self, score: float) -> dict[str, Any]:
        """A row of the table of findings: COLUMNS, `features` and `geometry`."""
        said = {name: getattr(self, name) for name in COLUMNS if hasattr(self, name)}
        about = {"score": score, "length_m": self.line.length}
        seen_wkt = "" if self.seen is None else self.seen.wkt
        return (
            said | about | {"seen_wkt": seen_wkt, "features": self.features, "geometry": self.line}
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidates:
    """All that might be an error of a map, unscored, and what else was looked at.

    Parameters
    ----------
    listed : tuple of Candidate
        With all features.
    mapped : GeoDataFrame
        The map's roads, on the imagery.
    along : Sightings
        What the stations of its visible roads see.
    seen : GeoDataFrame
        The N roads seen.
    within : ndarray
        (N,) bool: which of them lie within the map's reach.
    crs : Any
        Of all lines; None for pixels.
    """

    listed: tuple[Candidate, ...]
    mapped: gpd.GeoDataFrame
    along: Sightings
    seen: gpd.GeoDataFrame
    within: np.ndarray
    crs: Any = None

    @cached_property
    def visible(self) -> gpd.GeoDataFrame:
        """The map's roads that imagery should show."""
        return list_visible(self.mapped)


def list_visible(mapped: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The roads of a map that imagery should show, numbered from 0."""
    return mapped[mapped["visible"]].reset_index(drop=True)


def identify(kind: str, line: LineString) -> str:
    """An id that stays the same as long as kind and place (to 10 m) do."""
    middle = line.interpolate(0.5, normalized=True)
    ends = sorted((round(x, -1), round(y, -1)) for x, y in (line.coords[0], line.coords[-1]))
    return make_id(f"{kind} {round(middle.x, -1):.0f} {round(middle.y, -1):.0f} {ends}")


def make_id(text: str) -> str:
    """An `f` and nine hexadecimal digits of the text's SHA-256.

    The letter in front keeps spreadsheets from taking an id for a number (`12345e6789`), and
    MapRoulette from taking it for a way of OpenStreetMap (ten digits).
    """
    return "f" + hashlib.sha256(text.encode()).hexdigest()[:9]


def cut_line(lines: gpd.GeoDataFrame, stretch: Stretch) -> LineString:
    """The piece of a line that a stretch of its stations covers."""
    piece: LineString = substring(lines.geometry.iloc[stretch.line], stretch.start_m, stretch.end_m)
    return piece


def list_stretches(
    along: Sightings, wanted: np.ndarray, lines: gpd.GeoDataFrame, settings: FindingSettings
) -> Iterator[Stretch]:
    """The stretches of lines whose stations are wanted (N,) bool and that are worth a look."""
    lengths = lines.length.to_numpy()
    return find_stretches(
        along, wanted, lengths, min_length_m=settings.min_length_m, bridge_m=settings.bridge_m
    )
