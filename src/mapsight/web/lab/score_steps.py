"""A finding's score, taken apart. The only place of the page that knows how scores come about.

It asks `score_evidence` alone and not its table: a score whose logit is a sum over features (a logistic regression's,
or one of steps or curves) falls apart by changing one feature at a time; what is left over is shown, not hidden.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mapsight.roads.ranking import FEATURES, score_evidence

_WORDS = {
    "strength": "how surely a road is seen along it", "weakest": "… at its weakest tenth", "length": "how long it is",
    "ends": "how many of its ends meet the map", "parallel": "whether it runs beside a mapped road",
    "hidden": "how much of it lies under trees or in shadow", "contrast": "how much surer than beside it",
    "width": "how wide it is", "absence": "how surely no road is seen on the line",
    "strongest": "the surest tenth of what is seen on the line",
    "rarity": "how seldom this map's roads are seen so little",
    "offset": "how far beside the map it is seen", "unsteady": "how much that distance varies",
}  # fmt: skip


@dataclass(frozen=True)
class ScoreTerm:
    """A feature's value, what a unit of it is worth, and their product in the logit."""

    name: str
    words: str
    value: float
    coefficient: float
    product: float


def can_explain(kind: str, features: Mapping[str, float]) -> bool:
    """Whether these are the features that a score of this kind is made of."""
    return kind in FEATURES and set(FEATURES[kind]) <= set(features)


def explain_score(kind: str, features: Mapping[str, float]) -> dict[str, Any]:
    """intercept + Σ products (+ rest) = logit, and the score it gives."""
    nothing = dict.fromkeys(FEATURES[kind], 0.0)
    intercept = _logit(score_evidence(kind, nothing))
    terms = []
    for name in FEATURES[kind]:
        coefficient = _logit(score_evidence(kind, {**nothing, name: 1.0})) - intercept
        product = _logit(score_evidence(kind, {**nothing, name: features[name]})) - intercept
        terms.append(ScoreTerm(name, _WORDS.get(name, ""), float(features[name]), coefficient, product))
    score = score_evidence(kind, features)
    rest = _logit(score) - intercept - sum(term.product for term in terms)
    return {"kind": kind, "intercept": intercept, "terms": [asdict(term) for term in terms],
            "rest": rest if abs(rest) > 1e-6 else 0.0, "logit": _logit(score), "score": score}  # fmt: skip


def _logit(score: float) -> float:
    return math.log(score) - math.log1p(-score)
