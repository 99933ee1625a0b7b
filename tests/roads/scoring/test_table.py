"""Scores: a table of steps that adds up, and says what it is made of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mapsight.roads.scoring.table import (
    FEATURES,
    WORDS,
    _read_table,
    explain_score,
    read_intercept,
    score_evidence,
)

KINDS = ("missing", "phantom", "misaligned")


def draw_features(kind: str, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    return {name: float(rng.normal()) for name in FEATURES[kind]}


@pytest.mark.parametrize("kind", KINDS)
def test_score_is_recomputed_by_hand(kind):
    """The sigmoid of the intercept and the explained terms is the score."""
    for seed in range(20):
        features = draw_features(kind, seed)
        logit = read_intercept(kind) + sum(term.logit for term in explain_score(kind, features))
        assert score_evidence(kind, features) == pytest.approx(1 / (1 + math.exp(-logit)))


@pytest.mark.parametrize("kind", KINDS)
def test_terms_are_steps_of_the_table(kind):
    """Each term is the table's value for the interval that its feature lies in, edges belonging to
    the left.
    """
    steps = _read_table()[kind]["steps"]
    for name, step in steps.items():
        features = draw_features(kind, 0)
        for at, edge in enumerate(step["edges"]):
            for value, expected in (
                (edge, step["values"][at]),
                (edge + 1e-9, step["values"][at + 1]),
            ):
                terms = {t.name: t for t in explain_score(kind, {**features, name: value})}
                assert terms[name].logit == expected


def test_table_is_sound():
    """Every feature of the table is known and has words; edges rise; values are finite and one more
    than edges.
    """
    table = _read_table()
    assert set(table) == set(KINDS)
    for kind in KINDS:
        assert set(table[kind]["steps"]) <= set(FEATURES[kind]) <= set(WORDS)
        for step in table[kind]["steps"].values():
            assert len(step["values"]) == len(step["edges"]) + 1
            assert (np.diff(step["edges"]) > 0).all() and np.isfinite(step["values"]).all()


def test_weightiest_first():
    """What moved the score most is told first."""
    terms = [abs(term.logit) for term in explain_score("phantom", draw_features("phantom", 3))]
    assert terms == sorted(terms, reverse=True)
