from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mapsight.geo.centreline import centre_path, fit_line, measure_width, smooth_paths
from mapsight.geo.skeleton import measure_inside


@given(st.lists(st.integers(2, 60), min_size=1, max_size=4), st.integers(0, 999), st.floats(0.5, 6))
@settings(max_examples=40)
def test_smoothing_holds_the_ends_to_the_last_bit(counts, seed, sigma_px):
    """Lines that share an end before share it exactly after; steps are at most a pixel; every line
    comes back.
    """
    rng = np.random.default_rng(seed)
    paths = [rng.normal(size=(count, 2)).cumsum(axis=0) + 50 for count in counts]
    smooth = smooth_paths(paths, sigma_px, rings=np.zeros(len(paths), bool))
    assert len(smooth) == len(paths)
    for before, after in zip(paths, smooth, strict=True):
        assert np.array_equal(before[[0, -1]], after[[0, -1]])


def test_smoothing_is_the_same_alone_and_together():
    """Lines do not leak into each other although they are filtered in one array."""
    rng = np.random.default_rng(1)
    paths = [rng.normal(size=(count, 2)).cumsum(axis=0) for count in (40, 3, 25)]
    together = smooth_paths(paths, 2.0, rings=np.zeros(3, bool))
    for path, smooth in zip(paths, together, strict=True):
        (alone,) = smooth_paths([path], 2.0, rings=np.zeros(1, bool))
        assert np.allclose(alone, smooth)


def test_straight_lines_and_rings_stay_what_they_are():
    """A straight path stays straight; a circle stays closed and shrinks by sigma²/2R only."""
    straight = np.stack([np.linspace(0, 30, 31), np.linspace(5, 65, 31)], axis=1)
    (smooth,) = smooth_paths([straight], 3.0, rings=np.array([False]))
    assert np.allclose(np.diff(smooth, axis=0)[:, 1] / np.diff(smooth, axis=0)[:, 0], 2)
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = 20 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    (smooth,) = smooth_paths([circle], 2.0, rings=np.array([True]))
    assert np.array_equal(smooth[0], smooth[-1])
    assert np.hypot(*smooth.T) == pytest.approx(20 - 2**2 / (2 * 20), abs=0.05)


@pytest.mark.parametrize("rows", [(20, 26), (20, 27), (18, 20)])
def test_paths_move_into_the_middle(rows):
    """A path up to a pixel beside the middle of a road of even or odd width is moved into it;
    widths are exact.
    """
    mask = np.zeros((50, 80), bool)
    mask[rows[0] : rows[1]] = True
    middle = (rows[0] + rows[1] - 1) / 2
    path = np.stack([np.full(60, middle + 0.75), np.arange(10.0, 70)], axis=1)
    inside = measure_inside(mask)
    centred = centre_path(path, inside, 1.5, ring=False)
    assert centred[5:-5, 0] == pytest.approx(middle, abs=0.3)
    assert np.array_equal(centred[[0, -1]], path[[0, -1]])
    assert measure_width(path, mask, inside) == rows[1] - rows[0]


@given(st.floats(0, np.pi), st.floats(4, 14))
@settings(max_examples=30)
def test_width_of_slanting_roads_is_unbiased(angle, width_px):
    """Measured along the road's own middle, the width is that of the band to two thirds of a
    pixel.
    """
    rows, cols = np.indices((90, 90)) - 44.3
    across = np.array([-np.sin(angle), np.cos(angle)])
    mask = np.abs(rows * across[0] + cols * across[1]) < width_px / 2
    path = np.linspace(-25, 25, 51)[:, None] * (np.cos(angle), np.sin(angle)) + 44.3
    assert measure_width(path, mask, measure_inside(mask)) == pytest.approx(width_px, abs=0.67)


def test_fitted_lines_know_when_they_are_curves():
    """A straight piece is trusted, an arc is not, two points are no piece."""
    straight = np.stack([np.arange(10.0), 0.5 * np.arange(10.0)], axis=1)
    place, direction, trust = fit_line(straight)
    assert np.allclose(direction, np.array([2, 1]) / np.sqrt(5))
    assert np.allclose(place, straight.mean(axis=0))
    assert trust == pytest.approx(1)
    angle = np.linspace(0, 1, 12)
    assert fit_line(12 * np.stack([np.cos(angle), np.sin(angle)], axis=1))[2] < 0.05
    assert fit_line(straight[:2]) is None


def test_noise_is_smoothed_away():
    """Pixel jitter of a path is brought down to a fraction by smoothing over two pixels."""
    rng = np.random.default_rng(0)
    jitter = np.stack([np.arange(200.0), rng.uniform(-0.5, 0.5, 200)], axis=1)
    (smooth,) = smooth_paths([jitter], 2.0, rings=np.array([False]))
    assert smooth[10:-10, 1].std() < 0.45 * jitter[:, 1].std()
    assert ndimage.uniform_filter1d(smooth[:, 1], 50).std() < 0.1
