"""Fits the scores of findings on planted errors: `python -m benchmarks.fit_ranking --pairs
splits.csv`.

Scenes the model has not learnt from are predicted once; their masks, traced to lines, are the maps
into which errors are planted with several seeds. `--also train` adds scenes that the model *has*
learnt from: they are many, and what ships fits them no better than others; once more with maps that
end amid the picture, as a city's does. Every candidate is labelled by whether it answers a planted
error; boosted stumps, which add up to one step function a feature, turn its features into the
probability of being right. What that is worth is measured on scenes of `--split` left out, six
times in turn, where its logits are calibrated, too (Platt 1999: a slope and a shift a kind); then
all scenes fit what is written.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss
from sklearn.model_selection import GroupKFold

from benchmarks.scenes import Mapped, end_map, look_at, plant_map, read_pair_maps
from mapsight.atomic import write_atomically
from mapsight.cli.console import speak
from mapsight.cnn.calibration import calibrate_scores
from mapsight.cnn.compute import find_compute
from mapsight.cnn.runtimes import open_runner
from mapsight.roads.finding.candidates import Candidate
from mapsight.roads.finding.overlap import answer_planted
from mapsight.roads.planting.plant import PlantSettings
from mapsight.roads.scoring.table import FEATURES
from mapsight.roads.training.shipped import read_model_or_default

_BAGS, _STEPS, _RATE, _LEAST = (
    8,
    250,
    0.1,
    10,
)  # fits averaged, stumps each, their share, candidates a step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument(
        "--also", help="a further split whose scenes help to fit, but judge nothing"
    )
    parser.add_argument("--also-seeds", type=int, default=1)
    parser.add_argument("--set", dest="sets", action="append", default=[])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("src/mapsight/roads/scoring/ranking.json"))
    options = parser.parse_args()
    model = read_model_or_default(options.model)
    run = open_runner(model, find_compute())

    def read_maps(split: str) -> Iterator[Mapped]:
        return read_pair_maps(
            options.pairs, run, split=split, sets=options.sets, m_per_px=model.card.m_per_px
        )

    rows, helpers = [], []
    for mapped in read_maps(options.split):
        rows += collect_rows(mapped, model.card.threshold, options.seeds)
    for seed, mapped in enumerate(read_maps(options.also) if options.also else ()):
        helpers += collect_rows(mapped, model.card.threshold, options.also_seeds)
        helpers += collect_rows(end_map(mapped, seed), model.card.threshold, 1)
    write_ranking(options.out, rows, helpers)


def collect_rows(mapped: Mapped, threshold: float, seeds: int) -> list[dict]:
    """One row a candidate: kind, features, whether it answers a planted error, the scene's name."""
    rows = []
    for seed in range(seeds):
        wrong = plant_map(mapped, PlantSettings(deleted=2, added=2, shifted=2, seed=seed))
        if not wrong.is_blank:
            rows += label_candidates(
                look_at(mapped, wrong, threshold)[0].listed, wrong.planted, mapped.name
            )
    return rows


def label_candidates(
    candidates: Sequence[Candidate], planted: gpd.GeoDataFrame, scene: str
) -> list[dict]:
    """Which candidates answer a planted error of their kind."""
    told = [{"kind": one.kind, "geometry": one.line} for one in candidates]
    table = gpd.GeoDataFrame(
        told, columns=["kind", "geometry"], geometry="geometry", crs=planted.crs
    )
    outcome = answer_planted(table, planted, kind_aware=True).outcome
    return [
        {"kind": one.kind, "features": one.features, "right": said != "false", "scene": scene}
        for one, said in zip(candidates, outcome, strict=True)
    ]


