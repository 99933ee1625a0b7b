"""The table of kinds: everything that it names is there, and nobody else spells its names."""

from __future__ import annotations

import pytest

from mapsight.roads.finding.rules import RULES
from mapsight.roads.kinds import BESIDE, KINDS, ON_MAP, UNMAPPED, list_kinds, say_kinds
from mapsight.roads.planting.mistakes import PROPOSALS
from mapsight.roads.scoring.table import WORDS, read_intercept, read_share


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_what_a_kind_names_is_there(kind):
    """Its rule, its way of being planted, words for its features, and a fitted score."""
    assert kind.rule in RULES
    assert not kind.planted or kind.planted in PROPOSALS
    assert set(kind.features) <= set(WORDS)
    assert 0 < read_share(kind.name) < 1 and abs(read_intercept(kind.name)) < 10


def test_kinds_can_be_told_apart():
    """No two share a name, a colour, a plate or a sign; names are fit for classes and ids."""
    for field in ("name", "colour", "plate", "glyph", "singular", "rule"):
        assert len({str(getattr(kind, field)) for kind in KINDS.values()}) == len(KINDS), field
    assert all(name.isidentifier() and name.islower() for name in KINDS)


def test_every_kind_is_on_the_map_or_not():
    """Where its line lies, and where a road is seen, part the kinds."""
    assert {*ON_MAP, *UNMAPPED} == set(KINDS) and not {*ON_MAP} & {*UNMAPPED}
    assert set(BESIDE) <= set(ON_MAP)  # two lines belong to such a finding, one is the map's
    assert set(list_kinds(seen="here")) == set(UNMAPPED)


def test_kinds_are_said():
    """As an option's help and an error's remedy name them."""
    assert say_kinds() == "missing, phantom or misaligned"
    assert say_kinds(UNMAPPED) == "missing"
    assert say_kinds(ON_MAP, "and") == "phantom and misaligned"
