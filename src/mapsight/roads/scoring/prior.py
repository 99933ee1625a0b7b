"""How many errors a map holds, told by its own candidates before anyone has judged one.

Scores are fitted where every third candidate is a planted error; most maps hold far fewer. The
shares of errors under which a map's candidates are likeliest take the place of the fit's (Saerens,
Latinne & Decaestecker 2002); a map that lacks much of what is seen is believed from the start to
lack roads. All scores of a kind move alike, so the order within a kind stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit


@dataclass(frozen=True)
class PriorSettings:
    """What is believed before any candidate is seen, in logits; chosen in docs/experiments.md.

    All kinds share an offset (Gaussian: mean, spread), from which each departs (spread_of_kinds). A
    candidate counts as `weight` of one, since several can lie along one street. The departure of
    unmapped roads is believed to rise by `lacking_rise` while the share of what is seen that the
    map lacks goes through `lacking`; a tenth of `usual_m` metres is added to what it lacks and
    all of them to what is seen, so that little says little.
    """

    mean: float = -1.0
    spread: float = 1.0
    spread_of_kinds: float = 0.5
    weight: float = 0.5
    lacking: tuple[float, float] = (0.2, 0.35)
    lacking_rise: float = 4.0
    usual_m: float = 2000.0


def believe_lacking(lacking_m: float, seen_m: float, settings: PriorSettings) -> float:
    """How far unmapped roads are believed to depart from the common offset, before their scores are
    looked at.
    """
    share = (lacking_m + 0.1 * settings.usual_m) / (seen_m + settings.usual_m)
    return settings.lacking_rise * float(np.interp(share, settings.lacking, (0, 1)))


def find_offsets(
    scored: Mapping[str, tuple[np.ndarray, float]],
    settings: PriorSettings,
    departures: Mapping[str, float] = {},
) -> dict[str, float]:
    """Kind → offset, from its scores (N,) and the share of right ones where they were fitted.

    departures: kind → how far its offset is believed to lie from the common one; 0 where nothing is
    said.
    """
    start = np.array([settings.mean, *(departures.get(kind, 0.0) for kind in scored)])
    spreads = np.array([settings.spread, *[settings.spread_of_kinds] * len(scored)])

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        away = (parameters - start) / spreads
        value, slope = 0.5 * float(away @ away), away / spreads
        for at, (scores, share) in enumerate(scored.values(), 1):
            here = expit(logit(share) + parameters[0] + parameters[at])
            right, wrong = (
                scores / share,
                (1 - scores) / (1 - share),
            )  # likelihoods, up to a factor that both have
            mixed = here * right + (1 - here) * wrong
            value -= settings.weight * float(np.log(mixed).sum())
            rise = settings.weight * float((here * (1 - here) * (right - wrong) / mixed).sum())
            slope[[0, at]] -= rise
        return value, slope

    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return {kind: float(found[0] + found[at]) for at, kind in enumerate(scored, 1)}
