"""Third stage: what nets see that have not learnt the map where they judge.

The map is also the teacher. So the image is cut into blocks, the blocks are dealt into folds where
the map has something to teach, and a fold is judged by a net that has learnt from the others.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from mapsight.cnn.augment import ONE_LIGHT
from mapsight.cnn.checkpoint import Model, fingerprint
from mapsight.cnn.runtimes import open_runner
from mapsight.errors import InputError
from mapsight.geo.grid import draw_blocks, spatial_folds
from mapsight.geo.raster import Raster
from mapsight.roads.audit.labels import Labels
from mapsight.roads.audit.settings import AuditSettings, Engine
from mapsight.roads.prediction.predict import PredictSettings, predict_raster
from mapsight.roads.prediction.windows import Held
from mapsight.roads.training.chips import ChipSettings, Scene
from mapsight.roads.training.train import TrainSettings, train_model

_SCRATCH_STEPS, _TUNING_STEPS = 900, 120  # for a scene of 1 Mpx; larger ones get more
_LEAST_SHARE = 0.25  # of what the fullest block holds; from less a net learns too little


def deal_folds(
    taught: np.ndarray, *, folds: int, block_px: int, seed: int
) -> tuple[np.ndarray, int]:
    """(the fold of every pixel (H, W) int8, how many there are) for what is taught (H, W) bool.

    Blocks of about block_px a side that hold something to learn are dealt out evenly; the others
    are of fold 0. There are fewer folds where there are fewer such blocks, and none where there are
    fewer than two.
    """
    rows, cols = (max(round(n / block_px), 1) for n in taught.shape)
    held = _count_taught(taught, rows, cols)
    walk = np.arange(rows * cols).reshape(rows, cols)
    walk[1::2] = walk[
        1::2, ::-1
    ].copy()  # like an ox ploughs: what follows each other are neighbours
    full = walk[(held >= max(_LEAST_SHARE * held.max(), 1)).ravel()[walk]]
    count = min(folds, len(full))
    grid = np.zeros(rows * cols, np.int8)
    if count < 2:
        return np.zeros(taught.shape, np.int8), 0
    grid[full] = spatial_folds(1, len(full), folds=count, block_px=1, seed=seed)[0]
    return draw_blocks(grid.reshape(rows, cols), *taught.shape), count


def _count_taught(taught: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """(rows, cols) pixels of each block that are taught."""
    tops, lefts = (
        -(-np.arange(blocks) * n // blocks)
        for n, blocks in zip(taught.shape, (rows, cols), strict=True)
    )
    return np.add.reduceat(np.add.reduceat(taught, tops, axis=0, dtype=np.int64), lefts, axis=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """What nets say that have not seen the map where they judge.

    Parameters
    ----------
    probability : (1, H, W) float32 in 0 … 1 on the image's grid.
    folds : how many there was room for; 0: the start model judged as it is.
    note : why there are fewer than were asked for, in words for people; '' where there are not.
    """

    probability: Raster
    folds: int
    note: str = ""


def predict_start(image: Raster, engine: Engine, settings: PredictSettings) -> Raster | None:
    """The probability by the start model as it is, which has not seen this map; None without
    one.
    """
    if engine.start is None:
        return None
    return predict_raster(Held(image), open_runner(engine.start, engine.compute), settings)


def predict_folds(
    image: Raster,
    labels: Labels,
    engine: Engine,
    *,
    first: Raster | None,
    settings: AuditSettings = AuditSettings(),
) -> Prediction:
    """Judge each block by a net that was trained on the blocks of the other folds.

    Parameters
    ----------
    image : (3, H, W) uint8.
    labels : what the nets are taught.
    engine : what they start from, where they run, where their states are kept.
    first : the start model's own probability, which counts where there is no room for folds.

    Raises
    ------
    InputError
        There is neither room for folds nor a start model.
    """
    folds, dealt = deal_folds(
        labels.heeded > 0,
        folds=settings.folds,
        block_px=round(settings.block_m / image.geobox.m_per_px),
        seed=settings.seed,
    )
    note = _warn_folds(dealt, settings, engine.start) if dealt < settings.folds else ""
    if dealt:
        first = _predict_each_fold(image, labels, folds, engine, settings)
    assert first is not None
    return Prediction(probability=first, folds=dealt, note=note)


def _predict_each_fold(
    image: Raster, labels: Labels, folds: np.ndarray, engine: Engine, settings: AuditSettings
) -> Raster:
    """The out-of-sample probability, fold by fold; folds (H, W) int8 is the fold of every pixel."""
    recipe = make_recipe(engine.start, int(image.valid.sum()), settings)
    mark = _mark_states(recipe, image, labels, folds, engine)
    probability = np.zeros(image.geobox.shape, np.float32)
    for fold in range(int(folds.max()) + 1):
        scene = Scene(
            f"fold {fold + 1} of {folds.max() + 1}",
            image.array,
            labels.taught,
            (labels.heeded > 0) & (folds != fold),
        )
        model = train_fold(
            scene, recipe, engine, m_per_px=image.geobox.m_per_px, state=f"fold{fold + 1}-{mark}"
        )
        seen = predict_raster(
            Held(image),
            open_runner(model, engine.compute),
            settings.predict,
            wanted=folds == fold,
        )
        probability[folds == fold] = seen.array[0][folds == fold]
    return Raster(probability[None], image.transform, image.crs, image.valid)


def _mark_states(
    recipe: TrainSettings, image: Raster, labels: Labels, folds: np.ndarray, engine: Engine
) -> str:
    """What the nets are trained on, in a few digits: with a state of anything else none goes on."""
    learnt = labels.taught, labels.heeded > 0, folds
    return fingerprint(recipe, image.array, *learnt, *(engine.start or ()))[:12]


def train_fold(
    scene: Scene, recipe: TrainSettings, engine: Engine, *, m_per_px: float, state: str
) -> Model:
    """The net of a fold, from what the other folds hold; `state` names its file in the engine's
    folder, where it has one.
    """
    if engine.work_dir is not None:
        engine.work_dir.mkdir(parents=True, exist_ok=True)
    model, _ = train_model(
        [scene],
        [],
        recipe,
        m_per_px=m_per_px,
        compute=engine.compute,
        start=engine.start,
        state_path=engine.work_dir and engine.work_dir / f"{state}.state",
        title=scene.name,
    )
    return model


def make_recipe(start: Model | None, pixels: int, settings: AuditSettings) -> TrainSettings:
    """How a fold is trained on so many valid pixels: from scratch, or a short and gentle
    fine-tuning of the start model.
    """
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
