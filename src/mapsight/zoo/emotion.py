"""Emotion from speech: spectrogram CNN, and CNN + LSTM, after Anand & Verma (2015), on EmoDB, by
unheard speakers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch.nn import functional as F

from mapsight.cnn.bootstrap import draw_weights
from mapsight.cnn.fit import FitSettings
from mapsight.cnn.nets.emotion import FRAMES
from mapsight.errors import InputError
from mapsight.zoo.figure import BLUE, GREY, INK, ORANGE, make_figure, show_confusion, tidy
from mapsight.zoo.recipe import Arrays, Contender, Data, Fold, Item, Judged, Outcome, Recipe
from mapsight.zoo.scores import confuse, find_recalls, tell_class
from mapsight.zoo.sound import read_log_mel

# the sixth sign of a file's name, in German: Wut, Freude, neutral, Trauer
_EMOTIONS = {"W": "angry", "F": "happy", "N": "neutral", "T": "sad"}
_LABELS = tuple(_EMOTIONS.values())
_LONGEST = 400  # frames of 10 ms; of a longer sentence (one in twenty) the end is not heard
_PATCHES = 8


def read_emotion(folder: Path) -> Data:
    """EmoDB's sentences (as published, or in folders): one fold a speaker, who is heard in no
    training item of it.
    """
    files = sorted(folder.rglob("*.wav"), key=lambda path: path.name)
    files = [path for path in files if len(path.stem) >= 6 and path.stem[5] in _EMOTIONS]
    speakers = sorted({path.name[:2] for path in files})
    if len(speakers) < 2:
        raise InputError(
            folder,
            f"holds {len(files)} sentences of {len(speakers)} speakers",
            "give EmoDB's wav files",
        )
    sounds = np.stack([fit_length(read_log_mel(path)) for path in files])
    truth = np.array([list(_EMOTIONS).index(path.stem[5]) for path in files])
    who = np.array([path.name[:2] for path in files])

    def choose(kept: np.ndarray) -> Arrays:
        return Arrays((np.stack([cut_patches(s) for s in sounds[kept]]), truth[kept]))

    def choose_whole(kept: np.ndarray) -> Arrays:
        return Arrays((sounds[kept], truth[kept]))

    folds = tuple(Fold(s, choose_whole(who != s), None, choose(who == s)) for s in speakers)
    about = (
        f"EmoDB, four emotions: {len(files)} sentences of {len(speakers)} speakers, each speaker"
        " tested by nets that have not heard them"
    )
    return Data(folds, _LABELS, about, everything=choose_whole(who == who))


def fit_length(sound: np.ndarray) -> np.ndarray:
    """(40, frames) → (40, 401) float32: its frames, then nothing (NaN) but the number of them in
    the last column.
    """
    whole = np.full((sound.shape[0], _LONGEST + 1), np.nan, np.float32)
    frames = min(sound.shape[1], _LONGEST)
    whole[:, :frames] = sound[:, :frames]
    whole[:, -1] = frames
    return whole


def cut_patches(sound: np.ndarray, jitter: np.ndarray | None = None) -> np.ndarray:
    """(40, 401) → (8, 1, 40, 50) float32: half seconds, evenly over the sentence, each moved by
    `jitter` frames.
    """
    frames = int(sound[0, -1])
    heard = sound[:, :frames]
    heard = (heard - heard.mean()) / max(
        float(heard.std()), 1e-3
    )  # loudness and distance are the microphone's
    if frames < FRAMES:
        heard = np.pad(heard, ((0, 0), (0, FRAMES - frames)), constant_values=heard.min())
    last = heard.shape[1] - FRAMES
    starts = np.linspace(0, last, _PATCHES) + (0 if jitter is None else jitter)
    starts = np.clip(starts.round().astype(int), 0, last)
    return np.stack([heard[None, :, at : at + FRAMES] for at in starts]).astype(np.float32)


def vary_voice(item: Item, rng: np.random.Generator) -> Item:
    """Other patches of the sentence, another pitch (up to two mel bands), a band of it not heard,
    another timbre.
    """
    sound, truth = item
    patches = cut_patches(sound, rng.uniform(-12, 12, _PATCHES))
    patches = np.roll(patches, int(rng.integers(-2, 3)), axis=2)
    tilt = rng.normal(0, 0.25) * np.linspace(-1, 1, patches.shape[2], dtype=np.float32)
    patches = patches + tilt[:, None].astype(np.float32)
    start = int(rng.integers(0, patches.shape[2] - 6))
    patches[:, :, start : start + int(rng.integers(0, 7))] = 0
    return patches, truth


def measure_emotion(judged: Judged, data: Data) -> dict[str, Any]:
    """Unweighted average recall (the score): each emotion counts alike; its 95 % interval is over
    speakers.
    """
    said = judged.outputs.argmax(axis=1)
    confusion = confuse(judged.truth, said, len(_LABELS))
    recall = float(np.nanmean(find_recalls(confusion)))
    speakers = np.unique(judged.fold)
    each = np.stack(
        [
            confuse(judged.truth[judged.fold == s], said[judged.fold == s], len(_LABELS))
            for s in speakers
        ]
    )
    drawn = draw_weights(len(speakers), 2000, np.random.default_rng(0))
    spread = [np.nanmean(find_recalls(np.tensordot(w, each, 1))) for w in drawn]
    low, high = np.percentile(spread, [2.5, 97.5])
    return {
        "score": recall,
        "unweighted_recall": recall,
        "unweighted_recall_95": (float(low), float(high)),
        "recall": {
            name: _plain(r) for name, r in zip(_LABELS, find_recalls(confusion), strict=True)
        },
        "accuracy": float((said == judged.truth).mean()),
        "of_each_speaker": [round(float(np.nanmean(find_recalls(c))), 4) for c in each],
        "confusion": confusion.tolist(),
        "sentences": len(said),
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def draw_emotion(outcome: Outcome) -> Figure:
    """A confusion matrix for each net, the recall of each speaker, and what the nets hear."""
    figure = make_figure(12, 7.6)
    grid = figure.add_gridspec(2, 4, height_ratios=(1.35, 1))
    for at, result in enumerate(outcome.results):
        low, high = result.measures["unweighted_recall_95"]
        title = f"{result.net}: {result.measures['unweighted_recall']:.0%} [{low:.0%}, {high:.0%}]"
        axes = figure.add_subplot(grid[0, 2 * at : 2 * at + 2])
        show_confusion(axes, np.array(result.measures["confusion"]), _LABELS, title)
    _draw_speakers(figure.add_subplot(grid[1, :2]), outcome)
    for at, emotion in enumerate((0, 3)):
        _draw_sentence(figure.add_subplot(grid[1, 2 + at]), outcome, emotion)
    return figure


def _draw_speakers(axes: Axes, outcome: Outcome) -> None:
    names = [fold.name for fold in outcome.data.folds]
    for result, colour, sign, aside in zip(
        outcome.results, (BLUE, ORANGE), "os", (-0.1, 0.1), strict=False
    ):
        at = np.arange(len(names)) + aside  # side by side, since nets are often equally right
        axes.plot(
            at,
            [100 * r for r in result.measures["of_each_speaker"]],
            sign,
            color=colour,
            label=result.net,
        )
    axes.set_xticks(range(len(names)), names)
    axes.axhline(100 / len(_LABELS), color=GREY, linewidth=0.9, linestyle=":")
    axes.set_ylim(0, 105)
    tidy(
        axes,
        "each speaker, by nets that never heard them (dotted: guessing)",
        "speaker",
        "mean recall, %",
    )
    axes.legend(frameon=False, fontsize=9, loc="lower left", ncols=2)


def _draw_sentence(axes: Axes, outcome: Outcome, emotion: int) -> None:
    for items in outcome.tests:
        for at in range(len(items)):
            patches, truth = items[at]
            if truth == emotion:
                axes.imshow(
                    np.concatenate(patches[::3, 0], axis=1),
                    origin="lower",
                    aspect="auto",
                    cmap="magma",
                )
                tidy(axes, f"{_LABELS[emotion]}: patches of 0.5 s", "frame of 10 ms", "mel band")
                for edge in range(FRAMES, 4 * FRAMES, FRAMES):
                    axes.axvline(edge - 0.5, color="white", linewidth=1)
                axes.title.set_color(INK)
                return


def read_sentence(path: Path) -> tuple[np.ndarray, ...]:
    """A wav file of one sentence; of a long one the first four seconds."""
    return (cut_patches(fit_length(read_log_mel(path))),)


RECIPE = Recipe(
    name="emotion",
    title="emotion from speech: a spectrogram CNN, and CNN + LSTM, for speakers never heard before",
    source="Anand & Verma 2015; EmoDB (Burkhardt et al. 2005), emodb.bilderbar.info, CC0",
    folder="emodb",
    read=read_emotion,
    contenders=(Contender("emotion-lstm"), Contender("emotion-cnn")),
    loss=F.cross_entropy,
    metric=measure_emotion,
    draw=draw_emotion,
    read_input=read_sentence,
    tell=tell_class,
    headline="unweighted_recall",
    settings=FitSettings(
        epochs=16, batch_size=16, learning_rate=5e-3, weight_decay=1e-2, ema_decay=0.95, patience=0
    ),
    vary=vary_voice,
    items_per_epoch=240,
)
