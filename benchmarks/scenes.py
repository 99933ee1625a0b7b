"""Scenes with a map that is taken for true: images of a pairs table with their masks traced, and Cambridge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np

from mapsight.cnn.runtime import Runner
from mapsight.geo.network import MapOverlap, RoadMap, read_map
from mapsight.geo.raster import Raster, open_image, pixel_box
from mapsight.geo.trace import trace_mask
from mapsight.progress import track
from mapsight.roads.chips import Scene, read_pairs, read_scene
from mapsight.roads.coverage import find_coverage
from mapsight.roads.findings import Evidence, FindingSettings, find_errors
from mapsight.roads.hidden import find_hidden
from mapsight.roads.plant import PlantSettings, plant_errors
from mapsight.roads.predict import predict_array


@dataclass(frozen=True, eq=False)
class Mapped:
    """An image, its probability by a net that has not seen it, its true map, and where it hides roads."""

    name: str
    image: Raster
    probability: Raster
    roads: RoadMap
    hidden: np.ndarray


@dataclass(frozen=True, eq=False)
class Planted:
    """What an audit finds in a map with planted mistakes, and what was planted; road_km and area_km2 judged."""

    name: str
    findings: gpd.GeoDataFrame
    planted: gpd.GeoDataFrame
    road_km: float
    area_km2: float


def read_pair_maps(table: Path, run: Runner, *, split: str, sets: list[str], m_per_px: float) -> Iterator[Mapped]:
    """Pairs of a split as maps, in pixel coordinates; those without at least two roads are left out."""
    pairs = read_pairs(table, split=split, sets=sets)
    for pair in track(pairs, "scenes", total=len(pairs)):
        scene = read_scene(pair, m_per_px=m_per_px)
        roads = trace_truth(scene, m_per_px)
        if len(roads.lines) >= 2:
            box = pixel_box(*scene.valid.shape, m_per_px=m_per_px)
            image = Raster(scene.image, box.transform, None, scene.valid)
            yield _see(pair.name, image, roads, run)


def read_georeferenced(name: str, image: Path, map_file: Path, run: Runner, *, m_per_px: float) -> Mapped:
    """A georeferenced image with a road map of it."""
    with open_image(image, m_per_px=m_per_px) as reader:
        seen = reader.read_all()
    return _see(name, seen, read_map(map_file, box=seen.geobox), run)


def trace_truth(scene: Scene, m_per_px: float) -> RoadMap:
    """The mask of a scene as a map of lines."""
    box = pixel_box(*scene.valid.shape, m_per_px=m_per_px)
    traced = trace_mask(scene.truth > 0, box)
    columns = {"road_class": "road", "visible": True, "name": "", "road_id": [str(i) for i in range(len(traced))]}
    lines = gpd.GeoDataFrame({"width_m": traced["width_m"], **columns}, geometry=traced.geometry, crs=None)
    return make_road_map(lines)


def make_road_map(lines: gpd.GeoDataFrame) -> RoadMap:
    """A map of these lines and nothing else."""
    others = gpd.GeoDataFrame({"road_class": []}, geometry=[], crs=lines.crs)
    return RoadMap(lines, None, {}, others, MapOverlap(len(lines), len(lines), float(lines.length.sum() / 1000)))


def plant_and_find(mapped: Mapped, settings: PlantSettings, threshold: float, *, min_score: float) -> Planted | None:
    """Plants mistakes into the scene's map and looks for them; None where nothing fits."""
    box = mapped.image.geobox
    lines, planted = plant_errors(mapped.roads.lines, box, settings=settings, valid=mapped.image.valid)
    if lines.empty or planted.empty:
        return None
    covered = find_coverage(lines, box)
    evidence = Evidence(mapped.probability, mapped.hidden, covered, threshold)
    found = find_errors(evidence, make_road_map(lines), FindingSettings(min_score=min_score)).table
    area_km2 = float((mapped.image.valid & covered).sum()) * box.m_per_px**2 / 1e6
    return Planted(mapped.name, found, planted, float(lines.length.sum() / 1000), area_km2)


def _see(name: str, image: Raster, roads: RoadMap, run: Runner) -> Mapped:
    seen = np.where(image.valid, predict_array(image.array, run), 0)[None].astype(np.float32)
    hidden = find_hidden(image.array, image.valid, image.geobox.m_per_px)
    return Mapped(name, image, Raster(seen, image.transform, image.crs, image.valid), roads, hidden)
