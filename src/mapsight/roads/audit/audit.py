"""The main job: image + map → where the map is wrong.

The map is also the teacher, so every place is judged by a net that has not seen its label (k
spatial folds); the shift between imagery and map is measured and taken out before anything is
called wrong.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np

from mapsight.cnn.augment import ONE_LIGHT
from mapsight.cnn.checkpoint import fingerprint
from mapsight.cnn.runtime import Place, make_runner
from mapsight.errors import InputError
from mapsight.geo.burn import burn_lines
from mapsight.geo.network import RoadMap
from mapsight.geo.raster import Raster
from mapsight.geo.shift import ShiftField, ShiftSettings, estimate_shift, move_lines
from mapsight.roads.audit.folds import deal_folds
from mapsight.roads.audit.lacking import find_lacking
from mapsight.roads.finding.coverage import find_coverage
from mapsight.roads.finding.findings import Evidence, Findings, FindingSettings, find_errors
from mapsight.roads.finding.hidden import find_hidden
from mapsight.roads.prediction.predict import PredictSettings, predict_raster
from mapsight.roads.prediction.threshold import ThresholdChoice, choose_threshold, count_blocks
from mapsight.roads.training.chips import ChipSettings, Scene
from mapsight.roads.training.train import Model, TrainSettings, train_model
from mapsight.roads.verdicts.judged import Judged, correct_labels, place_judged

_SCRATCH_STEPS, _TUNING_STEPS = 900, 120  # for a scene of 1 Mpx; larger ones get more
_IGNORED_WAYS = ("track", "path", "pedestrian", "footway", "cycleway", "service")


@dataclass(frozen=True)
class AuditSettings:
    """`folds` 0: the start model judges everything as it is; fewer where the map fills fewer
    blocks. In metres.
    """

    folds: int = 3
    block_m: float = 200.0
    # judge only where the map reaches; False: the whole image, much of which nobody has mapped
    coverage: bool = True
    precision: float | None = None  # a threshold of this precision instead of the highest F1
    least_threshold: float = 0.05  # below it everything is road and nothing can be found
    steps: int | None = None  # of training a fold; None: by the scene's size
    seed: int = 0
    predict: PredictSettings = PredictSettings()
    shift: ShiftSettings = ShiftSettings()
    findings: FindingSettings = FindingSettings()


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found, and everything the report tells of how."""

    probability: Raster
    roads: RoadMap  # as the map has them
    moved: RoadMap  # as they lie on the imagery
    shift: ShiftField
    shift_source: str
    threshold: ThresholdChoice
    findings: Findings
    hidden: np.ndarray
    covered: np.ndarray  # (H, W) bool: where the map reaches
    notes: tuple[str, ...] = field(default=())
    verdicts: int = 0  # how many the ranking has learnt from
    folds: int = 0  # that there was room for; 0: the start model judged as it is

    @property
    def area_km2(self) -> float:
        """The area that was judged: valid imagery where the map reaches."""
        return float(
            (self.probability.valid & self.covered).sum()
            * self.probability.geobox.m_per_px**2
            / 1e6
        )

    @property
    def road_km(self) -> float:
        """Length of the map's roads inside the image."""
        return self.roads.overlap.km_inside


