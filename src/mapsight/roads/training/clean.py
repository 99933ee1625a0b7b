"""Labels out of a wrong map: moved to where the imagery shows the roads, and silent where the map
is likely wrong.

The map is the teacher, so its mistakes are taught. Two remedies before training, each a switch of
`mapsight train`: *aligning* takes out one shift a scene; *cleaning* trains k nets, each on the
other folds' scenes, and lets the final training skip the places where the out-of-sample answer and
the map disagree strongly.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.cnn.runtimes import open_runner
from mapsight.errors import InputError
from mapsight.roads.finding.hidden import drop_specks
from mapsight.roads.prediction.predict import predict_array
from mapsight.roads.training.chips import Scene
from mapsight.roads.training.train import TrainSettings, train_model

_log = logging.getLogger(__name__)

See = Callable[[Scene], np.ndarray]  # a scene → probability of road (H, W)
Learn = Callable[
    [Sequence[Scene], str], See
]  # scenes and a title → what the net trained on them sees


@dataclass(frozen=True)
class CleanSettings:
    """`sure_road`/`sure_none`: probabilities that outweigh the map; `min_px`: smaller disagreements
    are edges.
    """

    folds: int = 2
    sure_road: float = 0.8
    sure_none: float = 0.03
    min_px: int = 80
    rim_px: int = 5  # around the map's roads: imprecise edges are no mistakes
    most: float = (
        0.35  # share of a scene's road that may be doubted; more is the net's fault, not the map's
    )


def mend_scenes(
    scenes: Sequence[Scene],
    settings: TrainSettings,
    *,
    align: bool,
    clean: bool,
    m_per_px: float,
    compute: Compute,
    start: Model | None = None,
) -> list[Scene]:
    """The scenes with labels made fit for training: aligned, then cleaned, as asked for.

    What aligns them is the start model, which must not have learnt these labels; without one, nets
    trained on other folds' scenes do (a common shift of all scenes is then invisible). Raises
    InputError where there are no others.
    """
    if len(scenes) < 2 and (clean or (align and start is None)):
        raise InputError(
            "--clean" if clean else "--align without --start",
            "one image has no others that a net could be trained on to doubt its map",
            "give two images or more, or a table with --pairs",
        )

    def see_with(model: Model) -> See:
        run = open_runner(model, compute)
        return lambda scene: predict_array(scene.image, run)

    def learn(some: Sequence[Scene], title: str) -> See:
        return see_with(
            train_model(
                some, [], settings, m_per_px=m_per_px, compute=compute, start=start, title=title
            )[0]
        )

    mended = list(scenes)
    if align and start is not None:
        mended = align_scenes(mended, see_with(start))
    elif align:
        halves = mended[::2], mended[1::2]
        for k in range(2):
            mended[k::2] = align_scenes(halves[k], learn(halves[1 - k], f"align {k + 1} of 2"))
    return clean_scenes(mended, learn) if clean else mended


def align_scenes(scenes: Sequence[Scene], see: See, *, reach_px: int = 14) -> list[Scene]:
    """Each scene with its truth moved to where `see` has the roads; pixels that the move leaves
    unknown are invalid.

    The shift is the highest peak of the cross-correlation of logit and truth within reach_px, which
    rises over the unmoved map's by more than noise (a tenth of it), or none.
    """
    moved = [
        move_truth(scene, *find_shift(see(scene), scene.truth, reach_px=reach_px))
        for scene in scenes
    ]
    changed = sum(a is not b for a, b in zip(moved, scenes, strict=True))
    _log.info(f"aligned {changed} of {len(scenes)} scenes")
    return moved


def find_shift(
    probability: np.ndarray, truth: np.ndarray, *, reach_px: int = 14
) -> tuple[int, int]:
    """(rows, columns) by which truth (H, W) must move to lie on the roads seen; (0, 0) where
    nothing is gained.
    """
    if not truth.any():
        return 0, 0
    p = np.clip(probability, 1e-4, 1 - 1e-4)
    logit = np.log(p / (1 - p))
    logit -= logit.mean()
    fits = signal.fftconvolve(
        np.pad(logit, reach_px), truth[::-1, ::-1].astype(float), mode="valid"
    )
    fits = ndimage.gaussian_filter(fits, 1.0)
    row, col = np.unravel_index(fits.argmax(), fits.shape)
    still = fits[reach_px, reach_px]
    if fits[row, col] <= 0 or fits[row, col] < still + 0.1 * abs(still):
        return 0, 0
    return int(row) - reach_px, int(col) - reach_px


def move_truth(scene: Scene, rows: int, cols: int) -> Scene:
    """The scene with its truth moved; where nothing is known any more it is invalid."""
    if not rows and not cols:
        return scene
    truth = ndimage.shift(scene.truth, (rows, cols), order=0)
    known = ndimage.shift(np.ones_like(scene.truth), (rows, cols), order=0) > 0
    return dataclasses.replace(scene, truth=truth, valid=scene.valid & known)


def clean_scenes(
    scenes: Sequence[Scene], learn: Learn, settings: CleanSettings = CleanSettings()
) -> list[Scene]:
    """Each scene without the places where a net that has not learnt from it contradicts its map
    (not valid there).
    """
    cleaned: list[Scene] = list(scenes)
    for fold in range(settings.folds):
        held_out = range(fold, len(scenes), settings.folds)
        others = [scene for k, scene in enumerate(scenes) if k % settings.folds != fold]
        see = learn(others, f"clean {fold + 1} of {settings.folds}")
        for k in held_out:
            doubt = find_doubt(see(scenes[k]), scenes[k].truth > 0, settings)
            cleaned[k] = dataclasses.replace(scenes[k], valid=scenes[k].valid & ~doubt)
    before, after = (sum(int(s.valid.sum()) for s in some) for some in (scenes, cleaned))
    _log.info(f"cleaned: {1 - after / max(before, 1):.1%} of the pixels are left out of training")
    return cleaned


def find_doubt(
    probability: np.ndarray, truth: np.ndarray, settings: CleanSettings = CleanSettings()
) -> np.ndarray:
    """(H, W) bool: surely road away from the map's roads, or on the map and surely none; specks
    left out.
    """
    near = ndimage.binary_dilation(truth, iterations=settings.rim_px)
    unmapped = drop_specks((probability >= settings.sure_road) & ~near, settings.min_px)
    unseen = drop_specks((probability <= settings.sure_none) & truth, settings.min_px)
    if unseen.sum() > settings.most * truth.sum():
        unseen[:] = False
    wrong: np.ndarray = ndimage.binary_dilation(unmapped, iterations=2)
    wrong |= ndimage.binary_dilation(unseen, iterations=2)
    return wrong
