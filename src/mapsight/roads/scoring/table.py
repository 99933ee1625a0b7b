"""From evidence to a score: the probability that a finding is a real error of the map.

One additive model a kind: every feature has a step function, their sum (and an intercept) is a
logit. It is boosted (Lou, Caruana & Gehrke 2012) on planted errors by `benchmarks/fit_ranking.py`;
its steps are the table `ranking.json`, so that every score can be recomputed by hand and says what
it is made of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mapsight.roads.kinds import KINDS

# what each kind is judged by
FEATURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {kind.name: kind.features for kind in KINDS.values()}
)

WORDS = {
    "length": "length",
    "ends": "ends that meet the map",
    "parallel": "runs beside a mapped way",
    "away": "distance to the nearest mapped way",
    "hidden": "share under canopy or in shadow",
    "width": "width",
    "straight": "straightness",
    "beyond": "share of what it is connected with that lies beyond the map's reach",
    "free_ends": "ends that meet no other road",
    "rarity": "how rarely the map's roads here are seen so little",
    "offset": "how far beside the map it is seen",
    "residual": "how far that differs from the roads around",
    "unsteady": "how much that varies along it",
    "steady_share": "share of the piece where it is seen beside",
    "z_mean": "what the net says along it",
    "z_low": "what it says at the weakest tenth",
    "z_high": "what it says at the surest tenth",
    "ridge": "how much more than beside it",
    "ridge_share": "share of it that stands out from its sides",
    "edges": "edges run along it, not across",
    "even": "unevenness of its surface",
    "contrast": "how much brighter or darker than its sides",
    "contrast_steady": "the same, place by place",
    "odd_brightness": "brightness unlike that of the map's roads",
    "odd_green": "greenness unlike that of the map's roads",
    "green": "greenness",
    "fill": "share of the surroundings that looks like road",
    "scene_z": "how surely the net sees this map's roads",
    "seen_z_mean": "what the net says where it is seen",
    "seen_z_low": "the same at the weakest tenth",
    "seen_ridge": "how much more than beside, where it is seen",
    "seen_ridge_share": "share that stands out from its sides, where it is seen",
    "seen_edges": "edges run along it, where it is seen",
    "seen_even": "unevenness of its surface, where it is seen",
}


class Term(NamedTuple):
    """One feature's part of a score: its value, and what that adds to the logit."""

    name: str
    words: str
    value: float
    logit: float


def score_evidence(kind: str, features: Mapping[str, float]) -> float:
    """The probability in (0, 1) that a finding of this kind with these features is a real error."""
    total = _read_table()[kind]["intercept"] + sum(
        term.logit for term in explain_score(kind, features)
    )
    return float(to_probability(total))


def to_probability(logits: npt.ArrayLike) -> np.ndarray:
    """Logits as probabilities; from 30 on they differ by less than a float tells, and do not
    overflow.
    """
    probability: np.ndarray = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return probability


def explain_score(kind: str, features: Mapping[str, float]) -> list[Term]:
    """The terms of a score, the weightiest first; with `read_intercept` they sum to its logit."""
    steps = _read_table()[kind]["steps"]
    terms = [
        Term(name, WORDS[name], float(features[name]), _look_up(steps.get(name), features[name]))
        for name in FEATURES[kind]
    ]
    return sorted(terms, key=lambda term: -abs(term.logit))


def read_intercept(kind: str) -> float:
    """The logit of a finding before anything is known of it."""
    return float(_read_table()[kind]["intercept"])


def read_share(kind: str) -> float:
    """The share of right ones among the candidates on which the scores of this kind were
    calibrated.
    """
    return float(_read_table()[kind]["right"])


def _look_up(step: dict[str, list[float]] | None, value: float) -> float:
    """`values[i]` for edges[i − 1] < value ≤ edges[i]; a feature without steps says nothing."""
    return step["values"][int(np.searchsorted(step["edges"], value, side="left"))] if step else 0.0


@cache
def _read_table() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = json.loads(
        files("mapsight.roads.scoring").joinpath("ranking.json").read_text(encoding="utf-8")
    )
    return table
