"""Pixel measures against scikit-learn, against hand-made tables and against the lecture."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from mapsight.cnn.bootstrap import bootstrap_interval, bootstrap_mean
from mapsight.cnn.metrics import (
    THRESHOLDS,
    Histogram,
    average_precision,
    best_threshold,
    count_pixels,
    count_relaxed,
    find_breakeven,
    mean_over_images,
    measure_at,
    report_pixels,
    sum_counts,
    sweep_relaxed,
    sweep_thresholds,
)


def _image(seed: int, road_share: float = 0.1, side: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random((side, side)) < road_share
    probability = rng.beta(np.where(truth, 4, 1), np.where(truth, 2, 5))
    return np.floor(probability * 1000) / 1000, truth


def _histograms(n: int) -> dict[str, Histogram]:
    return {f"image {i}": count_pixels(*_image(i)) for i in range(n)}


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.4, 0.5, 0.937, 1.0])
def test_measures_equal_scikit_learn(threshold: float) -> None:
    """Precision, recall, F1, IoU and accuracy are scikit-learn's with zero_division=0."""
    probability, truth = _image(1)
    said, truth = (probability >= threshold).ravel(), truth.ravel()
    measured = measure_at(count_pixels(probability, truth.reshape(probability.shape)), threshold)
    assert measured.precision == pytest.approx(oracle.precision_score(truth, said, zero_division=0))
    assert measured.recall == pytest.approx(oracle.recall_score(truth, said))
    assert measured.f1 == pytest.approx(oracle.f1_score(truth, said, zero_division=0))
    assert measured.iou == pytest.approx(oracle.jaccard_score(truth, said, zero_division=0))
    assert measured.accuracy == pytest.approx(oracle.accuracy_score(truth, said))
    assert measured.base_accuracy == pytest.approx(1 - truth.mean())


def test_curves_agree_with_single_thresholds() -> None:
    """The sweep says at each threshold what measure_at says there, and F1 = 2·IoU/(1+IoU) all along
    it.
    """
    histogram = count_pixels(*_image(2))
    curves = sweep_thresholds(histogram)
    for k in range(0, 1001, 50):
        single = measure_at(histogram, THRESHOLDS[k])
        for name in ("precision", "recall", "f1", "iou", "accuracy"):
            assert getattr(curves, name)[k] == pytest.approx(getattr(single, name), abs=1e-12)
    np.testing.assert_allclose(curves.f1, 2 * curves.iou / (1 + curves.iou))


def test_average_precision_equals_scikit_learn() -> None:
    """Average precision over the histogram is scikit-learn's of the same pixels."""
    probability, truth = _image(5)
    expected = oracle.average_precision_score(truth.ravel(), probability.ravel())
    assert average_precision(count_pixels(probability, truth)) == pytest.approx(expected)


def test_best_threshold_is_the_highest_f1() -> None:
    """No threshold of the grid has a higher F1; a hard mask, where all are equal, gets .5."""
    histogram = count_pixels(*_image(4))
    assert measure_at(histogram, best_threshold(histogram)).f1 == max(
        measure_at(histogram, t).f1 for t in THRESHOLDS
    )
    truth = _image(4)[1]
    assert best_threshold(count_pixels(truth.astype(float), truth)) == 0.5


def test_means_and_pooled_differ_as_in_the_lecture() -> None:
    """Two images by hand: F1 1 and 0.5; their mean is .75, the pooled F1 is that of all pixels."""
    easy = count_pixels(np.array([[1.0, 1, 0, 0]]), np.array([[1, 1, 0, 0]], bool))
    hard = count_pixels(np.array([[1.0, 0, 1, 0]]), np.array([[1, 1, 0, 0]], bool))
    means = mean_over_images({"easy": easy, "hard": hard}, 0.5)
    assert (means.f1, means.precision, means.iou) == (0.75, 0.75, pytest.approx((1 + 1 / 3) / 2))
    assert measure_at(sum_counts([easy, hard]), 0.5).f1 == pytest.approx(6 / 8)
    assert means.accuracy == 0.75
    assert means.base_accuracy == 0.5


def test_road_free_images_are_named_and_left_out_of_ratios() -> None:
    """An image without roads leaves the ratios' means, keeps its accuracy, is named, divides
    nothing by zero.
    """
    empty = count_pixels(np.zeros((4, 4)), np.zeros((4, 4), bool))
    images = _histograms(2)
    means, without = (
        mean_over_images(images | {"forest": empty}, 0.5),
        mean_over_images(images, 0.5),
    )
    assert means.road_free == ("forest",)
    assert means.images == 3
    assert (means.f1, means.recall) == (without.f1, without.recall)
    assert means.accuracy == pytest.approx((2 * without.accuracy + 1) / 3)


def test_nothing_at_all_is_zero_not_an_error() -> None:
    """Only road-free images, or not one valid pixel: every figure is a number, and JSON takes
    it.
    """
    shape = (3, 3)
    blank = count_pixels(np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, bool))
    relaxed = count_relaxed(np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, bool))
    report = report_pixels(
        {"a": blank, "b": blank}, threshold=0.5, relaxed={"a": relaxed, "b": relaxed}, resamples=10
    )
    said = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert said["f1_pooled"] == 0
    assert said["accuracy_mean"] == 0
    assert said["relaxed_breakeven_3px_pooled"] is None


