"""A finding's score, taken apart. The only place of the page that knows how scores come about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mapsight.roads import ranking
from mapsight.roads.ranking import FEATURES, read_intercept, score_evidence


def can_explain(kind: str, features: Mapping[str, float]) -> bool:
    """Whether these are the features that a score of this kind is made of."""
    return kind in FEATURES and set(FEATURES[kind]) <= set(features)


def explain_score(kind: str, features: Mapping[str, float]) -> dict[str, Any]:
    """intercept + Σ products = logit, and the score it gives; the weightiest term first."""
    terms = [{"name": term.name, "words": term.words, "value": term.value, "product": term.logit}
             for term in ranking.explain_score(kind, features)]  # fmt: skip
    score = score_evidence(kind, features)
    return {"kind": kind, "intercept": read_intercept(kind), "terms": terms, "rest": 0.0,
            "logit": math.log(score) - math.log1p(-score), "score": score}  # fmt: skip
