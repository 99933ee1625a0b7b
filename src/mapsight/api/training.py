"""Training from Python: images and their map → a model."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mapsight.api.files import PathLike, make_place
from mapsight.api.inputs import ModelLike, read_chosen_model
from mapsight.cnn.checkpoint import Model, ModelCard, write_model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.fit import FitResult, FitSettings
from mapsight.cnn.processes import join_processes
from mapsight.errors import InputError
from mapsight.geo.maps.classes import parse_choice
from mapsight.progress import show_progress
from mapsight.roads.training.chips import (
    ChipSettings,
    Scene,
    ScenePair,
    balance_sets,
    find_resolution,
    read_pairs,
    read_scenes,
)
from mapsight.roads.training.clean import mend_scenes
from mapsight.roads.training.scenes import Hints, read_map_scenes
from mapsight.roads.training.train import (
    TrainSettings,
    find_recipe,
    identify_training,
    train_model,
)

_log = logging.getLogger(__name__)
_Settings = TypeVar("_Settings", TrainSettings, ChipSettings, FitSettings)


class Lessons(NamedTuple):
    """What a net is taught: scenes to learn from, scenes to measure it by, metres a pixel, and a
    sentence for the model's card.
    """

    scenes: list[Scene]
    held_out: list[Scene]
    m_per_px: float
    source: str


def train(
    images: Sequence[PathLike] = (),
    map: PathLike | None = None,
    out: PathLike = "model.safetensors",
    *,
    pairs: PathLike | None = None,
    sets: Sequence[str] = (),
    net: str | None = None,
    loss: str | None = None,
    epochs: int | None = None,
    chips: int | None = None,
    chip_px: int | None = None,
    batch: int | None = None,
    m_per_px: float | None = None,
    start: ModelLike | None = None,
    balance: bool = False,
    bands: Sequence[int] | None = None,
    crs: str | None = None,
    map_crs: str | None = None,
    layer: str | None = None,
    road_column: str | None = None,
    road_values: Sequence[str] = (),
    align: bool = False,
    clean: bool = False,
    seed: int = 0,
    device: str = "auto",
    compute: str = "auto",
    progress: bool = False,
) -> Model:
    """Train a net on images with their road map, or on a table of image and mask pairs.

    An interrupted training goes on when the same is asked for again.

    Parameters
    ----------
    images : sequence of path
        Images, with `map`.
    map : path, optional
        Road map of the images: lines or a mask.
    out : path
        The model file to write.
    pairs : path, optional
        CSV of pairs instead of images: set, name, image, mask, split.
    sets : sequence of str
        Only these sets of the table; none: all.
    net, loss : str, optional
        None: those of `start`, or of mapsight's own recipe.
    epochs, chips, chip_px, batch : int, optional
        Epochs at most, chips an epoch, side of a chip in pixels, chips a step.
    m_per_px : float, optional
        Resolution of the model in metres a pixel; None: that of the images.
    start : path or Model, optional
        The model to begin from; 'shipped': the one that ships. None: from scratch.
    balance : bool
        Each set of the table counts the same, not by its size.
    align, clean : bool
        First move each map to where its image shows the roads; first leave out places where nets
        trained elsewhere doubt the map.
    bands, crs, map_crs, layer, road_column, road_values, seed, device, compute, progress
        As in `mapsight.audit`.

    Returns
    -------
    Model
        The net in eval mode, and the card that its file holds.

    Raises
    ------
    MapsightError
        An input or a setting that cannot be used.
    """
    begun = None if start is None else read_chosen_model(start)
    recipe = find_recipe(net or (begun.card.net if begun else TrainSettings().net))
    settings = _change(
        recipe,
        loss=loss,
        chips=_change(recipe.chips, chips_per_epoch=chips, chip_px=chip_px, seed=seed),
        fit=_change(recipe.fit, epochs=epochs, batch_size=batch, seed=seed),
    )
    where = find_compute(device, compute)
    with show_progress(progress), join_processes() as processes:
        where = dataclasses.replace(where, processes=processes)
        if pairs is not None and not images:
            lessons = _read_pair_lessons(Path(pairs), sets, m_per_px=m_per_px, balance=balance)
        elif images and map is not None and pairs is None:
            hints = Hints(
                None if bands is None else tuple(bands),
                crs,
                map_crs,
                layer,
                parse_choice(road_column, road_values),
            )
            lessons = _read_map_lessons(images, map, m_per_px=m_per_px, hints=hints)
        else:
            raise InputError(
                "train", "needs either images with --map, or --pairs", "see `mapsight train --help`"
            )
        state = make_place(Path(out)).with_suffix(".training.safetensors")
        # told from the scenes as they are read, before they are mended
        identity = identify_training(
            lessons.scenes, lessons.held_out, settings, begun, align, clean
        )
        scenes = mend_scenes(
            lessons.scenes,
            settings,
            align=align,
            clean=clean,
            m_per_px=lessons.m_per_px,
            compute=where,
            start=begun,
        )
        trained = train_model(
            scenes,
            lessons.held_out,
            settings,
            m_per_px=lessons.m_per_px,
            compute=where,
            start=begun,
            state_path=state,
            identity=identity,
        )
    model = _sign(trained[0], lessons, begun)
    if processes.leads:
        write_model(Path(out), *model)
        state.unlink(missing_ok=True)
        _tell(model.card, trained[1], Path(out))
    return model


def _sign(model: Model, lessons: Lessons, begun: Model | None) -> Model:
    """The model, its card with what it has learnt from."""
    before = f", starting from {begun.card.trained_on}" if begun and begun.card.trained_on else ""
    return Model(model.net, dataclasses.replace(model.card, trained_on=lessons.source + before))


def _tell(card: ModelCard, result: FitResult, path: Path) -> None:
    _log.info(
        f"{result.stopped}; best epoch {result.best_epoch + 1}, F1 on validation"
        f" {result.best_score:.3f}"
    )
    _log.info(
        f"threshold {card.threshold:.2f} [{card.threshold_low:.2f}, {card.threshold_high:.2f}];"
        f" wrote {path}"
    )


def _change(settings: _Settings, **wanted: Any) -> _Settings:
    """The settings with what is wanted; None leaves a field as it is."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return dataclasses.replace(settings, **given)


def _read_pair_lessons(
    table: Path, sets: Sequence[str], *, m_per_px: float | None, balance: bool
) -> Lessons:
    """The splits 'train' and 'val' of a table."""

    def read(rows: list[ScenePair]) -> list[Scene]:
        scenes = read_scenes(rows, m_per_px=m_per_px)
        return balance_sets(scenes, [row.set for row in rows]) if balance else scenes

    rows = read_pairs(table, split="train", sets=list(sets))
    judging = read_pairs(table, split="val", sets=list(sets))
    source = f"{len(rows)} pairs of {', '.join(sorted({r.set for r in rows}))} (split 'train')"
    return Lessons(read(rows), read(judging), m_per_px or find_resolution(rows), source)


def _read_map_lessons(
    images: Sequence[PathLike], roads: PathLike, *, m_per_px: float | None, hints: Hints
) -> Lessons:
    """Images and the map that lies in them, parted by blocks of ground."""
    paths = [Path(image) for image in images]
    scenes, held_out, grain = read_map_scenes(paths, Path(roads), m_per_px=m_per_px, hints=hints)
    source = f"{', '.join(path.name for path in paths)} with {Path(roads).name}"
    return Lessons(scenes, held_out, grain, source)
