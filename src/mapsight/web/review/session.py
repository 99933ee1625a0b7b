"""One audit folder, opened for review: its findings, layers, rasters and verdicts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from mapsight.errors import InputError
from mapsight.geo.network import RoadChoice, read_map
from mapsight.geo.placing import locate
from mapsight.geo.raster import open_image
from mapsight.geo.source import open_source
from mapsight.roads.folder.read import read_audit_facts, read_findings, read_line
from mapsight.roads.scoring.rerank import order_spread
from mapsight.roads.verdicts.store import Verdict, VerdictStore
from mapsight.web.review.place import LINKS, Frame
from mapsight.web.review.tiles import RasterSource, open_image_source

_LAYERS = ("map", "predicted", "not_judged")
_LIST_COLUMNS = {
    "road_class": "",
    "length_m": math.nan,
    "evidence": "",
    "seen_wkt": "",
    "features": "{}",
}


@dataclass(frozen=True, kw_only=True)
class ReviewSettings:
    """What cannot be read from the audit: where its image and map are now, who reviews, where links
    lead.
    """

    image: Path | None = None
    map_file: Path | None = None
    reviewer: str = ""
    links: Mapping[str, str] = field(default_factory=lambda: LINKS)


@dataclass(frozen=True, eq=False)
class Session:
    """What the page shows; `findings` in the file's CRS by falling score, `number` is a finding's
    row there.
    """

    folder: Path
    findings: gpd.GeoDataFrame
    frame: Frame
    facts: dict[str, Any]
    rasters: dict[str, RasterSource]
    store: VerdictStore
    settings: ReviewSettings
    notes: tuple[str, ...] = ()

    @cached_property
    def numbers(self) -> dict[str, int]:
        """finding_id → number."""
        return {name: number for number, name in enumerate(self.findings["finding_id"])}

    @cached_property
    def degrees(self) -> gpd.GeoSeries:
        """The findings' lines in longitude and latitude."""
        return self.frame.to_degrees(self.findings)

    @cached_property
    def mercator_bounds(self) -> np.ndarray:
        """(N, 4) left, bottom, right, top of each finding in web Mercator."""
        bounds: np.ndarray = self.frame.to_mercator(self.findings).bounds.to_numpy()
        return bounds

    def list_findings(self) -> bytes:
        """The table of the list, column by column, as JSON; `spread` is a finding's place in
        `order_spread`.
        """
        table, boxes = self.findings, self.degrees.bounds.to_numpy().round(7)
        columns = {
            "id": table["finding_id"].tolist(),
            "kind": table["kind"].tolist(),
            "class": table["road_class"].tolist(),
            "score": table["score"].round(4).tolist(),
            "length_m": table["length_m"].round(1).tolist(),
            "bounds": boxes.tolist(),
            "spread": np.argsort(order_spread(len(table))).tolist(),
        }
        return json.dumps(columns, separators=(",", ":")).encode()

    def write_layer(self, name: str) -> bytes | None:
        """A layer as GeoJSON: findings, seen, map, predicted, not_judged; None where there is none
        of that name.
        """
        if name == "findings":
            kinds = self.findings["kind"].tolist()
            return _write_geojson(self.degrees, [{"kind": kind} for kind in kinds])
        if name == "seen":
            return self._write_seen()
        if name not in _LAYERS:
            return None
        lines = self._read_layer(name)
        return (
            _write_geojson(self.frame.to_degrees(lines))
            if lines is not None
            else _write_geojson(())
        )

    def _write_seen(self) -> bytes:
        wkt = self.findings["seen_wkt"]
        there = wkt.str.len() > 0
        lines = gpd.GeoSeries(
            shapely.from_wkt(wkt[there].tolist(), on_invalid="ignore"), crs=self.findings.crs
        )
        lines = lines[lines.notna()]
        return _write_geojson(self.frame.to_degrees(lines)) if len(lines) else _write_geojson(())

    def _read_layer(self, name: str) -> gpd.GeoDataFrame | None:
        """From layers.gpkg, or the map that was given instead."""
        if name == "map" and self.settings.map_file is not None:
            return self._read_given_map()
        path = self.folder / "layers.gpkg"
        if not path.is_file() or name not in {str(layer) for layer, _ in pyogrio.list_layers(path)}:
            return None
        lines = pyogrio.read_dataframe(path, layer=name, columns=[], on_invalid="ignore")
        lines = lines[lines.geometry.notna() & ~lines.geometry.is_empty]
        return None if lines.empty else lines

    def _read_given_map(self) -> gpd.GeoDataFrame:
        assert self.settings.map_file is not None
        sources = self.facts.get("sources", {})
        image = self.rasters["image"]
        bands = image.colours.bands if image.colours else None
        with open_image(image.path, bands=bands, crs=image.crs, m_per_px=image.m_per_px) as reader:
            lines = read_map(
                self.settings.map_file,
                box=reader.geobox,
                crs=sources.get("map_crs"),
                layer=sources.get("layer"),
                choice=RoadChoice(
                    sources.get("road_column"), tuple(sources.get("road_values") or ())
                ),
            ).lines
        return lines if self.findings.crs is None else lines.to_crs(self.findings.crs)


