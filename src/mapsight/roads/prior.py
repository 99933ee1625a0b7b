"""How many errors a map holds, told by its own candidates before anyone has judged one.

Scores are fitted where every third candidate is a planted error; most maps hold far fewer. The shares of errors under
which a map's candidates are likeliest take the place of the fit's (Saerens, Latinne & Decaestecker 2002). They move all
scores of a kind alike, so the order within a kind stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from mapsight.roads.ranking import FEATURES, read_share, score_evidence


@dataclass(frozen=True)
class PriorSettings:
    """What is believed before any candidate is seen, in logits; chosen in docs/experiments.md.

    All kinds share an offset (Gaussian: mean, spread), from which each departs (spread_of_kinds). A candidate counts as
    `weight` of one, since several can lie along one street.
    """

    mean: float = -1.0
    spread: float = 1.0
    spread_of_kinds: float = 0.5
    weight: float = 0.5


def estimate_offsets(
    kinds: Sequence[str], features: Sequence[Mapping[str, float]], settings: PriorSettings = PriorSettings()
) -> dict[str, float]:  # fmt: skip
    """Kind → what is added to the logits of its scores here, told by N candidates (the posterior's maximum)."""
    scores = {kind: [score_evidence(kind, one) for one, of in zip(features, kinds, strict=True) if of == kind]
              for kind in FEATURES}  # fmt: skip
    return find_offsets({kind: (np.array(some), read_share(kind)) for kind, some in scores.items()}, settings)


def find_offsets(scored: Mapping[str, tuple[np.ndarray, float]], settings: PriorSettings) -> dict[str, float]:
    """Kind → offset, from its scores (N,) and the share of right ones where they were fitted."""
    start = np.array([settings.mean, *[0.0] * len(scored)])  # the common offset, then each kind's departure
    spreads = np.array([settings.spread, *[settings.spread_of_kinds] * len(scored)])

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        away = (parameters - start) / spreads
        value, slope = 0.5 * float(away @ away), away / spreads
        for at, (scores, share) in enumerate(scored.values(), 1):
            here = expit(logit(share) + parameters[0] + parameters[at])
            right, wrong = scores / share, (1 - scores) / (1 - share)  # likelihoods, up to a factor that both have
            mixed = here * right + (1 - here) * wrong
            value -= settings.weight * float(np.log(mixed).sum())
            rise = settings.weight * float((here * (1 - here) * (right - wrong) / mixed).sum())
            slope[[0, at]] -= rise
        return value, slope

    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return {kind: float(found[0] + found[at]) for at, kind in enumerate(scored, 1)}
