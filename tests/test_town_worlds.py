"""Towns of other worlds: roads are what the world's table says, and the town of home stays as it
was.
"""

from __future__ import annotations

import hashlib
from functools import cache

import geopandas as gpd
import numpy as np
import pytest
import shapely

from mapsight.cli.town import _WORLDS
from mapsight.cli.town import town as town_command
from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.town import WORLDS, Town, TownSettings, draw_atlas, draw_town
from mapsight.town.atlas import PAVED_ROAD, TRACK, UNPAVED_ROAD, make_scene
from mapsight.town.paint.biomes import MATERIALS
from mapsight.town.paint.biomes_abroad import ALL_BIOMES
from mapsight.town.paint.ground import _GROUND_OF
from mapsight.town.paint.planting import _COVER
from mapsight.town.paint.sensors import SENSORS
from mapsight.town.plan.layout import _MARKING
from mapsight.town.world import HOME, PAVED


@cache
def settings(world: str, seed: int = 1) -> TownSettings:
    return TownSettings(size_px=300, m_per_px=1.0, seed=seed, world=world)


@cache
def town(world: str, seed: int = 1) -> Town:
    """Towns are drawn once for all tests."""
    return draw_town(settings(world, seed))


# plans of home as they were before there were other worlds: places are rounded to centimetres, so
# that another release of a geometry library does not matter
_AT_HOME = {
    2: (
        "5504aecc0e06",
        (110.33, 110.98, 102.98),
        {
            "field": 0.0,
            "water": 0.0,
            "railway": 0.0,
            "pitch": 0.0,
            "footpath": 0.00263,
            "driveway": 0.0,
            "car_park": 0.0,
            "cars": 0.00665,
            "buildings": 0.20588,
            "trees": 0.12562,
            "shadow": 0.2721,
            "track": 0.0,
            "canopy_over_road": 0.01445,
        },
    ),
    3: (
        "353bdd543bfe",
        (138.53, 134.36, 123.87),
        {
            "field": 0.0,
            "water": 0.0,
            "railway": 0.0,
            "pitch": 0.0,
            "footpath": 0.0,
            "driveway": 0.04745,
            "car_park": 0.0,
            "cars": 0.01055,
            "buildings": 0.14035,
            "trees": 0.00825,
            "shadow": 0.04657,
            "track": 0.0,
            "canopy_over_road": 0.0,
        },
    ),
    12: (
        "9a10bfc926f6",
        (96.68, 103.67, 86.38),
        {
            "field": 0.2243,
            "water": 0.02278,
            "railway": 0.01155,
            "pitch": 0.0148,
            "footpath": 0.0,
            "driveway": 0.01655,
            "car_park": 0.01033,
            "cars": 0.00458,
            "buildings": 0.045,
            "trees": 0.34958,
            "shadow": 0.07805,
            "track": 0.0,
            "canopy_over_road": 0.006,
        },
    ),
    23: (
        "6c78379be821",
        (94.15, 100.57, 71.15),
        {
            "field": 0.46363,
            "water": 0.0,
            "railway": 0.0,
            "pitch": 0.0,
            "footpath": 0.0,
            "driveway": 0.02595,
            "car_park": 0.0,
            "cars": 0.00535,
            "buildings": 0.0684,
            "trees": 0.0889,
            "shadow": 0.08303,
            "track": 0.0,
            "canopy_over_road": 0.00773,
        },
    ),
}


def digest_plan(drawn: Town) -> str:
    """A short digest of roads and truth."""
    told = hashlib.sha256(np.packbits(drawn.truth).tobytes())
    for row in drawn.roads.itertuples():
        xy = np.rint(shapely.get_coordinates(row.geometry) * 100).astype(np.int64)
        told.update(f"{row.road_class} {row.width_m} {row.name} {row.visible}".encode())
        told.update(xy.tobytes())
    return told.hexdigest()[:12]