def open_session(folder: Path, settings: ReviewSettings = ReviewSettings()) -> Session:
    """Open the folder that `mapsight audit` has written; InputError where something of it is not
    there or broken.
    """
    if not folder.is_dir():
        raise InputError(
            folder, "is no folder", "give the folder that `mapsight audit --out` wrote"
        )
    path = folder / "findings.gpkg"
    if not path.is_file():
        raise InputError(
            folder, "holds no findings.gpkg", "give the folder that `mapsight audit --out` wrote"
        )
    findings, notes = _clean(read_findings(path, metric=False))
    facts = read_audit_facts(path)
    shift = facts.get("shift_m") or {}
    frame = Frame(findings.crs, (_number(shift.get("east")), _number(shift.get("north"))))
    if settings.map_file is not None and not settings.map_file.is_file():
        raise InputError(
            settings.map_file, "there is no such file", "give the map that was audited"
        )
    rasters = _open_rasters(folder, frame, facts, settings)
    return Session(folder, findings, frame, facts, rasters, VerdictStore(path), settings, notes)


def _open_rasters(
    folder: Path, frame: Frame, facts: dict[str, Any], settings: ReviewSettings
) -> dict[str, RasterSource]:
    sources = facts.get("sources") or {}
    named = settings.image or (folder / str(sources["image"]) if sources.get("image") else None)
    if named is None:
        raise InputError(
            folder, "does not say which image was audited", "give it with --image FILE"
        )
    if not named.is_file():
        raise InputError(
            named, "the audited image is not there any more", "give its place with --image FILE"
        )
    bands = (
        tuple(int(b) for b in str(sources["bands"]).split(",")) if sources.get("bands") else None
    )
    m_per_px = _number(facts.get("m_per_px")) or 1.0
    found = {
        "image": open_image_source(
            named, frame, bands=bands, crs=sources.get("crs"), m_per_px=m_per_px
        )
    }
    probability = folder / "probability.tif"
    if probability.is_file():
        with open_source(probability) as source:
            locate(source)
        found["probability"] = RasterSource(probability, frame, m_per_px=m_per_px, probability=True)
    return found


def _clean(table: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """Findings with a line and a name of their own, all columns there; what was left out is
    said.
    """
    for name, default in _LIST_COLUMNS.items():
        if name not in table:
            table[name] = default
    text = [name for name, default in _LIST_COLUMNS.items() if isinstance(default, str)]
    table[text] = table[text].fillna("").astype(str)
    lines = table.geometry
    sound = (
        lines.notna() & ~lines.is_empty & lines.geom_type.isin(("LineString", "MultiLineString"))
    )
    sound &= np.isfinite(lines.bounds).all(axis=1) & ~table["finding_id"].duplicated()
    kept = table[sound].reset_index(drop=True)
    if kept.empty:
        raise InputError(
            "the findings", "hold no line to judge", "the audit has found nothing, or run it again"
        )
    kept["length_m"] = _measure(kept)
    left_out = len(table) - len(kept)
    return kept, (
        f"{left_out} findings without a line or a name of their own are left out",
    ) if left_out else ()


def _measure(table: gpd.GeoDataFrame) -> pd.Series:
    """What the audit says; where it says nothing, measured."""
    given = pd.to_numeric(table["length_m"], errors="coerce")
    if given.notna().all():
        return given
    metric = table if table.crs is None else table.to_crs(table.estimate_utm_crs())
    return given.fillna(metric.length)


def _write_geojson(lines: Any, properties: list[dict[str, Any]] | None = None) -> bytes:
    """Lines in degrees, with their row number as id; the texts are joined, which is ten times
    faster than objects.
    """
    shapes = shapely.set_precision(np.asarray(lines), 1e-7, mode="pointwise") if len(lines) else ()
    about = (
        [json.dumps(one, separators=(",", ":")) for one in properties]
        if properties
        else ["{}"] * len(lines)
    )
    features = [
        f'{{"type":"Feature","id":{number},"properties":{about[number]},"geometry":{text}}}'
        for number, text in enumerate(shapely.to_geojson(shapes) if len(shapes) else ())
    ]
    return f'{{"type":"FeatureCollection","features":[{",".join(features)}]}}'.encode()


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def tell_verdict(said: Verdict, frame: Frame) -> dict[str, Any]:
    """A judgement as the page reads it; `line` is the edited line in degrees, or None where it
    cannot be read.
    """
    line = None
    if (drawn := read_line(said.geometry_wkt)) is not None:
        moved = frame.to_degrees(gpd.GeoSeries([drawn], crs=frame.crs)).iloc[0]
        line = shapely.get_coordinates(moved).round(7).tolist() if moved.is_valid else None
    return {
        "id": said.finding_id,
        "verdict": said.verdict,
        "note": said.note,
        "line": line,
        "reviewer": said.reviewer,
        "time": said.time_utc,
        "revision": said.revision,
    }
