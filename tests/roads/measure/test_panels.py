"""Pictures of an evaluation: the right colour at the right place, files whole, no global state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mapsight.cnn.metrics import best_threshold, calibrate_pixels, count_pixels, sweep_thresholds
from mapsight.roads.measure.panels import (
    FALSE,
    FOUND,
    MISSED,
    draw_panels,
    draw_reliability,
    draw_threshold_curves,
    encode_png,
    paint_overlay,
    write_figure,
)


def _scene(side: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.zeros((side, side), bool)
    truth[20:27] = True
    probability = np.clip(0.6 * truth + rng.random(truth.shape) * 0.5, 0, 1)
    return rng.integers(0, 255, (3, side, side), dtype=np.uint8), truth, probability


def test_overlay_has_the_lectures_colours() -> None:
    """True positives are yellow, false positives red, false negatives blue, the rest grey
    (hand-made 1×5).
    """
    truth, mask = np.array([[1, 0, 1, 0, 0]], bool), np.array([[1, 1, 0, 0, 1]], bool)
    valid = np.array([[1, 1, 1, 1, 0]], bool)
    painted = paint_overlay(np.full((1, 5, 3), 90, np.uint8), truth, mask, valid)[0].astype(int)
    for k, colour in enumerate((FOUND, FALSE, MISSED)):
        assert np.abs(painted[k] - colour).max() <= 0.25 * 255
        assert np.argmin([np.abs(painted[k] - c).sum() for c in (FOUND, FALSE, MISSED)]) == k
    assert np.ptp(painted[3]) == np.ptp(painted[4]) == 0
    assert painted[3, 0] != painted[4, 0]


def test_colours_stay_apart_without_colour() -> None:
    """The three colours differ in lightness, yellow by far the lightest: they can be told apart in
    grey.
    """
    grey = sorted(np.dot(colour, [0.299, 0.587, 0.114]) for colour in (FOUND, FALSE, MISSED))
    assert np.diff(grey).min() >= 20
    assert grey[2] - grey[1] >= 60


@pytest.mark.parametrize(("height", "columns"), [(64, 2), (128, 4)])
def test_panels_are_four_in_the_lectures_order(height: int, columns: int) -> None:
    """Truth, prediction, right and wrong, photograph; tall images stand in one row."""
    image, truth, probability = (np.repeat(a, height // 64, axis=-2) for a in _scene())
    axes = draw_panels(image, truth, probability, threshold=0.4).axes
    assert [a.get_title(loc="left").split(",")[0] for a in axes] == [
        "truth",
        "prediction",
        "right and wrong",
        "photograph",
    ]
    assert len({round(a.get_position().x0, 3) for a in axes}) == columns


def test_figures_without_a_single_road_are_drawn() -> None:
    """A road-free image, a hard mask and an empty calibration still give pictures."""
    image, truth, probability = _scene()
    histogram = count_pixels(probability, truth & False)
    for figure in (
        draw_panels(image, truth & False, probability > 2),
        draw_threshold_curves(sweep_thresholds(histogram), chosen=0.5, interval=(np.nan, np.nan)),
        draw_reliability(calibrate_pixels(count_pixels(probability, truth, truth & False))),
    ):
        assert encode_png(figure)[:8] == b"\x89PNG\r\n\x1a\n"


def test_curves_mark_the_chosen_threshold() -> None:
    """The marker stands on the F1 curve at the chosen threshold, and the interval is shaded where
    it lies.
    """
    _, truth, probability = _scene()
    histogram = count_pixels(probability, truth)
    curves, chosen = sweep_thresholds(histogram), best_threshold(histogram)
    axes = draw_threshold_curves(curves, chosen=chosen, interval=(0.3, 0.6)).axes[0]
    markers = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(markers, [[chosen, curves.f1[round(chosen * 1000)]]])
    left = [patch.get_x() for patch in axes.patches]
    assert left == [pytest.approx(0.3)]


def test_png_is_written_whole_and_equal(tmp_path: Path) -> None:
    """The file opens, holds the same bytes as the encoding, and leaves nothing beside it."""
    figure = draw_panels(*_scene())
    write_figure(tmp_path / "panels.png", figure)
    assert (tmp_path / "panels.png").read_bytes() == encode_png(figure)
    assert [p.name for p in tmp_path.iterdir()] == ["panels.png"]
    with Image.open(tmp_path / "panels.png") as picture:
        assert picture.width >= 600


def test_pyplot_is_never_loaded() -> None:
    """Figures are objects: no global state, no display, no window toolkit."""
    code = "import sys, mapsight.roads.measure.panels; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
