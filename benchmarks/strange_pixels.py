"""Pixels of imagery that a model has not learnt, set by set: the pixel part of
`benchmarks.strangers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.cnn.metrics import (
    Histogram,
    RelaxedCounts,
    average_precision,
    best_threshold,
    calibrate_pixels,
    count_pixels,
    count_relaxed,
    find_breakeven,
    measure_at,
    sum_counts,
    sweep_relaxed,
)
from mapsight.cnn.runtimes import open_runner
from mapsight.progress import track
from mapsight.roads.measure.evaluate import predict_scene
from mapsight.roads.prediction.suit import suit_threshold
from mapsight.roads.training.chips import ScenePair, read_pairs, read_scene


@dataclass(frozen=True)
class Stranger:
    """A set to be judged on: splits, and what its labels allow.

    measure: 'exact' (pixels are right or wrong), 'buffer' (centrelines a few pixels wide: relaxed
    figures only) or 'recall' (roads are left unlabelled: precision means little). home: of the kind
    that the shipped weights have learnt.
    """

    name: str
    set: str
    splits: tuple[str, ...]
    measure: str = "exact"
    slack_m: float = 3.0
    home: bool = False


STRANGERS = (
    Stranger("home val", "mass_crops400", ("val",), home=True),
    Stranger("home test", "mass_crops400", ("test",), home=True),
    Stranger("home windows", "mass_win512", ("train",), home=True),
    Stranger("eth_cil val", "eth_cil", ("val",)),
    Stranger("epfl val", "epfl", ("val",)),
    Stranger("vgi_tianjin val", "vgi_tianjin", ("val",)),
    Stranger("eth_cil test", "eth_cil", ("test",)),
    Stranger("vgi_tianjin test", "vgi_tianjin", ("test",)),
    Stranger("penang", "penang", ("train", "val"), measure="recall"),
    Stranger("bhuvan_india", "bhuvan_india", ("train", "val"), measure="buffer", slack_m=4.0),
)
# what models are chosen by; the tests stay for the end
CHOOSING = ("eth_cil val", "epfl val", "vgi_tianjin val")


def measure_strangers(
    model: Model, table: Path, compute: Compute, strangers: Sequence[Stranger] = STRANGERS
) -> list[dict[str, Any]]:
    """A row for each set: figures at the model's own threshold, at the one that suits its pictures,
    taken as one scene, and at the best one.
    """
    run, rows = open_runner(model, compute), []
    for stranger in strangers:
        exact, relaxed = [], []
        pairs = read_stranger(table, stranger)
        for pair in track(pairs, stranger.name, total=len(pairs)):
            scene = read_scene(pair)
            seen = predict_scene(scene, pair.m_per_px, model.card, run)
            exact.append(count_pixels(seen, scene.truth > 0, scene.valid))
            slack_px = max(round(stranger.slack_m / (pair.m_per_px or 1.0)), 1)
            relaxed.append(count_relaxed(seen, scene.truth > 0, scene.valid, rho_px=slack_px))
        size = float(np.mean([pair.m_per_px or 1.0 for pair in pairs]))
        suited = suit_threshold(sum_counts(exact), model.card, m_per_px=size)
        row = summarise(stranger, exact, relaxed, model.card.threshold)
        if stranger.measure == "exact":
            f1 = measure_at(sum_counts(exact), suited.value).f1
            row |= {"suited_threshold": suited.value, "suited_f1": f1}
        rows.append(row)
    return rows


def read_stranger(table: Path, stranger: Stranger) -> list[ScenePair]:
    """All pairs of the stranger's splits."""
    return [
        pair
        for split in stranger.splits
        for pair in read_pairs(table, split=split, sets=[stranger.set])
    ]


def summarise(
    stranger: Stranger, exact: list[Histogram], relaxed: list[RelaxedCounts], threshold: float
) -> dict[str, Any]:
    """A row in numbers; None where the labels do not allow a figure."""
    total, near = sum_counts(exact), sweep_relaxed(sum_counts(relaxed))
    best, at = best_threshold(total), round(threshold * (len(near.recall) - 1))
    row: dict[str, Any] = {
        "set": stranger.name,
        "measure": stranger.measure,
        "images": len(exact),
        "threshold": threshold,
        "slack_m": stranger.slack_m,
        "relaxed_precision": float(near.precision[at]),
        "relaxed_recall": float(near.recall[at]),
        "relaxed_breakeven": find_breakeven(near.precision, near.recall, near.predicted),
    }
    if stranger.measure == "exact":
        row |= {
            "f1": measure_at(total, threshold).f1,
            "best_f1": measure_at(total, best).f1,
            "best_threshold": best,
            "average_precision": average_precision(total),
            "ece": calibrate_pixels(total).ece,
        }
    return row


def tell_pixels(rows: Sequence[dict[str, Any]]) -> str:
    """A table in Markdown, and the mean of what models are chosen by."""
    lines = [
        (
            "| set | images | F1 at the model's threshold | at the suited one (which) | at the"
            " best one (which) | AP | relaxed breakeven | relaxed recall at the model's"
            " threshold | ECE |"
        ),
        "|---" * 9 + "|",
    ]
    for row in rows:
        exact, loose = row["measure"] == "exact", row["measure"] == "recall"
        cells = [
            row["set"],
            f"{row['images']}",
            f"{row['f1']:.3f}" if exact else "–",
            f"{row['suited_f1']:.3f} ({row['suited_threshold']:.3f})" if exact else "–",
            f"{row['best_f1']:.3f} ({row['best_threshold']:.3f})" if exact else "–",
            f"{row['average_precision']:.3f}" if exact else "–",
            "–" if loose else f"{row['relaxed_breakeven']:.3f} ({row['slack_m']:g} m)",
            f"{row['relaxed_recall']:.3f}",
            f"{row['ece']:.3f}" if exact else "–",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    chosen = [row for row in rows if row["set"] in CHOOSING]
    if chosen:
        keys = ("f1", "suited_f1", "best_f1")
        own, suited, best = (np.mean([row[key] for row in chosen]) for key in keys)
        gaps = [max(row["best_f1"] - row[key] for row in chosen) for key in keys[:2]]
        lines.append(
            f"\nMean F1 of {', '.join(row['set'] for row in chosen)}: {own:.3f} at the model's"
            f" threshold (at most {gaps[0]:.3f} below the best), {suited:.3f} at the suited ones"
            f" ({gaps[1]:.3f}), {best:.3f} at the best ones."
        )
    return "\n".join(lines)
