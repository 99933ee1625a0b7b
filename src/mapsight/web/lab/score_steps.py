"""A finding's score, taken apart. The only place of the page that knows how scores come about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mapsight.roads.scoring import table as ranking
from mapsight.roads.scoring.table import FEATURES, read_intercept


def can_explain(kind: str, features: Mapping[str, float]) -> bool:
    """Whether these are the features that a score of this kind is made of."""
    return kind in FEATURES and set(FEATURES[kind]) <= set(features)


def explain_score(kind: str, features: Mapping[str, float], offset: float) -> dict[str, Any]:
    """intercept + Σ products + offset (of the map) = logit, and the score it gives; the weightiest
    term first.
    """
    told = ranking.explain_score(kind, features)
    terms = [
        {"name": term.name, "words": term.words, "value": term.value, "product": term.logit}
        for term in told
    ]
    logit = read_intercept(kind) + sum(term.logit for term in told) + offset
    return {
        "kind": kind,
        "intercept": read_intercept(kind),
        "terms": terms,
        "offset": offset,
        "logit": logit,
        "score": 1 / (1 + math.exp(-logit)),
    }
