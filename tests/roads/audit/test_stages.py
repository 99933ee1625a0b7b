"""The stages of an audit: functions from frozen value to frozen value, all of one alignment."""

from __future__ import annotations

import dataclasses
import inspect

import geopandas as gpd
import numpy as np
import pytest
import shapely

from mapsight.cnn.checkpoint import Model
from mapsight.geo.raster import Raster
from mapsight.geo.shift import move_lines
from mapsight.roads.audit import audit, folds
from mapsight.roads.audit.align import OWN, Alignment, align
from mapsight.roads.audit.audit import AuditedMap, audit_map
from mapsight.roads.audit.folds import Prediction, predict_folds, predict_start
from mapsight.roads.audit.labels import Labels, Reach, find_reach, make_labels
from mapsight.roads.audit.settings import AuditSettings, Engine
from mapsight.roads.audit.threshold import settle_threshold
from mapsight.roads.audit.voice import raise_voice
from mapsight.roads.finding.coverage import find_coverage
from mapsight.roads.prediction.suit import SEPARATION
from mapsight.roads.prediction.threshold import ThresholdChoice, choose_threshold, count_blocks

from ..conftest import BOX, make_lines, make_map, photograph, see
from ..training.test_train import CARD, COMPUTE, Bright

EAST_M = 6.0
STREETS = [
    *([(x, 60), (x, 340)] for x in (60, 200, 340)),
    *([(60, y), (340, y)] for y in (60, 200, 340)),
]


@pytest.fixture
def beside():
    """An image of streets, and a map that has them 6 m too far west."""
    there = make_lines(*STREETS)
    west = there.set_geometry(there.geometry.translate(-EAST_M, 0))
    return Raster(photograph(there), BOX.transform, BOX.crs), make_map(west), see(there)


def test_every_value_is_frozen():
    """What a stage has given, no later stage changes."""
    for value in (Alignment, Reach, Labels, Prediction, ThresholdChoice, AuditedMap, Engine):
        assert dataclasses.is_dataclass(value)
        assert value.__dataclass_params__.frozen, value
    assert AuditSettings.__dataclass_params__.frozen


@pytest.mark.parametrize("room", ["align", "labels", "lacking", "folds", "threshold", "audit"])
def test_stages_can_be_followed(room):
    """No function of the room has more than five parameters or twelve local names (the issue's
    measure).
    """
    module = __import__(f"mapsight.roads.audit.{room}", fromlist=["_"])
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__:
            assert len(inspect.signature(function).parameters) <= 5, name
            assert function.__code__.co_nlocals <= 12, (name, function.__code__.co_varnames)


def test_stages_by_hand_are_the_audit():
    """Called one after the other, they give what `audit_map` gives, to the last bit."""
    lines = make_lines(*STREETS)
    image, roads = Raster(photograph(lines), BOX.transform, BOX.crs), make_map(lines)
    engine, settings = Engine(Model(Bright(), CARD), COMPUTE), AuditSettings(folds=0)
    first = predict_start(image, engine, settings.predict)
    alignment = align(roads, first)
    reach = find_reach(image, alignment.moved, coverage=True)
    labels = make_labels(image, alignment, reach)
    prediction = predict_folds(image, labels, engine, first=first, settings=settings)
    prediction = raise_voice(prediction, labels, engine.start.card)
    threshold = settle_threshold(prediction, labels, settings)
    whole = audit_map(image, roads, engine, settings=settings)
    assert threshold.value == whole.threshold.value
    assert np.array_equal(prediction.probability.array, whole.prediction.probability.array)
    assert np.array_equal(reach.covered, whole.reach.covered)


@pytest.mark.parametrize("voice", [1.0, 0.1, 0.01])
def test_no_threshold_is_too_low(beside, voice):
    """A net that speaks a hundred times softer has a threshold a hundred times lower, and the same
    agreement.
    """
    image, roads, seen = beside
    alignment = align(roads, seen)
    labels = make_labels(image, alignment, find_reach(image, alignment.moved, coverage=True))
    soft = dataclasses.replace(seen, array=seen.array * np.float32(voice))
    choice = settle_threshold(Prediction(probability=soft, folds=0), labels, AuditSettings())
    loud = settle_threshold(Prediction(probability=seen, folds=0), labels, AuditSettings())
    assert choice.f1 == pytest.approx(loud.f1, abs=0.05) and not choice.note
    assert 0 < choice.value <= voice


def test_little_agreement_is_said(beside):
    """Where net and map agree little, the audit's notes say so; where nothing is seen, too."""
    image, roads, seen = beside
    alignment = align(roads, seen)
    labels = make_labels(image, alignment, find_reach(image, alignment.moved, coverage=True))
    for blind in (np.zeros_like(seen.array), np.random.default_rng(0).random(seen.array.shape)):
        prediction = Prediction(
            probability=dataclasses.replace(seen, array=blind.astype(np.float32)), folds=0
        )
        choice = settle_threshold(prediction, labels, AuditSettings())
        assert "agree little here" in choice.note
        assert choice.value > 0


