"""Carriageways and what lies beside them: asphalt of many ages, wheel tracks, patches, cracks,
pavements.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from mapsight.town.paint.easel import Easel
from mapsight.town.paint.look import Look
from mapsight.town.paint.strokes import Pieces, make_rounds, stroke_lines, stroke_roads
from mapsight.town.plan.boxes import make_strips, spread_boxes
from mapsight.town.plan.follow import follow_lines, left_of
from mapsight.town.plan.junctions import count_ends
from mapsight.town.plan.street import rank_class
from mapsight.town.world import PAVED

_TOWNLY = ("core", "grid", "suburb", "retail", "industrial", "rows", "tower", "villa", "bazaar")


def paint_verges(easel: Easel, edges: gpd.GeoDataFrame) -> None:
    """Pavements and kerbs in town, worn earth outside and along earth roads."""
    _paint_shoulders(easel, edges[~edges.surface.isin(PAVED) & (edges.road_class != "track")])
    made = edges[edges.road_class.isin(["primary", "secondary", "residential"])]
    made = made[made.surface.isin(PAVED)]
    town, rural = made[made.kind.isin(_TOWNLY)], made[~made.kind.isin(_TOWNLY)]
    core = town.kind.isin(["core", "retail", "tower", "bazaar"])
    soil, grass, paved = (easel.look.material(name) for name in ("soil", "lawn", "paved"))
    for rows, more_m, colour, opacity in (
        (rural, 1.6, soil, 0.55),
        (town[core], 3.4, paved, 0.9),
        (town[~core], 3.0, paved, 0.9),
        (town[~core], 1.5, grass, 0.85),
        (town, 0.35, paved * 1.12, 0.8),
    ):
        stain = easel.cover(stroke_roads(rows, more_m=more_m).rings)
        easel.blend(stain, colour * easel.rough(stain, 11, fine=0.06, patchy=0.05), opacity)


def _paint_shoulders(easel: Easel, rows: gpd.GeoDataFrame) -> None:
    """Where wheels and feet have worn the land beside a road of earth, in patches."""
    for more_m, opacity in ((2.6, 0.35), (0.9, 0.45)):
        stain = easel.cover(stroke_roads(rows, more_m=more_m).rings)
        colour = easel.look.material("soil") * easel.rough(stain, 27, fine=0.05)
        easel.blend(stain, colour, easel.patches(stain, 27, opacity, 0.3))


def paint_motorway_bed(easel: Easel, lanes: gpd.GeoDataFrame) -> None:
    """Embankment, median and hard shoulders under a motorway's carriageways."""
    for more_m, colour in (
        (7.0, easel.look.material("grass")),
        (2.4, np.full(3, easel.look.asphalt * 0.96)),
    ):
        stain = easel.cover(stroke_roads(lanes, more_m=more_m).rings)
        easel.blend(stain, colour * easel.rough(stain, 10, fine=0.07), 0.95)


def paint_roads(easel: Easel, edges: gpd.GeoDataFrame, rng: np.random.Generator) -> None:
    """Visible carriageways; every street has its own age, every edge of it a little of its own."""
    order = np.lexsort(
        ([-rank_class(c) for c in edges.road_class], ~edges.visible)
    )  # hidden ones come last
    rows = edges.iloc[order[: edges.visible.sum()]]
    tones, pieces, bulbs = (
        _choose_tones(rows, easel.look, rng),
        stroke_roads(rows),
        _dead_ends(edges.iloc[order], rng),
    )
    tracks, paved = rows[rows.road_class == "track"], rows.surface.isin(PAVED)
    dirt = easel.cover(stroke_roads(tracks).rings)
    opacity = np.ones(easel.rgb.shape[0] * easel.rgb.shape[1], dtype=np.float32)
    earthen = easel.cover(stroke_roads(rows[~paved]).rings)
    opacity[earthen.index] = easel.patches(earthen, 28, 0.9, 0.12)
    opacity[dirt.index] = easel.patches(dirt, 13, 0.75, 0.25)
    owner = np.concatenate([bulbs.owner, pieces.owner])
    stain = easel.stain(np.concatenate([bulbs.rings, pieces.rings]), tones[owner])
    rough = easel.rough(stain, 12, patchy=0.045, fine=0.035, grain=0.03, broad=0.03)
    easel.blend(stain, stain.value * rough, opacity[stain.index])
    ridge = easel.cover(stroke_lines(tracks.geometry.to_numpy(), 0.8).rings)
    easel.blend(ridge, easel.look.material("grass"), easel.patches(ridge, 14, 0.45, 0.3))
    _wear_roads(easel, rows[~rows.road_class.isin(["track", "service", "lane"]) & paved], rng)
    _wear_earth(easel, rows[~paved & (rows.road_class != "track")])
    if easel.look.dust:
        dusty = easel.cover(stroke_roads(rows[paved], more_m=0.3).rings)
        soil = easel.look.material("soil") * easel.rough(dusty, 30, fine=0.05)
        easel.blend(dusty, soil, easel.patches(dusty, 30, easel.look.dust, 0.25))


