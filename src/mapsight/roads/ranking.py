"""From evidence to a score: the probability that a finding is a real error of the map.

One logistic regression a kind, fitted on planted errors (`benchmarks/fit_ranking.py`); its coefficients are the table
`ranking.json`, so that every score can be recomputed by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

# what each kind is judged by, in the order of its coefficients; all are made to lie about within −2 … 2
FEATURES: dict[str, tuple[str, ...]] = {
    "missing": ("strength", "weakest", "length", "ends", "parallel", "hidden", "contrast", "width"),
    "phantom": ("absence", "strongest", "length", "hidden", "rarity", "width"),
    "misaligned": ("strength", "absence", "length", "offset", "unsteady", "hidden"),
}


WORDS = {
    "strength": "how strongly the road is seen", "weakest": "how strongly at its weakest places",
    "length": "its length", "ends": "how many of its ends meet the map", "parallel": "runs along a mapped road",
    "hidden": "share under trees or in shadow", "contrast": "stands out from its sides", "width": "its width",
    "absence": "how little is seen on the map's line", "strongest": "how much at its best places",
    "rarity": "how rare so little is on this map", "offset": "how far beside it is seen",
    "unsteady": "how much that distance varies",
}  # fmt: skip


class Term(NamedTuple):
    """One feature's part of a score: its value, and what that adds to the logit."""

    name: str
    words: str
    value: float
    logit: float


def score_evidence(kind: str, features: Mapping[str, float]) -> float:
    """The probability in (0, 1) that a finding of this kind with these features is a real error."""
    weights = _read_weights()[kind]
    total = weights["intercept"] + sum(weights[name] * features[name] for name in FEATURES[kind])
    return float(1 / (1 + np.exp(-np.clip(total, -30, 30))))


def explain_score(kind: str, features: Mapping[str, float]) -> list[Term]:
    """The terms of a score, the weightiest first; with `read_intercept` they sum to its logit.

    Raises KeyError where a feature is missing.
    """
    weights = _read_weights()[kind]
    terms = [Term(name, WORDS[name], float(features[name]), weights[name] * features[name]) for name in FEATURES[kind]]
    return sorted(terms, key=lambda term: -abs(term.logit))


def read_intercept(kind: str) -> float:
    """The logit of a finding before anything is known of it."""
    return float(_read_weights()[kind]["intercept"])


@cache
def _read_weights() -> dict[str, dict[str, float]]:
    return json.loads(files("mapsight.roads").joinpath("ranking.json").read_text(encoding="utf-8"))
