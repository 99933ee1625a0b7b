from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.crs import CRS
from scipy import ndimage

from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox, Raster
from mapsight.roads.prediction.extract import ExtractSettings, extract_lines
from mapsight.roads.prediction.predict import (
    encode_probability,
    open_probability_writer,
    read_probability,
)

TRANSFORM, METRIC = Affine(1, 0, 5000, 0, -1, 9000), CRS.from_epsg(26986)
COLUMNS = {"geometry", "length_m", "width_m", "confidence", "min_probability"}


def _probability(*bars: tuple[int, int, int, float]) -> Raster:
    """120 × 300 pixels with bars 8 pixels high: first row, first column, column after the last,
    probability.
    """
    array = np.full((1, 120, 300), 0.05, np.float32)
    for row, start, stop, value in bars:
        array[0, row : row + 8, start:stop] = value
    return Raster(array, TRANSFORM, METRIC)


def test_lines_carry_confidence_width_and_place():
    """Each road has the mean probability along it, its width and length in metres, and lies in the
    raster's CRS.
    """
    roads = extract_lines(_probability((20, 20, 280, 0.9), (80, 20, 280, 0.6)), threshold=0.5)
    assert set(roads.columns) == COLUMNS
    assert roads.crs == "EPSG:26986"
    strong, weak = (
        roads[roads.centroid.y.between(9000 - row - 8, 9000 - row)].iloc[0] for row in (20, 80)
    )
    assert strong.confidence == pytest.approx(0.9, abs=0.02)
    assert weak.confidence == pytest.approx(0.6, abs=0.02)
    assert strong.min_probability == pytest.approx(0.9, abs=0.1)
    assert strong.width_m == pytest.approx(8, abs=0.3)
    assert strong.length_m == pytest.approx(260, abs=2)
    assert roads.total_bounds[0] == pytest.approx(5020, abs=1)


@pytest.mark.parametrize(("threshold", "count"), [(0.5, 2), (0.6, 2), (0.7, 1), (0.95, 0)])
def test_threshold_says_what_is_road(threshold, count):
    """Roads whose probability reaches the threshold are there, the others not; no road is no
    fault.
    """
    roads = extract_lines(_probability((20, 20, 280, 0.9), (80, 20, 280, 0.6)), threshold=threshold)
    assert len(roads) == count
    assert set(roads.columns) == COLUMNS


@pytest.mark.parametrize("threshold", [0, -0.1, 1.5])
def test_impossible_thresholds_are_refused(threshold):
    """A threshold that would call everything or nothing a road gets a sentence with a remedy."""
    with pytest.raises(InputError, match=r"take 0\.5"):
        extract_lines(_probability(), threshold=threshold)


def test_short_roads_are_left_out():
    """A road shorter than min_length_m is not told, a longer one is."""
    probability = _probability((20, 20, 45, 0.9), (80, 20, 280, 0.9))
    lengths = [
        len(extract_lines(probability, threshold=0.5, settings=ExtractSettings(min_length_m=m)))
        for m in (15, 40)
    ]
    assert lengths == [2, 1]


def test_nothing_is_seen_where_nothing_is_valid():
    """Probabilities under no-data are no roads, however high."""
    probability = _probability((20, 20, 280, 0.9))
    valid = np.ones((120, 300), bool)
    valid[:, 150:] = False
    probability.array[0, ~valid] = 1
    (road,) = extract_lines(
        Raster(probability.array, TRANSFORM, METRIC, valid), threshold=0.5
    ).geometry
    assert road.bounds[2] <= 5151


def test_bridged_gaps_show_in_the_probability():
    """A gap of 10 m is bridged or not as the settings say; a bridged road's least probability is
    the gap's.
    """
    probability = _probability((20, 20, 140, 0.9), (20, 150, 280, 0.9))
    apart, (joined,) = (
        list(
            extract_lines(
                probability, threshold=0.5, settings=ExtractSettings(bridge_m=m)
            ).itertuples()
        )
        for m in (0, 12)
    )
    assert len(apart) == 2
    assert min(road.min_probability for road in apart) > 0.4
    assert joined.min_probability < 0.2
    assert 0.8 < joined.confidence < 0.9


