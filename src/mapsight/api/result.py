"""What an audit has found, fresh or read back from its folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
from shapely.geometry.base import BaseGeometry

from mapsight.api.files import PathLike
from mapsight.errors import InputError
from mapsight.geo.raster import Raster
from mapsight.roads.folder.read import (
    join_verdicts,
    read_audit_facts,
    read_line,
    read_stored_findings,
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Finding:
    """A place where the map may be wrong.

    Parameters
    ----------
    finding_id : str
        Stays the same when the place is audited again.
    kind : str
        A name in `roads.kinds.KINDS`.
    score : float
        Probability in 0 … 1 that the map is wrong here.
    line : shapely geometry
        The map's line, or the road that the map lacks. Position and CRS are the map's.
    seen : shapely geometry or None
        Where the road is seen beside the map's line.
    length_m : float
        Length of the line in metres.
    offset_m : float
        How far beside the road is seen; NaN where it is not.
    road_class, road_id : str
        Of the map's road; '' where the map has none.
    evidence : str
        A sentence for people.
    status : str
        'new', 'still there' or 'dismissed', as compared with the audit before.
    verdict : str
        What people have said of it: 'accept', 'reject', 'unsure', or '' for nothing.
    """

    finding_id: str
    kind: str
    score: float
    line: BaseGeometry
    seen: BaseGeometry | None
    length_m: float
    offset_m: float
    road_class: str
    road_id: str
    evidence: str
    status: str
    verdict: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Audit:
    """Where a map is wrong, and how that was found out.

    Parameters
    ----------
    findings : GeoDataFrame
        A row a finding, dismissed ones last, by falling score. It lies in the position and the CRS
        of the map (pixels where it has none), so it can be laid over the map as it is.
    area_km2 : float
        Area that was judged: valid imagery within the map's reach.
    road_km : float
        Length of the map's roads inside the image.
    threshold : float
        Probability from which a pixel counts as road.
    shift_m : tuple of float, or None
        Metres east and north from the map to the imagery; None where it could not be measured.
    notes : tuple of str
        What a reader should know, a sentence each.
    statuses : mapping of str to int
        Status → how many findings, earlier ones too.
    folder : Path or None
        Where its files lie.
    load_layer : callable
        Name of a layer → its lines; `map_lines` and `seen_lines` use it.
    load_probability : callable
        Reads or hands over the probability; `probability` uses it.
    """

    findings: gpd.GeoDataFrame
    area_km2: float
    road_km: float
    threshold: float
    shift_m: tuple[float, float] | None
    notes: tuple[str, ...]
    statuses: Mapping[str, int]
    folder: Path | None
    load_layer: Callable[[str], gpd.GeoDataFrame]
    load_probability: Callable[[], Raster]

    @cached_property
    def ranked(self) -> tuple[Finding, ...]:
        """The findings as values, in the order of the table."""
        return tuple(_make_finding(row) for row in self.findings.itertuples(index=False))

    @cached_property
    def map_lines(self) -> gpd.GeoDataFrame:
        """The roads of the map that were judged, in the position of the map."""
        return self.load_layer("map")

    @cached_property
    def seen_lines(self) -> gpd.GeoDataFrame:
        """The roads that the imagery shows, in the position of the map."""
        return self.load_layer("predicted")

    @cached_property
    def probability(self) -> Raster:
        """Probability of road, (1, H, W) float32 in 0 … 1, on the grid of the *imagery*."""
        return self.load_probability()


def read_audit(folder: PathLike) -> Audit:
    """Read an audit from the folder that it was written to, with the verdicts given since.

    Parameters
    ----------
    folder : path
        The `out` of `mapsight.audit`, or `--out` of the command.

    Returns
    -------
    Audit
        As `mapsight.audit` has returned it; the large files are read when they are asked for.

    Raises
    ------
    MapsightError
        There is no audit in the folder, or a file of it cannot be read.
    """
    from mapsight.roads.prediction.predict import read_probability

    place = Path(folder)
    path = place / "findings.gpkg"
    if not path.is_file():
        raise InputError(
            place, "has no findings.gpkg", "give the folder that `mapsight audit --out` wrote"
        )
    table = join_verdicts(read_stored_findings(path), path)

    def load_layer(name: str) -> gpd.GeoDataFrame:
        return pyogrio.read_dataframe(place / "layers.gpkg", layer=name)

    return Audit(
        findings=table,
        folder=place,
        load_layer=load_layer,
        load_probability=lambda: read_probability(place / "probability.tif"),
        **take_facts(read_audit_facts(path), place / "audit.json"),
    )


def take_facts(facts: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The fields of an `Audit` that audit.json tells; InputError where it does not."""
    try:
        moved = facts["shift_m"]
        shift = None if moved is None else (float(moved["east"]), float(moved["north"]))
        return {
            "area_km2": float(facts["area_km2"]),
            "road_km": float(facts["road_km"]),
            "threshold": float(facts["threshold"]["value"]),
            "shift_m": shift,
            "notes": tuple(map(str, facts.get("notes", ()))),
            "statuses": {str(name): int(n) for name, n in facts.get("statuses", {}).items()},
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(path, "states no threshold and shift", "run the audit again") from None


def _make_finding(row: Any) -> Finding:
    return Finding(
        finding_id=str(row.finding_id),
        kind=str(row.kind),
        score=float(row.score),
        line=row.geometry,
        seen=read_line(row.seen_wkt),
        length_m=float(getattr(row, "length_m", math.nan)),
        offset_m=float(getattr(row, "offset_m", math.nan)),
        road_class=str(row.road_class),
        road_id=str(row.road_id),
        evidence=str(row.evidence),
        status=str(row.status),
        verdict=str(row.verdict),
    )
