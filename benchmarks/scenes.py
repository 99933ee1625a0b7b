"""Scenes with a map that is taken for true: images of a pairs table with their masks traced, and
Cambridge.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from rasterio.crs import CRS

from mapsight.cli.console import say
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.runtimes import Runner
from mapsight.geo.network import RoadMap, read_map, wrap_lines
from mapsight.geo.raster import GeoBox, Raster, open_image, pixel_box
from mapsight.geo.trace import trace_mask
from mapsight.progress import track
from mapsight.roads.finding.candidates import Candidates, FindingSettings
from mapsight.roads.finding.coverage import find_coverage
from mapsight.roads.finding.evidence import Evidence
from mapsight.roads.finding.findings import find_candidates, rank_candidates
from mapsight.roads.finding.frequency import learn_bend
from mapsight.roads.finding.hidden import find_hidden
from mapsight.roads.planting.plant import PlantSettings, plant_errors
from mapsight.roads.prediction.predict import predict_array
from mapsight.roads.training.chips import Scene, read_pairs, read_scene
from mapsight.town import TownSettings, draw_town


@dataclass(frozen=True, eq=False)
class Mapped:
    """An image, its probability by a net that has not seen it, its true map, and where it hides
    roads.
    """

    name: str
    image: Raster
    probability: Raster
    roads: RoadMap
    hidden: np.ndarray


@dataclass(frozen=True, eq=False)
class Planted:
    """What an audit finds in a map with planted mistakes, and what was planted; road_km and
    area_km2 judged.
    """

    name: str
    findings: gpd.GeoDataFrame
    planted: gpd.GeoDataFrame
    road_km: float
    area_km2: float


def read_pair_maps(
    table: Path, run: Runner, *, split: str, sets: list[str], m_per_px: float
) -> Iterator[Mapped]:
    """Pairs of a split as maps, in pixel coordinates; those without at least two roads are left
    out.
    """
    pairs = read_pairs(table, split=split, sets=sets)
    for pair in track(pairs, "scenes", total=len(pairs)):
        scene = read_scene(pair, m_per_px=m_per_px)
        roads = trace_truth(scene, m_per_px)
        if len(roads.lines) >= 2:
            box = pixel_box(*scene.valid.shape, m_per_px=m_per_px)
            image = Raster(scene.image, box.transform, None, scene.valid)
            yield _see(pair.name, image, roads, run)


def read_georeferenced(
    name: str, image: Path, map_file: Path, run: Runner, *, m_per_px: float
) -> Mapped:
    """A georeferenced image with a road map of it."""
    with open_image(image, m_per_px=m_per_px) as reader:
        seen = reader.read_all()
    return _see(name, seen, read_map(map_file, box=seen.geobox), run)


def draw_town_map(seed: int, run: Runner) -> Mapped:
    """A drawn town with its true roads as the map."""
    image, roads = draw_town_roads(seed)
    return _see(f"town {seed}", image, wrap_lines(roads), run)


def draw_town_roads(seed: int) -> tuple[Raster, gpd.GeoDataFrame]:
    """The picture of a drawn town of a square kilometre at 1 m a pixel, and its true roads without
    field tracks.
    """
    town = draw_town(TownSettings(size_px=1000, m_per_px=1.0, seed=seed))
    return town.image, town.roads[town.roads["road_class"] != "track"].reset_index(drop=True)


def end_map(mapped: Mapped, seed: int) -> Mapped:
    """The same scene with a map that ends, as a city's does, at a straight border near the
    picture's middle.
    """
    rng, valid = np.random.default_rng(seed), mapped.image.valid
    height, width = valid.shape
    turn = rng.uniform(0, 2 * np.pi)
    far = 2.0 * (height + width)
    half = Affine.translation(width / 2, height / 2) * Affine.rotation(float(np.degrees(turn)))
    corners = [(-far, 0.0), (far, 0.0), (far, far), (-far, far)]
    aside = rng.uniform(-0.15, 0.15) * min(height, width)
    kept = shapely.Polygon([mapped.image.transform * (half * (x, y + aside)) for x, y in corners])
    lines = mapped.roads.lines
    lines = lines.set_geometry(lines.geometry.intersection(kept)).explode(ignore_index=True)
    return replace(mapped, roads=wrap_lines(lines[lines.length > 5].reset_index(drop=True)))


def find_cambridge(data: Path) -> tuple[Path, Path]:
    """The image of Cambridge and the city's own centrelines."""
    city = data / "georef" / "cambridge"
    return city / "mass_23279035_rgb_1m.tif", city / "cambridge_centerlines_clip.geojson"