@pytest.mark.parametrize("seed", _AT_HOME)
def test_home_is_as_ever(seed):
    """Seeds of home give the roads and, in the mean of bands and layers, the picture that they gave
    before; the figures were written down then.
    """
    drawn = draw_town(TownSettings(size_px=200, m_per_px=1.0, seed=seed))
    plan, bands, shares = _AT_HOME[seed]
    assert digest_plan(drawn) == plan
    assert drawn.image.array.mean((1, 2)) == pytest.approx(bands, abs=0.02)
    assert {name: mask.mean() for name, mask in drawn.layers.items()} == pytest.approx(
        shares, abs=1e-4
    )
    assert "surface" not in drawn.roads


@pytest.mark.parametrize("world", WORLDS)
def test_roads_are_of_the_world(world):
    """There are roads; each has a width and a surface that the world's table has for its class, and
    the truth is what burning the visible ones gives.
    """
    for seed in (1, 2):
        drawn = town(world, seed)
        roads, ways = drawn.roads, WORLDS[world].ways
        assert roads.length.sum() > 400
        assert 0.01 < drawn.truth.mean() < 0.5
        assert np.array_equal(drawn.truth, burn_lines(roads[roads.visible], drawn.image.geobox))
        rings = roads.name == "Roundabout"
        for road in roads[~rings].itertuples():
            least, most = ways[road.road_class].width_m
            assert least - 0.051 <= road.width_m <= most + 0.051
            assert road.surface in dict(ways[road.road_class].surfaces)


@pytest.mark.parametrize("world", WORLDS)
def test_lines_lie_on_the_truth(world):
    """Points along the visible lines fall on truth, but for lines' last half pixel."""
    drawn = town(world)
    visible = drawn.roads[drawn.roads.visible]
    lines = visible.geometry.to_numpy()
    shares = np.linspace(0.1, 0.9, 9)
    points = shapely.line_interpolate_point(lines[:, None], shares[None], normalized=True)
    x, y = shapely.get_coordinates(points).T
    cols, rows = ~drawn.image.transform * (x, y)
    rows, cols = (np.clip(np.floor(at).astype(int), 0, 299) for at in (rows, cols))
    assert drawn.truth[rows, cols].mean() > 0.98


@pytest.mark.parametrize("world", ["informal", "megacity", "snow"])
def test_same_seed_same_place(world):
    """Image, roads and layers are equal to the bit when drawn again; another seed or another world
    gives another place.
    """
    first, again = town(world), draw_town(settings(world))
    assert np.array_equal(first.image.array, again.image.array)
    assert first.roads.equals(again.roads)
    assert all(np.array_equal(first.layers[name], again.layers[name]) for name in first.layers)
    assert not np.array_equal(first.truth, town(world, 2).truth)
    assert not np.array_equal(first.truth, town("rice").truth)


def test_informal_settlements_are_dense():
    """Lanes of 2–4 m make up much of the net, and roofs cover more of the ground than in a
    suburb of home.
    """
    drawn = draw_town(
        TownSettings(size_px=300, m_per_px=1.0, seed=1, world="informal", density=0.8)
    )
    home = draw_town(TownSettings(size_px=300, m_per_px=1.0, seed=1, density=0.3))
    lanes = drawn.roads[drawn.roads.road_class == "lane"]
    assert lanes.length.sum() > 0.4 * drawn.roads.length.sum()
    assert lanes.width_m.between(2, 4).all()
    assert drawn.layers["buildings"].mean() > 2 * home.layers["buildings"].mean()


def test_motorways_have_eight_to_twelve_lanes():
    """Somewhere among a few new cities runs a motorway of two carriageways of 15–22 m, and main
    roads are divided by a median.
    """
    towns = [town("megacity", seed) for seed in range(1, 9)]
    broad = [t.roads[t.roads.road_class == "motorway"] for t in towns]
    assert any(len(rows) >= 2 for rows in broad)
    assert all(rows.width_m.between(15, 22).all() for rows in broad)
    divided = 0
    for drawn in towns:
        main = drawn.roads[drawn.roads.road_class.isin(["primary", "secondary"])]
        for _, rows in main.groupby("name"):
            beside = shapely.offset_curve(rows.geometry.iloc[0], rows.width_m.iloc[0] + 2)
            divided += bool(rows.geometry.distance(beside.centroid).min() < 10 and len(rows) > 1)
    assert divided >= 3