def test_weak_stretches_follow_strong_ones():
    """With low_share, a stretch below the threshold belongs to the road that it continues; alone it
    is none.
    """
    probability = _probability((20, 20, 150, 0.9), (20, 150, 280, 0.4), (80, 20, 280, 0.4))
    strict, lenient = (
        extract_lines(probability, threshold=0.5, settings=ExtractSettings(low_share=share))
        for share in (1.0, 0.7)
    )
    assert strict.length.sum() == pytest.approx(130, abs=3)
    assert lenient.length.sum() == pytest.approx(260, abs=3)


@given(st.integers(0, 1000), st.floats(0.2, 0.8))
@settings(max_examples=15)
def test_every_line_passes_the_gate(seed, threshold):
    """Whatever the probability, lines are valid, simple, long enough, with probabilities from 0 to
    1.
    """
    noise = ndimage.gaussian_filter(
        np.random.default_rng(seed).normal(size=(1, 100, 120)), (0, 2, 2)
    )
    array = np.clip(0.5 + 2 * noise, 0, 1).astype(np.float32)
    roads = extract_lines(Raster(array, TRANSFORM, METRIC), threshold=threshold)
    assert roads.is_valid.all()
    assert roads.is_simple.all()
    assert roads.length.ge(15).all()
    assert roads.confidence.between(0, 1).all()
    assert (roads.min_probability <= roads.confidence + 1e-6).all()


BOSTON = Affine(1, 0, 235_000, 0, -1, 900_000)  # in EPSG:26986
GRIDS = {
    "metric": (BOSTON, 26986, 26986),
    "south up": (Affine(1, 0, 235_000, 0, 1, 899_800), 26986, 26986),
    "rotated": (BOSTON * Affine.translation(-60, -100) * Affine.rotation(20), 26986, 26986),
    "degrees": (Affine(1.2e-5, 0, -71.0765, 0, -0.9e-5, 42.3503), 4326, 32619),
    "US feet": (Affine(3, 0, 770_990, 0, -3, 2_952_760), 2249, 32619),
    "Web Mercator": (Affine(1, 0, -7_912_220, 0, -1, 5_213_640), 3857, 32619),
}


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("grid", GRIDS)
def test_lines_are_in_metres_whatever_the_grid(tmp_path, grid, dtype):
    """A probability in degrees, feet, Mercator, south up or turned: the road lies where it is, 260
    m by 8 m.
    """
    transform, epsg, expected = GRIDS[grid]
    box = GeoBox(450, 550, transform, CRS.from_epsg(epsg))
    x, y = transform @ tuple(np.meshgrid(np.arange(550) + 0.5, np.arange(450) + 0.5))
    x, y = Transformer.from_crs(epsg, 26986, always_xy=True).transform(x, y)
    road = (np.abs(x - 235_150) < 130) & (np.abs(y - 899_900) < 4)
    probability = np.where(road, 0.9, 0.05).astype(np.float32)
    with open_probability_writer(tmp_path / "p.tif", box, dtype) as writer:
        writer.write(0, 0, encode_probability(probability, np.ones(box.shape, bool), dtype)[None])
    lines = extract_lines(read_probability(tmp_path / "p.tif"), threshold=0.5)
    assert lines.crs == f"EPSG:{expected}"
    (line,) = lines.itertuples()
    assert line.length_m == pytest.approx(260, abs=5)
    assert line.width_m == pytest.approx(8, abs=0.6)
    assert lines.to_crs(26986).total_bounds == pytest.approx(
        [235_020, 899_900, 235_280, 899_900], abs=5
    )
