"""From evidence to a score: the probability that a finding is a real error of the map.

One logistic regression a kind, fitted on planted errors (`benchmarks/fit_ranking.py`); its coefficients are the table
`ranking.json`, so that every score can be recomputed by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np

# what each kind is judged by, in the order of its coefficients; all are made to lie about within −2 … 2
FEATURES: dict[str, tuple[str, ...]] = {
    "missing": ("strength", "weakest", "length", "ends", "parallel", "hidden", "contrast", "width"),
    "phantom": ("absence", "strongest", "length", "hidden", "rarity", "width"),
    "misaligned": ("strength", "absence", "length", "offset", "unsteady", "hidden"),
}


def score_evidence(kind: str, features: Mapping[str, float]) -> float:
    """The probability in (0, 1) that a finding of this kind with these features is a real error."""
    weights = _read_weights()[kind]
    total = weights["intercept"] + sum(weights[name] * features[name] for name in FEATURES[kind])
    return float(1 / (1 + np.exp(-np.clip(total, -30, 30))))


def explain_evidence(kind: str, features: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """What a score is made of: (name, value, coefficient); the score's log-odds are the sum of their products.

    Raises KeyError where a feature is missing.
    """
    weights = _read_weights()[kind]
    parts = [(name, float(features[name]), weights[name]) for name in FEATURES[kind]]
    return [("intercept", 1.0, weights["intercept"]), *parts]


@cache
def _read_weights() -> dict[str, dict[str, float]]:
    return json.loads(files("mapsight.roads").joinpath("ranking.json").read_text(encoding="utf-8"))