def test_canals_carry_water():
    """Low land has more straight water than the desert has."""
    wet, dry = (
        np.mean([town(world, seed).layers["water"].mean() for seed in (1, 2)])
        for world in ("canals", "sand")
    )
    assert wet > dry + 0.01


def test_tables_name_each_other_well():
    """Every district that a world names has ground, trees and a rank; every biome has a colour pair
    for each material; every sensor is known.
    """
    for name, world in WORLDS.items():
        assert set(world.districts) <= set(_GROUND_OF) & set(_COVER) & set(_MARKING), name
        assert set(world.biomes) <= set(ALL_BIOMES), name
        assert world.biomes, name
        assert set(world.sensors) <= set(SENSORS), name
        assert world.sensors, name
        assert set(world.ways) == set(HOME.ways), name
        for way in world.ways.values():
            assert sum(share for _, share in way.surfaces) == pytest.approx(1), name
        assert all(any(row[i] > 0 for row in world.districts.values()) for i in range(4)), name
    for name, biome in ALL_BIOMES.items():
        assert len(biome.ground) == len(MATERIALS), name
        assert all(0 <= band <= 255 for pair in biome.ground for tone in pair for band in tone)


def test_atlas_goes_round_the_world():
    """Scenes come in the order of the worlds, are the same again, and differ by seed; surfaces and
    valid pixels say what the lines say.
    """
    drawn = list(draw_atlas(len(WORLDS), 5, size_px=96, m_per_px=(0.4, 1.6)))
    assert [scene.world for scene in drawn] == list(WORLDS)
    assert len({scene.m_per_px for scene in drawn}) > 8
    assert all(0.4 <= scene.m_per_px <= 1.6 for scene in drawn)
    again = next(draw_atlas(1, 5, size_px=96, m_per_px=(0.4, 1.6)))
    other = next(draw_atlas(1, 6, size_px=96, m_per_px=(0.4, 1.6)))
    assert np.array_equal(again.image, drawn[0].image)
    assert not np.array_equal(other.image, drawn[0].image)
    for scene in drawn:
        assert scene.image.shape == (3, 96, 96)
        assert scene.image.dtype == scene.truth.dtype == np.uint8
        assert scene.valid.dtype == bool
        assert np.array_equal(scene.surface > 0, scene.truth > 0)
        assert not (scene.valid & (scene.surface == TRACK)).any()
        assert scene.valid.any()


def test_surfaces_are_those_of_the_lines():
    """A pixel's surface is that of the visible lines over it, paved ones first."""
    scene = make_scene(town("red_earth"), settings("red_earth"))
    roads = scene.roads[scene.roads.visible]
    paved = roads.surface.isin(PAVED) & (roads.road_class != "track")
    box = settings("red_earth").geobox
    assert np.array_equal(scene.surface == PAVED_ROAD, burn_lines(roads[paved], box) == 1)
    assert (scene.surface == UNPAVED_ROAD).any()


def test_leaning_houses_hide_roads():
    """Where towers lean over a road, its truth stays and the pixel is not valid."""
    hidden = 0
    for seed in range(1, 9):
        drawn = town("megacity", seed)
        scene = make_scene(drawn, settings("megacity", seed))
        over = (drawn.layers["buildings"] & drawn.truth) > 0
        assert not (scene.valid & over).any()
        hidden += int(over.sum())
    assert hidden > 0


@pytest.mark.parametrize("wrong", [{"world": "moon"}, {"world": "snow", "biome": "green"}])
def test_wrong_worlds_are_refused(wrong):
    """An unknown world, and a climate beside a world, are refused in one line with a remedy."""
    with pytest.raises(InputError, match=r"^[^\n]+: [^\n]+; [^\n]+$"):
        TownSettings(**wrong)


def test_command_knows_every_world(tmp_path):
    """`town --world` names all worlds in its help, draws one, and refuses an unknown one."""
    assert _WORLDS.split(", ") == list(WORLDS)
    town_command(tmp_path, size_px=96, m_per_px=1.0, mistakes=0, world="palms")
    roads = gpd.read_file(tmp_path / "true_roads.gpkg")
    assert set(roads.surface) <= {"asphalt", "concrete", "earth", "gravel"}
    with pytest.raises(InputError, match="red_earth"):
        town_command(tmp_path, size_px=96, world="moon")
