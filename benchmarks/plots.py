"""What the benchmarks put into docs/: blocks between markers, and plots."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mapsight.atomic import write_atomically
from mapsight.errors import InputError

_STROKES = ("solid", (0, (6, 2)), (0, (2, 1.4)))
_INKS = ("#0072b2", "#d55e00", "#009e73")


def replace_block(page: Path, name: str, text: str) -> None:
    """Writes text between `<!-- name -->` and `<!-- /name -->` of a Markdown page; InputError where
    they are not.
    """
    old = page.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(old):
        raise InputError(
            page, f"has no block '{name}'", f"add the lines <!-- {name} --> and <!-- /{name} -->"
        )
    with write_atomically(page) as temporary:
        temporary.write_text(pattern.sub(lambda m: f"{m[1]}{text}\n{m[2]}", old), encoding="utf-8")


def draw_findings_curves(rows: Sequence[dict[str, Any]]) -> Figure:
    """Left: said and come true of the scores; right: share of right findings among the first k."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    together = [row for row in rows if row["scenes"] == "together"]
    for row, ink, stroke in zip(together, _INKS, _STROKES, strict=False):
        t = row["kind_aware"]
        curve = t["scores"]["reliability"]
        label = f"{row['model']}, ECE {t['scores']['expected_calibration_error']:.3f}"
        left.plot(
            [b["mean_probability"] for b in curve],
            [b["true_share"] for b in curve],
            color=ink,
            linestyle=stroke,
            marker="o",
            markersize=4,
            label=label,
        )
        at = {int(k): rate["value"] for k, rate in t["precision_at"].items()}
        right.plot(
            list(at),
            list(at.values()),
            color=ink,
            linestyle=stroke,
            marker="o",
            markersize=4,
            label=row["model"],
        )
    left.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    left.set(
        xlabel="score of the finding",
        ylabel="share that is right",
        title="Scores, said and come true",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    right.set(
        xlabel="first k findings of all scenes",
        ylabel="share that is right",
        title="Precision at the top",
        ylim=(0, 1.02),
        xscale="log",
    )
    for axes in (left, right):
        axes.legend(frameon=False, loc="lower right")
        axes.grid(color="#e3e3e3", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