def read_windows(folder: Path, model: Model, run: Runner) -> Iterator[Mapped]:
    """The georeferenced windows of Massachusetts (1 m a pixel), their masks traced to lines in
    their CRS.

    None where the model has learnt them: it would be judged by what it knows by heart.
    """
    if "mass_win512" in model.card.trained_on:
        say("the model has learnt the Massachusetts windows: they are left out")
        return
    with open(folder / "mass_win512" / "index.csv", newline="", encoding="utf-8") as file:
        places = {row["name"]: row for row in csv.DictReader(file)}
    pairs = read_pairs(folder / "splits.csv", split="train", sets=["mass_win512"])
    for pair in track(pairs, "windows", total=len(pairs)):
        scene, place = read_scene(pair), places[pair.name]
        corner = Affine(1, 0, float(place["easting_left"]), 0, -1, float(place["northing_top"]))
        box = GeoBox(*scene.valid.shape, corner, CRS.from_string(place["crs"]))
        roads = wrap_lines(trace_lines(scene.truth > 0, box))
        if len(roads.lines) >= 2:
            yield _see(
                pair.name, Raster(scene.image, box.transform, box.crs, scene.valid), roads, run
            )


def trace_truth(scene: Scene, m_per_px: float) -> RoadMap:
    """The mask of a scene as a map of lines, in pixel coordinates."""
    return wrap_lines(
        trace_lines(scene.truth > 0, pixel_box(*scene.valid.shape, m_per_px=m_per_px))
    )


def trace_lines(mask: np.ndarray, box: GeoBox) -> gpd.GeoDataFrame:
    """A mask (H, W) bool as the lines of a map."""
    traced = trace_mask(mask, box)
    columns = {
        "road_class": "road",
        "visible": True,
        "name": "",
        "road_id": [str(i) for i in range(len(traced))],
    }
    return gpd.GeoDataFrame(
        {"width_m": traced["width_m"], **columns}, geometry=traced.geometry, crs=traced.crs
    )


class Mistaken(NamedTuple):
    """A map with planted mistakes, and the mistakes."""

    lines: gpd.GeoDataFrame
    planted: gpd.GeoDataFrame

    @property
    def is_blank(self) -> bool:
        """Nothing is planted, or nothing is left of the map."""
        return self.lines.empty or self.planted.empty


def plant_map(mapped: Mapped, settings: PlantSettings) -> Mistaken:
    """Mistakes in the scene's map; what does not fit is left out."""
    valid = mapped.image.valid
    return Mistaken(
        *plant_errors(mapped.roads.lines, mapped.image.geobox, settings=settings, valid=valid)
    )


def thin_map(mapped: Mapped, share: float, seed: int) -> Mistaken:
    """The scene's map without a share of its roads, drawn at random; each is a missing one to be
    found.
    """
    lines = mapped.roads.lines
    gone = np.random.default_rng(seed).random(len(lines)) < share
    missing = lines[
        gone & (lines.length > FindingSettings().min_length_m)
    ]  # shorter ones are no findings
    about = {
        "planted_id": [str(number) for number in range(len(missing))],
        "kind": "missing",
        "length_m": missing.length.to_numpy(),
        "offset_m": np.nan,
        "road_class": missing["road_class"].to_numpy(),
        "true_wkt": "",
    }
    planted = gpd.GeoDataFrame(about, geometry=list(missing.geometry), crs=lines.crs)
    return Mistaken(lines[~gone].reset_index(drop=True), planted)


def look_at(mapped: Mapped, wrong: Mistaken, threshold: float) -> tuple[Candidates, Evidence]:
    """What might be wrong with that map."""
    covered = find_coverage(wrong.lines, mapped.image.geobox)
    evidence = Evidence(mapped.probability, mapped.image.array, mapped.hidden, covered, threshold)
    return find_candidates(evidence, wrap_lines(wrong.lines)), evidence


def find_planted(mapped: Mapped, wrong: Mistaken, threshold: float) -> Planted | None:
    """The ranked findings of that map; None where nothing is planted or nothing is left of it."""
    if wrong.is_blank:
        return None
    candidates, evidence = look_at(mapped, wrong, threshold)
    found = rank_candidates(candidates.listed, wrong.lines.crs, learn_bend(candidates).score)
    area_km2 = (
        float((mapped.image.valid & evidence.covered).sum()) * mapped.image.geobox.m_per_px**2 / 1e6
    )
    return Planted(
        mapped.name, found, wrong.planted, float(wrong.lines.length.sum() / 1000), area_km2
    )


def _see(name: str, image: Raster, roads: RoadMap, run: Runner) -> Mapped:
    seen = np.where(image.valid, predict_array(image.array, run), 0)[None].astype(np.float32)
    hidden = find_hidden(image.array, image.valid, image.geobox.m_per_px)
    return Mapped(name, image, Raster(seen, image.transform, image.crs, image.valid), roads, hidden)