def test_relaxed_slack_forgives_three_pixels_not_four() -> None:
    """A road drawn 3 px beside the truth is perfect at ρ = 3, and worthless 4 px beside it."""
    truth = np.zeros((30, 30), bool)
    truth[10] = True
    for shift, expected in ((3, 1.0), (4, 0.0)):
        probability = np.roll(truth, shift, axis=0).astype(float)
        curves = sweep_relaxed(count_relaxed(probability, truth, rho_px=3))
        assert curves.precision[500] == curves.recall[500] == expected


def test_breakeven_is_the_interpolated_crossing() -> None:
    """On two hand-made straight curves the crossing is found between the thresholds; no crossing is
    NaN.
    """
    precision, recall, some = np.array([0.2, 0.6, 0.9]), np.array([1.0, 0.8, 0.5]), np.ones(3)
    assert find_breakeven(precision, recall, some) == pytest.approx(
        0.6 + 0.3 / 3
    )  # gap −.2 → +.4: a third of the way
    assert math.isnan(find_breakeven(precision, recall, np.array([1, 1, 0])))
    assert find_breakeven(np.ones(2), np.ones(2), some[:2]) == 1.0


def test_relaxed_with_no_slack_is_plain() -> None:
    """At ρ = 0 relaxed precision and recall are the plain ones."""
    probability, truth = _image(3)
    plain, relaxed = (
        sweep_thresholds(count_pixels(probability, truth)),
        sweep_relaxed(count_relaxed(probability, truth, rho_px=0)),
    )
    np.testing.assert_array_equal(plain.precision, relaxed.precision)
    np.testing.assert_array_equal(plain.recall, relaxed.recall)


def test_bootstrap_agrees_with_the_normal_interval() -> None:
    """For the mean of many images the interval is the textbook's ± 1.96 s/√n within a tenth of its
    width.
    """
    values = np.random.default_rng(0).normal(0.7, 0.1, 200)
    low, high = bootstrap_mean(values, seed=1)
    half = 1.96 * values.std() / math.sqrt(200)
    assert low == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.2 * half)


def test_bootstrap_draws_images_and_repeats() -> None:
    """Equal images have no spread, different ones do; the seed decides; one image says nothing."""
    images = list(_histograms(8).values())

    def f1(histogram: Histogram) -> float:
        return measure_at(histogram, 0.4).f1

    low, high = bootstrap_interval(images, f1, resamples=300, seed=3)
    assert low < f1(sum_counts(images)) < high
    assert (low, high) == bootstrap_interval(images, f1, resamples=300, seed=3)
    same = bootstrap_interval([images[0]] * 5, f1, resamples=50)
    assert same[0] == pytest.approx(same[1]) == pytest.approx(f1(images[0]))
    assert np.isnan(bootstrap_interval(images[:1], f1)).all()


@pytest.mark.parametrize(("share", "known"), [(0.03, True), (0.3, False)])
def test_bootstrap_leaves_out_few_undefined_draws(share: float, known: bool) -> None:
    """A statistic that some draws do not have is bounded by the rest; one that many lack is not
    bounded.
    """
    rng = np.random.default_rng(0)
    images = [
        count_pixels(rng.random((8, 8)).astype(np.float32), rng.random((8, 8)) > 0.5)
        for _ in range(5)
    ]
    undefined = np.random.default_rng(1).random(400) < share
    draws = iter(undefined)
    low, high = bootstrap_interval(images, lambda h: np.nan if next(draws) else 0.5, resamples=400)
    assert (low, high) == (0.5, 0.5) if known else np.isnan([low, high]).all()


def test_bootstrap_takes_whole_curves() -> None:
    """A statistic may be a curve: its bounds come point by point."""
    images = list(_histograms(4).values())
    low, high = bootstrap_interval(images, lambda h: sweep_thresholds(h).f1, resamples=60)
    assert low.shape == high.shape == (1001,)
    assert np.all(low <= high)


def test_report_names_its_averaging() -> None:
    """The report's JSON has no bare 'f1': each ratio says pooled or mean, and its interval holds
    it.
    """
    images = {name: _image(i) for i, name in enumerate("abcde")}
    relaxed = {name: count_relaxed(*image) for name, image in images.items()}
    report = report_pixels(
        {n: count_pixels(*i) for n, i in images.items()},
        threshold=0.4,
        relaxed=relaxed,
        resamples=200,
    )
    said = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert {
        "f1_pooled",
        "f1_mean",
        "iou_pooled",
        "base_accuracy_mean",
        "relaxed_breakeven_3px_pooled",
    } <= said.keys()
    assert not {"f1", "precision", "recall", "iou", "accuracy"} & said.keys()
    for name in ("f1_pooled", "f1_mean", "relaxed_breakeven_3px_pooled"):
        low, high = said[f"{name}_interval"]
        assert low <= said[name] <= high
    assert said["f1_pooled_at_best_threshold_here"] >= said["f1_pooled"]