def audit_map(
    image: Raster,
    roads: RoadMap,
    *,
    start: Model | None,
    place: Place,
    settings: AuditSettings = AuditSettings(),
    work_dir: Path | None = None,
    notes: tuple[str, ...] = (),
    judged: Judged | None = None,
) -> Audit:
    """Audits a map (metric CRS) against an image (3, H, W) uint8; `work_dir` keeps the training to
    go on with it.

    `judged` (in the map's own position): verdicts on an earlier audit, which correct what the nets
    are taught and bend the ranking.

    Raises InputError where the image has no data within the map's reach, or there is neither a
    model nor a fold.
    """
    _check(image, roads, start, settings)
    reader = _ArrayReader(image)
    shift, shift_source = (
        ShiftField(reason="no model that is independent of this map was given"),
        "none",
    )
    first = None
    if start is not None:
        first = predict_raster(reader, make_runner(*start, place), settings.predict)
        shift, shift_source = (
            estimate_shift(first, roads.lines, settings.shift),
            "a model that has not seen this map",
        )
    moved = _move(roads, shift)
    covered = (
        find_coverage(moved.lines, image.geobox)
        if settings.coverage
        else np.ones(image.geobox.shape, bool)
    )
    hidden = find_hidden(image.array, image.valid, image.geobox.m_per_px)
    said = (
        None
        if judged is None
        else place_judged(judged, image.crs, lambda lines: move_lines(lines, shift))
    )
    truth, weight = _make_labels(image, moved, covered)
    if not weight.any():
        raise InputError(
            "the image",
            "holds no data where the map reaches: no evidence of anything",
            "check its no-data value, or take the image of this place",
        )
    if settings.folds and start is not None and first is not None:
        unlearnt = Evidence(first, image.array, hidden, covered, start.card.threshold)
        lacking, note = find_lacking(unlearnt, moved, settings.findings, said)
        weight[lacking] = 0
        notes = (*notes, note) if note else notes
    taught, heeded = (
        (truth, weight) if said is None else correct_labels(truth, weight, said, image.geobox)
    )
    block_px = round(settings.block_m / image.geobox.m_per_px)
    folds, dealt = deal_folds(
        heeded > 0, folds=settings.folds, block_px=block_px, seed=settings.seed
    )
    if dealt < settings.folds:
        notes = (*notes, _warn_folds(dealt, settings, start))
    if dealt:
        probability = _predict_folds(image, taught, heeded, folds, start, place, settings, work_dir)
    else:
        assert first is not None
        probability = first
    if start is None:
        shift, shift_source = (
            estimate_shift(probability, roads.lines, settings.shift),
            "nets trained on this very map",
        )
        moved = _move(roads, shift)
        truth, weight = _make_labels(image, moved, covered)
    counts = count_blocks(
        probability.array[0], truth, probability.valid & (weight > 0), block_px=block_px
    )
    threshold = choose_threshold(counts, precision=settings.precision)
    if threshold.value < settings.least_threshold:
        notes = (*notes, _warn_threshold(threshold.value, settings.least_threshold))
        threshold = dataclasses.replace(threshold, value=settings.least_threshold)
    evidence = Evidence(probability, image.array, hidden, covered, threshold.value)
    findings = find_errors(
        evidence, moved, settings.findings, judged, nearly_complete=settings.coverage
    )
    learnt = len(judged) if judged is not None else 0
    return Audit(
        probability,
        roads,
        moved,
        shift,
        shift_source,
        threshold,
        findings,
        hidden,
        covered,
        notes,
        learnt,
        dealt,
    )


def _warn_folds(dealt: int, settings: AuditSettings, start: Model | None) -> str:
    """What is done where there is no room for the folds asked for; InputError where nothing can
    be.
    """
    blocks = f"blocks of {settings.block_m:g} m"
    if dealt:
        return (
            f"the map fills only {dealt} {blocks} of this image: {dealt} folds instead of"
            f" {settings.folds}"
        )
    if start is None:
        raise InputError(
            f"{settings.folds} folds",
            f"the map fills fewer than two {blocks} of this image",
            "take a model as it is, with --folds 0, or a larger image and map",
        )
    return (
        f"the map fills fewer than two {blocks} of this image, too few for folds: the model judges"
        " as it is"
    )


def _warn_threshold(chosen: float, least: float) -> str:
    return (
        f"the nets hardly recognise the roads of this map: the best threshold is {chosen:.3f},"
        f" {least:g} is used; findings here are weak"
    )


def back_to_map(findings: gpd.GeoDataFrame, shift: ShiftField) -> gpd.GeoDataFrame:
    """The findings in the map's own position: what was added to the map to reach the imagery is
    taken off again.
    """
    seen = gpd.GeoDataFrame(
        geometry=gpd.GeoSeries.from_wkt(findings["seen_wkt"].replace("", "LINESTRING EMPTY"))
    )
    wkt = ["" if line.is_empty else line.wkt for line in lines_back_to_map(seen, shift).geometry]
    return lines_back_to_map(findings, shift).assign(seen_wkt=wkt)


def lines_back_to_map(lines: gpd.GeoDataFrame, shift: ShiftField) -> gpd.GeoDataFrame:
    """Any lines that lie on the imagery, in the map's own position."""
    opposite = dataclasses.replace(
        shift, dx_m=-shift.dx_m, dy_m=-shift.dy_m, nodes_m=-shift.nodes_m
    )
    return move_lines(lines, opposite)


def _check(image: Raster, roads: RoadMap, start: Model | None, settings: AuditSettings) -> None:
    if not image.valid.any():
        raise InputError(
            "the image", "holds no valid pixel: no evidence of anything", "check its no-data value"
        )
    if start is None and not settings.folds:
        raise InputError(
            "neither a model nor folds", "nothing could judge the map", "give --model or --folds 3"
        )
    if settings.folds == 1:
        raise InputError(
            "1 fold",
            "leaves no other to learn from",
            "give --folds 3, or --folds 0: the model as it is",
        )
    if roads.lines.empty:
        raise InputError(
            "the map",
            "has no road in this place",
            "an empty map cannot be audited; try `mapsight extract`",
        )


