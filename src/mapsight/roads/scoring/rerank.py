"""What people said of some findings, learnt for the ranking of the rest.

The scores of this place are those of the table (`table.py`), bent as little as the verdicts ask
for: each kind has an offset, with a Gaussian prior at what its candidates tell by themselves
(`prior.py`), and each term of a score a weight, with one at 1. Twenty verdicts move them a little,
two hundred a lot (maximum a posteriori logistic regression).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from mapsight.roads.scoring.table import FEATURES, explain_score, read_intercept, to_probability

_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class RerankSettings:
    """Standard deviations of the priors: of a kind's offset (in logits) and of the weight of a
    term.
    """

    offset: float = 1.0
    weight: float = 0.5


@dataclass(frozen=True, eq=False)
class Lessons:
    """What people said of N findings: the kind of each, its features, and whether it was right."""

    kinds: Sequence[str] = ()
    features: Sequence[Mapping[str, float]] = ()
    right: Sequence[bool] = ()


@dataclass(frozen=True, eq=False)
class Bend:
    """What was learnt: a logit added to each kind, and factors for each kind's terms (1: as in the
    table).

    `start`: the part of the offset that the candidates told before any verdict.
    """

    start: dict[str, float]
    offset: dict[str, float]
    weights: dict[str, dict[str, float]]

    def score(self, kind: str, features: Mapping[str, float]) -> float:
        """The probability in (0, 1) that a finding is a real error, here."""
        factors = self.weights[kind]
        bent = sum(factors[term.name] * term.logit for term in explain_score(kind, features))
        total = read_intercept(kind) + self.offset[kind] + bent
        return float(to_probability(total))


def learn_verdicts(
    lessons: Lessons,
    start: Mapping[str, float],
    settings: RerankSettings = RerankSettings(),
) -> Bend:
    """The bend that lessons ask for; without any, `start` for each kind."""
    told = [[k for k, other in enumerate(lessons.kinds) if other == kind] for kind in FEATURES]
    offset, weights = {}, {}
    for kind, rows in zip(FEATURES, told, strict=True):
        names = FEATURES[kind]
        terms = np.zeros((len(rows), len(names)))
        for at, row in enumerate(rows):
            by_name = {term.name: term.logit for term in explain_score(kind, lessons.features[row])}
            terms[at] = [by_name[name] for name in names]
        begin = read_intercept(kind) + start[kind]
        found = _fit(terms, begin, np.array([lessons.right[row] for row in rows], float), settings)
        offset[kind] = start[kind] + float(found[0])
        weights[kind] = dict(zip(names, found[1:].tolist(), strict=True))
    return Bend(dict(start), offset, weights)


def order_spread(count: int) -> np.ndarray:
    """(count,) places of a list, so ordered that every beginning is spread evenly over it.

    Place n is at the fraction frac(1/2 + n/φ) of the list, φ the golden ratio: by the three-gap
    theorem no two gaps between the places taken so far differ by more than the factor φ²
    (Steinhaus; Sós 1958).
    """
    if not count:
        return np.zeros(0, int)
    steps = np.arange(3 * count + 1)  # φ² · count of them come through every place
    places = np.minimum((0.5 + steps * _GOLDEN) % 1.0 * count, count - 1).astype(int)
    _, first = np.unique(places, return_index=True)
    spread: np.ndarray = places[np.sort(first)]
    return spread


def _fit(
    terms: np.ndarray, intercept: float, right: np.ndarray, settings: RerankSettings
) -> np.ndarray:
    """(1 + F,): offset and weights at the posterior's maximum."""
    centre = np.concatenate([[0.0], np.ones(terms.shape[1])])
    if not len(right):
        return centre
    spread = np.concatenate([[settings.offset], np.full(terms.shape[1], settings.weight)])
    inputs = np.column_stack([np.ones(len(right)), terms])

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        logit = intercept + inputs @ parameters
        away = (parameters - centre) / spread
        value = float(np.logaddexp(0, logit).sum() - right @ logit + 0.5 * away @ away)
        return value, inputs.T @ (to_probability(logit) - right) + away / spread

    best: np.ndarray = minimize(loss, centre, jac=True, method="L-BFGS-B").x
    return best
