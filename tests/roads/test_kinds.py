"""The table of kinds: everything that it names is there, and nobody else spells its names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import mapsight
from mapsight.roads.finding.rules import RULES
from mapsight.roads.kinds import (
    BESIDE,
    INKS,
    KINDS,
    ON_MAP,
    UNMAPPED,
    list_kinds,
    say_kinds,
    write_script,
    write_style,
)
from mapsight.roads.planting.mistakes import PROPOSALS
from mapsight.roads.scoring.table import WORDS, read_intercept, read_share

# say 'missing' of tensors, packages and pages
PLAIN_ENGLISH = {"cli/doctor.py", "cnn/checkpoint.py", "lab/slips/results.py"}


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
    assert set(UNMAPPED) <= set(list_kinds(seen="here"))  # what the map lacks must be seen


def test_kinds_are_said():
    """As an option's help and an error's remedy name them."""
    assert say_kinds() == "missing, phantom or misaligned"
    assert say_kinds(UNMAPPED) == "missing"
    assert say_kinds(ON_MAP, "and") == "phantom and misaligned"


def test_nobody_else_spells_them():
    """A kind's name, as a word of a program or a style, stands in the table and nowhere else."""
    source = Path(mapsight.__file__).parent
    names = "|".join(KINDS)
    spelt = re.compile(rf"""["'`]({names})["'`]|[.#](show-|of-)?({names})\b|\b({names}) roads?\b""")
    found = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.suffix in (".py", ".js", ".css", ".html", ".j2") and "vendor" not in path.parts
        if spelt.search(path.read_text(encoding="utf-8"))
    }
    assert found - {"roads/kinds.py"} <= PLAIN_ENGLISH, sorted(found)


def test_pages_are_told_the_table():
    """Every kind's colour and strokes stand in the style sheet, its signs in the script; nothing in
    either could end them.
    """
    style, script = write_style(), write_script()
    for kind in KINDS.values():
        dash = " ".join(f"{px:g}" for px in kind.dash) or "none"
        assert f".{kind.name}{{--kind:{kind.colour};--dash:{dash};" in style
    kinds, inks = (json.loads(line.partition("= ")[2].rstrip(";")) for line in script.splitlines())
    assert {name: told["glyph"] for name, told in kinds.items()} == {
        kind.name: kind.glyph for kind in KINDS.values()
    }
    assert inks == INKS and "<" not in style + script
