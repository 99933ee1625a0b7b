"""Rendered maps → masks, checked against the vectors that the maps were drawn from."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.geo.sources.cartography import STYLES, draw_map

from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox, parse_crs
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.mapimage import measure_pixel_m, read_map_image, trace_roads
from mapsight.geo.sources.mend import fill_hidden, join_dashes
from mapsight.geo.sources.palette import learn_colour, parse_colour, to_lab
from mapsight.geo.sources.rendered import RenderedSettings, find_roads, list_colours

PLAIN = RenderedSettings(inpaint=False)


def iou(mask, truth) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def colours_of(style):
    return [parse_colour(colour) for colour in style.colours]


@pytest.mark.parametrize("town", [3, 11])
@pytest.mark.parametrize("name", ["light", "dark", "pastel"])
def test_maps_in_three_styles(name, town):
    """Oracle: the vectors burnt at the widths they are drawn with. IoU ≥ .85, and better than
    without inpainting.
    """
    drawn = draw_map(STYLES[name], seed=town)
    mended = iou(find_roads(drawn.image, colours_of(STYLES[name])), drawn.truth)
    plain = iou(find_roads(drawn.image, colours_of(STYLES[name]), PLAIN), drawn.truth)
    assert mended >= 0.85
    assert mended >= plain + 0.03


@pytest.mark.parametrize(("name", "least"), [("light", 0.80), ("dark", 0.85), ("pastel", 0.75)])
def test_compressed_maps(name, least):
    """The same through JPEG of quality 80, its ripples as strong as the contrast of white roads on
    pale land.
    """
    drawn = draw_map(STYLES[name], jpeg=80)
    mended = iou(find_roads(drawn.image, colours_of(STYLES[name])), drawn.truth)
    assert mended >= least
    assert (
        mended >= iou(find_roads(drawn.image, colours_of(STYLES[name]), PLAIN), drawn.truth) + 0.02
    )


def test_a_style_on_which_nothing_was_tuned():
    """Other colours, widths, letters without halos, another town."""
    drawn = draw_map(STYLES["held-out"], seed=11)
    assert iou(find_roads(drawn.image, colours_of(STYLES["held-out"])), drawn.truth) >= 0.85


def test_colours_learnt_from_clicks():
    """A click on a road of each colour gives the mask that the colours themselves give."""
    style = STYLES["light"]
    drawn = draw_map(style, labels=False)
    clicks = []
    for colour in colours_of(style):
        rows, cols = np.nonzero((drawn.image == colour).all(axis=2))
        clicks.append(
            learn_colour(drawn.image, int(cols[len(cols) // 2]), int(rows[len(rows) // 2]))
        )
    assert np.linalg.norm(to_lab(clicks) - to_lab(colours_of(style)), axis=1).max() < 2
    assert (
        find_roads(drawn.image, clicks) == find_roads(drawn.image, colours_of(style))
    ).mean() > 0.999


def test_dashes_become_lines():
    """A dashed track of one colour on even land: gaps of 4 px are bridged, gaps of 40 are not."""
    image = np.full((80, 300, 3), 240, np.uint8)
    for start in (*range(10, 130, 11), *range(170, 290, 11)):
        image[40:42, start : start + 7] = (168, 112, 61)
    mask = find_roads(image, [(168, 112, 61)])
    assert mask[40, 11:126].all() and mask[40, 171:285].all()
    assert not mask[:, 145:165].any()
    assert mask.sum() < 2 * 270


def test_nothing_is_filled_between_parallel_roads():
    """A label over two parallel roads and the land between: the roads go on, the land stays
    land.
    """
    road = np.zeros((100, 200), bool)
    road[30:38], road[56:64] = True, True
    hidden = np.zeros_like(road)
    hidden[24:70, 80:130] = True
    filled = fill_hidden(road & ~hidden, hidden, reach_px=96)
    assert iou(filled, road) > 0.97
    assert not filled[42:52].any()


def test_a_label_beyond_reach_stays_a_gap():
    """What hides more than label_px is not bridged."""
    road = np.zeros((60, 200), bool)
    road[26:34] = True
    hidden = np.zeros_like(road)
    hidden[20:40, 60:140] = True
    assert fill_hidden(road & ~hidden, hidden, reach_px=96)[30].all()
    assert not fill_hidden(road & ~hidden, hidden, reach_px=60)[30, 90:110].any()


@settings(max_examples=15)
@given(st.floats(0, 180), st.integers(5, 9), st.integers(12, 40))
def test_hidden_roads_at_any_angle(angle, width, label):
    """A straight road in any direction under a square label is restored (IoU of the hidden part ≥
    .65).
    """
    y, x = np.mgrid[-60:61, -60:61]
    turned = np.radians(angle)
    road = np.abs(x * np.sin(turned) + y * np.cos(turned)) <= width / 2
    hidden = (np.abs(x) <= label / 2) & (np.abs(y) <= label / 2)
    filled = fill_hidden(road & ~hidden, hidden, reach_px=96)
    assert iou(filled[hidden], road[hidden]) >= 0.65
    assert (filled == road)[~hidden].all()


def test_round_specks_are_no_dashes():
    """Dots in a row stay dots."""
    dots = np.zeros((40, 100), bool)
    for start in range(10, 90, 10):
        dots[18:22, start : start + 4] = True
    assert (join_dashes(dots, gap_px=8) == dots).all()


def test_squares_in_a_road_colour_are_no_roads():
    """A yard of 100 px in the colour of roads goes, the road beside it stays."""
    image = np.full((300, 300, 3), 235, np.uint8)
    image[20:30] = 255
    image[100:220, 100:220] = 255
    mask = find_roads(image, [(255, 255, 255)])
    assert mask[25].all() and not mask[90:230].any()


def test_without_colours_the_map_s_own_are_listed():
    """The error names them, so that one can be chosen."""
    drawn = draw_map(STYLES["dark"], labels=False, size_px=300)
    with pytest.raises(InputError, match="#1d2530"):
        find_roads(drawn.image, [])
    assert "%" in list_colours(drawn.image)


def test_a_photograph_is_refused_or_gives_nothing_much():
    """Noise is no rendered map."""
    noise = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    with pytest.raises(InputError, match="rendered"):
        find_roads(noise, [(255, 255, 255)])


@pytest.mark.parametrize("text", ["", "white", "#fff", "1,2", "1,2,300", "#12345g", "-1,2,3"])
def test_what_is_no_colour(text):
    """One line that says how to write it."""
    with pytest.raises(InputError, match="rrggbb"):
        parse_colour(text)


def test_palette_pictures_and_places(tmp_path):
    """An indexed PNG comes in its colours; a bbox places it on the web's Mercator; another shape is
    refused.
    """
    drawn = draw_map(STYLES["dark"], labels=False, size_px=200)
    Image.fromarray(drawn.image).quantize(256, dither=Image.Dither.NONE).save(tmp_path / "m.png")
    area = Area(11.0, 48.0, 11.01, 48.0 + 0.01 * np.cos(np.radians(48)))
    raster = read_map_image(tmp_path / "m.png", area=area)
    assert np.abs(raster.array.transpose(1, 2, 0).astype(int) - drawn.image).mean() < 3
    assert raster.crs == parse_crs("EPSG:3857")
    assert raster.geobox.bounds == pytest.approx(area.bounds_in(raster.crs))
    assert measure_pixel_m(raster.geobox) == pytest.approx(area.width_m / 200, rel=0.01)
    with pytest.raises(InputError, match="times as wide"):
        read_map_image(tmp_path / "m.png", area=Area(11.0, 48.0, 11.02, 48.01))


def test_lines_of_a_mercator_map_are_measured_on_the_ground():
    """A road 4 px wide and 180 px long at 48° N: metres of the ground, not of Mercator; it lies
    where it is drawn.
    """
    box = GeoBox(200, 200, Affine(2, 0, 1_224_000, 0, -2, 6_106_000), parse_crs("EPSG:3857"))
    mask = np.zeros((200, 200), bool)
    mask[98:102, 10:190] = True
    lines = trace_roads(mask, box)
    scale = np.cos(np.radians(48.0))
    assert lines["length_m"].sum() == pytest.approx(180 * 2 * scale, rel=0.03)
    assert lines["width_m"].iloc[0] == pytest.approx(4 * 2 * scale, rel=0.15)
    expected = shapely.LineString([box.transform @ (10, 100), box.transform @ (190, 100)])
    assert lines.geometry.iloc[0].hausdorff_distance(expected) < 6
    assert lines.crs.to_epsg() == 3857