@dataclass(frozen=True, eq=False)
class _ArrayReader:
    """An image in memory, read as if it were a file."""

    image: Raster

    @property
    def geobox(self):
        return self.image.geobox

    def read(self, row: int, col: int, height: int, width: int) -> Raster:
        part = np.s_[row : row + height, col : col + width]
        box = self.geobox.window(row, col, height, width)
        return Raster(self.image.array[:, *part], box.transform, box.crs, self.image.valid[part])


def _move(roads: RoadMap, shift: ShiftField) -> RoadMap:
    return dataclasses.replace(
        roads, lines=move_lines(roads.lines, shift), other_ways=move_lines(roads.other_ways, shift)
    )


def _make_labels(
    image: Raster, roads: RoadMap, covered: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """truth (H, W) 0/1 of the visible roads and weight (H, W): 0 where the map does not say what is
    to be seen.
    """
    box = image.geobox
    lines, others = roads.lines, roads.other_ways
    truth = burn_lines(lines[lines["visible"]], box)
    weight = (image.valid & covered).astype(np.float32)
    unclear = [lines[~lines["visible"]].geometry]
    if not others.empty:
        unclear.append(others[others["road_class"].isin(_IGNORED_WAYS)].geometry)
    for geometry in unclear:
        if len(geometry):
            weight[(burn_lines(geometry, box, width_m=6.0) > 0) & (truth == 0)] = 0
    return truth, weight


def _predict_folds(
    image: Raster,
    truth: np.ndarray,
    weight: np.ndarray,
    folds: np.ndarray,
    start: Model | None,
    place: Place,
    settings: AuditSettings,
    work_dir: Path | None,
) -> Raster:
    """The out-of-sample probability: each block by the net that was trained on the other folds'
    blocks.
    """
    box, count = image.geobox, int(folds.max()) + 1
    probability = np.zeros(box.shape, np.float32)
    recipe = _make_recipe(start, int(image.valid.sum()), settings)
    mark = fingerprint(recipe, image.array, truth, weight > 0, folds, *(start or ()))[:12]
    if work_dir is not None:
        work_dir.mkdir(parents=True, exist_ok=True)
    for fold in range(count):
        learnt = (weight > 0) & (folds != fold)
        scene = Scene(f"fold {fold + 1}", image.array, truth, learnt)
        state = work_dir / f"fold{fold + 1}-{mark}.state" if work_dir else None
        model, _ = train_model(
            [scene],
            [],
            recipe,
            m_per_px=box.m_per_px,
            place=place,
            start=start,
            state_path=state,
            title=f"fold {fold + 1} of {count}",
        )
        judged = folds == fold
        seen = predict_raster(
            _ArrayReader(image), make_runner(*model, place), settings.predict, wanted=judged
        )
        probability[judged] = seen.array[0][judged]
    return Raster(probability[None], box.transform, box.crs, image.valid)


def _make_recipe(start: Model | None, pixels: int, settings: AuditSettings) -> TrainSettings:
    """From scratch, or a short and gentle fine-tuning of the start model."""
    steps = settings.steps or round(
        (_TUNING_STEPS if start else _SCRATCH_STEPS) * max(pixels / 1e6, 0.25) ** 0.5
    )
    recipe = TrainSettings(net=start.card.net) if start else TrainSettings()
    fit = dataclasses.replace(
        recipe.fit,
        epochs=10,
        learning_rate=5e-4 if start else 2e-3,
        ema_decay=0.98,
        patience=0,
        seed=settings.seed,
    )
    per_epoch = max(steps * fit.batch_size // fit.epochs, fit.batch_size)
    chips = ChipSettings(chips_per_epoch=per_epoch, seed=settings.seed, augment=ONE_LIGHT)
    return dataclasses.replace(recipe, chips=chips, fit=fit)


def describe_shift(shift: ShiftField, source: str) -> str:
    """One sentence for people."""
    if shift.reason:
        return f"shift between imagery and map: not estimated ({shift.reason})"
    return (
        f"shift: the map lies {shift.length_m:.1f} m from the imagery (move it {shift.dx_m:+.1f} ±"
        f" {shift.dx_error_m:.1f} m east, {shift.dy_m:+.1f} ± {shift.dy_error_m:.1f} m north),"
        f" measured at {shift.stations} places by {source}"
    )