def write_ranking(path: Path, rows: list[dict], helpers: list[dict]) -> None:
    """Fits each kind, says how well it does on scenes left out, and writes the table."""
    table = {
        kind: fit_kind(kind, *([r for r in some if r["kind"] == kind] for some in (rows, helpers)))
        for kind in FEATURES
    }
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def fit_kind(kind: str, rows: list[dict], helpers: list[dict]) -> dict:
    """{intercept, right, steps: feature → edges and values} of one kind; `right` is the share of
    right candidates.

    `helpers` fit, but are never left out to judge.
    """
    x = np.array([[row["features"][name] for name in FEATURES[kind]] for row in [*rows, *helpers]])
    y = np.array([row["right"] for row in [*rows, *helpers]])
    judging, helping = np.arange(len(rows)), np.arange(len(rows), len(y))
    said = np.zeros(len(rows))
    for learnt, held in GroupKFold(6).split(judging, groups=[row["scene"] for row in rows]):
        fitted = np.concatenate([learnt, helping])
        said[held] = _predict(_fit(x[fitted], y[fitted], kind), kind, x[held])
    told, logits = y[judging], np.log(said / (1 - said))[:, None]
    line = LogisticRegression(C=1e6).fit(
        logits, told
    )  # what is learnt promises more than comes true
    said, slope, shift = (
        line.predict_proba(logits)[:, 1],
        float(line.coef_.item()),
        float(line.intercept_.item()),
    )
    precision, ece = average_precision_score(told, said), calibrate_scores(said, told).ece
    print(
        f"{kind}: {len(told)} candidates, {told.mean():.2f} right, and {len(helpers)} that help;"
        f" scenes left out: AP {precision:.3f}, Brier {brier_score_loss(told, said):.3f}, ECE"
        f" {ece:.3f}"
    )
    table = _fit(x, y, kind)
    steps = {
        name: {**step, "values": [round(slope * v, 4) for v in step["values"]]}
        for name, step in table["steps"].items()
    }
    return {
        "intercept": round(slope * table["intercept"] + shift, 4),
        "right": round(told.mean(), 4),
        "steps": steps,
    }


def _fit(x: np.ndarray, y: np.ndarray, kind: str) -> dict:
    """The mean of several boosted fits, each over other features at each step."""
    fits = [
        HistGradientBoostingClassifier(
            max_iter=_STEPS,
            learning_rate=_RATE,
            max_leaf_nodes=2,
            min_samples_leaf=_LEAST,
            max_features=0.4,
            l2_regularization=2.0,
            random_state=seed,
        ).fit(x, y)
        for seed in range(_BAGS)
    ]
    steps: dict[str, dict[float, float]] = {}
    intercept = float(np.mean([fit._baseline_prediction.item() for fit in fits]))
    for fit in fits:
        for (
            tree,
        ) in fit._predictors:  # stumps: a root and two leaves, or one leaf that says nothing
            root = tree.nodes[0]
            if root["is_leaf"]:
                continue
            low, high = (
                float(tree.nodes[root[side]]["value"]) / _BAGS for side in ("left", "right")
            )
            rises = steps.setdefault(FEATURES[kind][root["feature_idx"]], {})
            edge = round(float(root["num_threshold"]), 4)
            rises[edge] = rises.get(edge, 0.0) + high - low
            intercept += low
    curves = {
        name: _centre(rises, x[:, FEATURES[kind].index(name)]) for name, rises in steps.items()
    }
    intercept += sum(shift for _, shift in curves.values())
    return {
        "intercept": round(intercept, 4),
        "steps": {name: curves[name][0] for name in FEATURES[kind] if name in curves},
    }


def _centre(rises: dict[float, float], seen: np.ndarray) -> tuple[dict[str, list[float]], float]:
    """Edges and values of a step function whose mean over the candidates is 0, and what was taken
    off.
    """
    edges = sorted(rises)
    values = np.concatenate([[0.0], np.cumsum([rises[edge] for edge in edges])])
    mean = float(values[np.searchsorted(edges, seen, side="left")].mean())
    return {"edges": edges, "values": [round(float(v), 4) for v in values - mean]}, mean


def _predict(table: dict, kind: str, x: np.ndarray) -> np.ndarray:
    total = np.full(len(x), table["intercept"])
    for column, name in enumerate(FEATURES[kind]):
        if name in table["steps"]:
            step = table["steps"][name]
            total += np.array(step["values"])[
                np.searchsorted(step["edges"], x[:, column], side="left")
            ]
    return 1 / (1 + np.exp(-total))


if __name__ == "__main__":
    with speak():
        main()