def speak(seen, labels, factor, sigma=1.0):
    """A prediction whose logits lie around ± 6 times the factor, and a card of where it is 1."""
    rng = np.random.default_rng(5)
    logits = np.where(labels.truth > 0, 6, -6) + rng.normal(0, sigma, labels.truth.shape)
    said = (1 / (1 + np.exp(-factor * logits)))[None].astype(np.float32)
    return Prediction(probability=dataclasses.replace(seen, array=said), folds=0)


def test_a_soft_voice_is_raised(beside):
    """Halved logits become what they are at home; louder ones, and those of a model that does not
    say how loud it was, stay as they are, to the bit.
    """
    image, roads, seen = beside
    alignment = align(roads, seen)
    labels = make_labels(image, alignment, find_reach(image, alignment.moved, coverage=True))
    home = dataclasses.replace(CARD, measures={SEPARATION: 12.0})
    soft = speak(seen, labels, 0.4)
    raised = raise_voice(soft, labels, home)
    before, after = (
        np.log(p / (1 - p)) for p in (soft.probability.array, raised.probability.array)
    )
    assert np.allclose(after, 2 * before, atol=0.01)
    assert "multiplied by 2.0" in raised.note
    loud = speak(seen, labels, 0.9)
    for prediction, card in ((loud, home), (soft, CARD), (soft, None)):
        assert raise_voice(prediction, labels, card) is prediction


def test_no_voice_is_raised_without_roads_to_hear(beside):
    """Where the labels hold no road, or nothing else, there is nothing to measure by."""
    image, roads, seen = beside
    alignment = align(roads, seen)
    labels = make_labels(image, alignment, find_reach(image, alignment.moved, coverage=True))
    home = dataclasses.replace(CARD, measures={SEPARATION: 12.0})
    soft = speak(seen, labels, 0.4)
    for truth in (np.zeros_like(labels.truth), np.ones_like(labels.truth)):
        assert raise_voice(soft, dataclasses.replace(labels, truth=truth), home) is soft


def test_a_stage_leaves_its_inputs_alone(beside):
    """Labels of a map with lacking roads are new arrays; those they came from stay as they were."""
    image, roads, seen = beside
    alignment = align(roads, seen)
    reach = find_reach(image, alignment.moved, coverage=True)
    labels = make_labels(image, alignment, reach)
    held = labels.truth.copy(), labels.weight.copy(), reach.covered.copy()
    few = make_map(roads.lines.iloc[:2])
    evidence = audit.gather_evidence(image, seen, reach, 0.5)
    less = audit.leave_out_lacking(labels, evidence, align(few, seen))
    assert less.note and (less.weight == 0).sum() > (labels.weight == 0).sum()
    assert all(map(np.array_equal, held, (labels.truth, labels.weight, reach.covered)))


def test_without_a_model_everything_is_of_the_moved_map(beside, monkeypatch):
    """The oracle is the audit of the map that was moved by hand: the same reach, and a threshold
    counted against the same labels. Before, the reach stayed where the map had been.
    """
    image, roads, seen = beside
    monkeypatch.setattr(folds, "_predict_each_fold", lambda *_: seen)
    settings = AuditSettings(folds=2)
    done = audit_map(image, roads, Engine(None, COMPUTE), settings=settings)
    shift = done.alignment.shift
    assert done.alignment.source == OWN and shift.dx_m == pytest.approx(EAST_M, abs=1)
    there = move_lines(roads.lines, shift)
    assert np.array_equal(done.reach.covered, find_coverage(there, BOX))
    assert not np.array_equal(done.reach.covered, find_coverage(roads.lines, BOX))
    still = Alignment(roads=roads, moved=make_map(there), shift=shift, source=OWN)
    labels = make_labels(image, still, done.reach)
    counts = count_blocks(seen.array[0], labels.truth, labels.weight > 0, block_px=200)
    assert done.threshold.f1 == choose_threshold(counts).f1
    assert done.threshold.f1 > 0.9


def test_findings_lie_on_the_map(beside, monkeypatch):
    """What the map lacks is reported where the map would have it: 6 m west of where imagery shows
    it, in the map's CRS; only a name that says so gives the place on the imagery.
    """
    image, roads, seen = beside
    lost = shapely.LineString([(500_200 - EAST_M, 5_000_060), (500_200 - EAST_M, 5_000_340)])
    mapped = make_map(roads.lines.drop(index=1))
    mapped = dataclasses.replace(mapped, source_crs=BOX.crs)
    monkeypatch.setattr(audit, "predict_start", lambda *_: seen)
    engine = Engine(Model(Bright(), CARD), COMPUTE)
    done = audit_map(image, mapped, engine, settings=AuditSettings(folds=0))
    missing = done.findings[done.findings["kind"] == "missing"]
    assert len(missing) and done.findings.crs == gpd.GeoSeries(crs=BOX.crs.to_wkt()).crs
    reach = shapely.union_all(missing.geometry.to_numpy())
    assert reach.hausdorff_distance(lost) < 12 and reach.centroid.x == pytest.approx(
        lost.centroid.x, abs=1
    )
    on_image = done.findings_on_image.table.geometry.loc[missing.index]
    moved = on_image.centroid.x - missing.geometry.centroid.x
    assert moved.to_numpy() == pytest.approx(EAST_M, abs=1)
    assert not {"table", "lines", "back_to_map"} & set(dir(done))