def _choose_tones(rows: gpd.GeoDataFrame, look: Look, rng: np.random.Generator) -> np.ndarray:
    """Colours (N, 3) by class, and by the age of each street."""
    streets, which = np.unique(rows.name.to_numpy().astype(str), return_inverse=True)
    age = 1 + (rng.normal(0, 0.08, len(streets))[which] + rng.normal(0, 0.025, len(rows)))[:, None]
    kind, surface = rows.road_class.to_numpy(), rows.surface.to_numpy()
    tones = np.array([look.surface(name) for name in surface]).reshape(-1, 3) * age
    alley = (kind == "service") & (surface == "asphalt")
    tones[alley] = look.material("paved") * 0.94 * age[alley]
    tones[kind == "primary"] *= 0.95
    return tones


def _dead_ends(rows: gpd.GeoDataFrame, rng: np.random.Generator) -> Pieces:
    """Turning circles at some ends of residential streets; rows with tunnels, whose mouths are no
    ends.
    """
    ends, places, degree = count_ends(rows.geometry.to_numpy())
    residential = ((rows.road_class == "residential") & rows.visible).to_numpy()[:, None]
    which, side = np.nonzero((degree[ends] == 1) & residential & (rng.random((len(rows), 2)) < 0.6))
    radius = rows.width_m.to_numpy()[which] * rng.uniform(0.8, 1.3, len(which)) + 1
    return make_rounds(places[ends[which, side]], radius, which)


def _wear_roads(easel: Easel, rows: gpd.GeoDataFrame, rng: np.random.Generator) -> None:
    """Wheel tracks, mended patches, trenches and cracks."""
    lines, width = rows.geometry.to_numpy(), rows.width_m.to_numpy()
    for share, tone in ((-0.25, 0.955), (-0.05, 1.02), (0.05, 1.02), (0.25, 0.955)):
        easel.shade(easel.cover(stroke_lines(lines, 1.0, aside_m=share * width).rings), tone)
    which, place, tangent = _scatter(lines, 45, rng)
    long = np.minimum(rng.exponential(4, len(which)) + 0.8, 22)
    broad = rng.uniform(0.12, 0.5, len(which)) * width[which] / 2
    aside = rng.uniform(-1, 1, len(which)) * (width[which] / 2 - broad)
    patches = spread_boxes(
        place + left_of(tangent) * aside[:, None], tangent, np.stack([long, broad], axis=1)
    )
    tones = np.clip(rng.normal(0.97, 0.075, (len(which), 1)), 0.78, 1.14)
    mended = easel.stain(patches.corners(), tones)
    easel.shade(mended, mended.value)
    easel.shade(easel.cover(_crack(lines, width, rng)), 0.86)


def _wear_earth(easel: Easel, rows: gpd.GeoDataFrame) -> None:
    """Two paler wheel tracks a lane, hollows where water stands."""
    lines, width = rows.geometry.to_numpy(), rows.width_m.to_numpy()
    for share in (-0.22, 0.22):
        wheels = easel.cover(stroke_lines(lines, 0.9, aside_m=share * width).rings)
        easel.shade(wheels, 1 + 0.09 * easel.patches(wheels, 29, 0.7, 0.4)[:, None])
    bed = easel.cover(stroke_lines(lines, width * 0.8).rings)
    hollow = easel.noise.at(bed.index, "fine", 29) + 0.8 * easel.noise.at(bed.index, "patchy", 29)
    easel.shade(bed, 1 - 0.16 * np.clip(hollow - 1.2, 0, 1.5)[:, None])


def _crack(lines: np.ndarray, width: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Crooked thin lines (N, 4, 2), most of them across the road."""
    which, place, tangent = _scatter(lines, 28, rng)
    across = left_of(tangent) * width[which, None] / 2
    share = [
        rng.uniform(low, high, (len(which), 1)) for low, high in ((-1, 0.2), (0.1, 0.8), (0.3, 1))
    ]
    drift = rng.normal(0, [1.2, 3.0], (len(which), 2))
    start = place + across * share[0]
    middle = start + across * share[1] + tangent * drift[:, :1]
    end = place + across * share[2] + tangent * drift[:, 1:]
    return np.concatenate([make_strips(start, middle, 0.16), make_strips(middle, end, 0.16)])


def _scatter(
    lines: np.ndarray, every_m: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Line numbers (N,), points and tangents (N, 2) of random places, one for each `every_m` or
    so.
    """
    length = shapely.length(lines)
    which = np.repeat(np.arange(len(lines)), rng.poisson(length / every_m))
    return which, *follow_lines(lines[which], rng.random(len(which)) * length[which])
