"""Fits the scores of findings on planted errors: `python -m benchmarks.fit_ranking --pairs splits.csv --model M`.

Scenes the model has not learnt from are predicted once; their masks, traced to lines, are the maps into which errors
are planted with several seeds. Each finding is labelled by whether it answers a planted error; a logistic regression
a kind turns its features into the probability of being right. Scenes are split by name: two thirds fit, a third
checks (Brier, expected calibration error, average precision), before all of them fit what is written.
"""

from __future__ import annotations

import argparse
import json
import zlib
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss

from benchmarks.scenes import Mapped, plant_and_find, read_pair_maps
from mapsight.cnn.calibration import calibrate_scores
from mapsight.cnn.runtime import find_place, make_runner
from mapsight.roads.match import answer_planted
from mapsight.roads.plant import PlantSettings
from mapsight.roads.ranking import FEATURES
from mapsight.roads.shipped import read_model_or_default


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--set", dest="sets", action="append", default=[])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("src/mapsight/roads/ranking.json"))
    options = parser.parse_args()
    model = read_model_or_default(options.model)
    run = make_runner(*model, find_place())
    maps = read_pair_maps(options.pairs, run, split=options.split, sets=options.sets, m_per_px=model.card.m_per_px)
    rows = [row for mapped in maps for row in collect_rows(mapped, model.card.threshold, options.seeds)]
    weights = {kind: fit_kind(kind, [row for row in rows if row["kind"] == kind]) for kind in FEATURES}
    options.out.write_text(json.dumps(weights, indent=2) + "\n", encoding="utf-8")


def collect_rows(mapped: Mapped, threshold: float, seeds: int) -> list[dict]:
    """One row a finding: kind, features, whether it answers a planted error, the scene's name."""
    rows = []
    for seed in range(seeds):
        settings = PlantSettings(deleted=2, added=2, shifted=2, seed=seed)
        done = plant_and_find(mapped, settings, threshold, min_score=0.0)
        if done is None:
            continue
        answers = answer_planted(done.findings, done.planted, kind_aware=True)
        for row, outcome in zip(done.findings.itertuples(), answers.outcome, strict=True):
            right = outcome != "false"
            rows.append({"kind": row.kind, "features": row.features, "right": right, "scene": mapped.name})
    return rows


def fit_kind(kind: str, rows: list[dict]) -> dict[str, float]:
    """Coefficients by feature name, with the intercept; prints how well they do on scenes left out."""
    x = np.array([[row["features"][name] for name in FEATURES[kind]] for row in rows])
    y = np.array([row["right"] for row in rows])
    held = np.array([zlib.crc32(row["scene"].encode()) % 3 == 0 for row in rows])
    checked = LogisticRegression(C=1.0, max_iter=1000).fit(x[~held], y[~held]).predict_proba(x[held])[:, 1]
    ece = calibrate_scores(checked, y[held]).ece
    precision = average_precision_score(y[held], checked)
    print(f"{kind}: {len(y)} findings, {y.mean():.2f} right; scenes left out: AP {precision:.3f}, "
          f"Brier {brier_score_loss(y[held], checked):.3f}, ECE {ece:.3f}")  # fmt: skip
    final = LogisticRegression(C=1.0, max_iter=1000).fit(x, y)
    print("   ", {n: round(float(c), 2) for n, c in zip(FEATURES[kind], final.coef_[0], strict=True)})
    weights = dict(zip(FEATURES[kind], final.coef_[0], strict=True))
    return {"intercept": round(float(final.intercept_[0]), 4), **{n: round(float(c), 4) for n, c in weights.items()}}


if __name__ == "__main__":
    main()
