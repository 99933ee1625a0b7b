"""Calibration against hand-made tables and scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from mapsight.cnn.calibration import calibrate_pixels, calibrate_scores
from mapsight.cnn.counts import count_pixels


def test_expected_calibration_error_by_hand() -> None:
    """.9 .9 (one true) and .2 .2 (none): ECE = ½·|.9 − .5| + ½·|.2 − 0| = .3; Brier
    (.01+.81+.04+.04)/4.
    """
    measured = calibrate_scores(np.array([0.9, 0.9, 0.2, 0.2]), np.array([1, 0, 0, 0], bool))
    assert measured.ece == pytest.approx(0.3)
    assert measured.brier == pytest.approx(0.225)


def test_reliability_equals_scikit_learn() -> None:
    """Curve and Brier score of pixels are scikit-learn's, and pixels and scores give the same."""
    rng = np.random.default_rng(0)
    probability = rng.random((50, 60))
    truth = rng.random((50, 60)) < probability**2
    by_pixel = calibrate_pixels(count_pixels(probability, truth), bins=10)
    by_score = calibrate_scores(probability.ravel(), truth.ravel(), bins=10)
    share, mean = calibration_curve(truth.ravel(), probability.ravel(), n_bins=10)
    np.testing.assert_allclose(by_pixel.true_share, share)
    np.testing.assert_allclose(by_pixel.mean_probability, mean)
    assert by_pixel.brier == pytest.approx(brier_score_loss(truth.ravel(), probability.ravel()))
    assert by_pixel.ece == pytest.approx(by_score.ece)
    assert by_pixel.brier == pytest.approx(by_score.brier)


def test_certainty_lands_in_the_last_bin() -> None:
    """p = 1 belongs to the last bin, and a net that is sure and right has no error."""
    truth = np.array([[True, False]])
    measured = calibrate_pixels(count_pixels(truth.astype(float), truth))
    assert measured.counts[-1] == 1
    assert measured.counts[0] == 1
    assert measured.ece == 0
    assert measured.brier == 0


def test_nothing_to_calibrate() -> None:
    """No scores: no error, and JSON takes it."""
    measured = calibrate_scores(np.array([]), np.array([], bool))
    assert json.loads(json.dumps(measured.to_json(), allow_nan=False))["reliability"] == []
