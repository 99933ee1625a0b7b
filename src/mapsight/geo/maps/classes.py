"""Which columns of a map say what a way is, and what they say of one way.

A reader must know what it does not know. Where a map has a column for the class, what is empty or
unknown there is no road; only a table without any such column is all roads.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mapsight.errors import InputError
from mapsight.geo.maps.codes import CODES, plain_name, read_code
from mapsight.geo.maps.columns import OSM_SIGNS, OWN, is_about_else, is_likely, is_sure
from mapsight.geo.maps.roadclass import DEFAULT_CLASS, KEYS, WayClass, classify_osm, is_hidden
from mapsight.geo.maps.tags import CONTAINERS
from mapsight.geo.maps.words import SAYS_NOTHING, Meaning, is_exact, plain, read_word

Tags = Mapping[str, str]

_KNOWN_SHARE, _MOST_KINDS, _FEW_KINDS = 0.8, 60, 5
_SHOWN = 8


@dataclass(frozen=True)
class RoadChoice:
    """What the user says: the column that tells roads ('none': all are), and their values."""

    column: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Classes:
    """How the ways of one map are told apart.

    osm: by OpenStreetMap's tags. columns: by these (lower case), in this order; refining: by these
    where the first say no more than 'road'. None of them: every line is a road. values: the only
    ones that are roads (as `plain` writes them), where the user has said so.
    """

    osm: bool = False
    columns: tuple[str, ...] = ()
    refining: tuple[str, ...] = ()
    values: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        return not self.osm and not self.columns

    @property
    def name(self) -> str:
        """The column to speak of."""
        return (*self.columns, "highway" if self.osm else "")[0]


def parse_choice(column: str | None, values: Sequence[str] = ()) -> RoadChoice:
    """What the user says of a map's columns; a value with a comma counts whole and in parts.

    Raises InputError where the two contradict each other, or name nothing.
    """
    parts = [part.strip() for text in values for part in (text, *text.split(","))]
    known = tuple(dict.fromkeys(part for part in parts if part))
    if column is not None and not column.strip():
        raise InputError("--road-column", "names no column", "give one, or none")
    if values and not known:
        raise InputError("--road-values", "names no value", "write for example primary,residential")
    if known and column is not None and column.strip().lower() == "none":
        raise InputError(
            "--road-values", "every line is a road with --road-column none", "leave one of them out"
        )
    return RoadChoice(column, known)


def choose_classes(
    columns: Collection[str], ways: Sequence[Tags], choice: RoadChoice = RoadChoice()
) -> Classes:
    """How to tell roads from other lines in a map with these columns.

    Parameters
    ----------
    columns
        All that occur in the file, in lower case.
    ways
        The tags of ways near the image: what their values say decides between columns.
    choice
        What the user says; it comes before all else.

    Raises
    ------
    InputError
        Where the user names a column that the map does not have.
    """
    if choice.column is not None and choice.column.strip().lower() != "none":
        named = _find_column(choice.column, columns)
        said = frozenset(map(plain, choice.values))
        return Classes(osm=named in KEYS, columns=(named,), values=said)
    if choice.column is not None:
        return Classes()
    found = _detect(columns, ways)
    if choice.values and found.everything:
        raise InputError(
            "--road-values", "no column of this map says what a way is", "add --road-column NAME"
        )
    said = frozenset(map(plain, choice.values))
    return Classes(found.osm, found.columns, found.refining, said)


def classify_way(tags: Tags, classes: Classes) -> WayClass:
    """What a way is in a map whose ways are told apart so.

    Parameters
    ----------
    tags
        Keys in lower case.
    classes
        As `choose_classes` gives it.

    Returns
    -------
    With `unknown` where a value says what the way is and nobody here knows it.
    """
    if classes.everything:
        return WayClass("road", DEFAULT_CLASS, not is_hidden(tags))
    if classes.values:
        return _classify_chosen(tags, classes)
    if classes.osm:
        return classify_osm(tags)
    found, unknown = _read_columns(tags, classes.columns)
    if found is None or found == Meaning("road", DEFAULT_CLASS):
        finer, unsaid = _read_columns(tags, classes.refining)
        found, unknown = finer or found, unknown or unsaid
    if found is None:
        return WayClass("", "", False, unknown)
    return _as_class(found, tags)


def list_values(ways: Sequence[Tags], column: str) -> str:
    """The commonest values of a column with their count, to be read in one line."""
    counts: dict[str, int] = {}
    for tags in ways:
        value = tags.get(column, "")
        counts[value] = counts.get(value, 0) + 1
    listed = sorted(counts.items(), key=lambda item: -item[1])
    shown = ", ".join(
        f"{n} × '{value[:40]}'" if value else f"{n} × empty" for value, n in listed[:_SHOWN]
    )
    return shown + (f" and {len(listed) - _SHOWN} more values" if len(listed) > _SHOWN else "")


def _detect(columns: Collection[str], ways: Sequence[Tags]) -> Classes:
    if OWN in columns and any(read_word(tags.get(OWN, "")) for tags in ways):
        return Classes(columns=(OWN,))
    sure = tuple(name for name in columns if is_sure(name) and _speaks(name, ways))
    if _is_osm(columns, ways, rivals=bool(sure)):
        return Classes(osm=True)
    likely = tuple(
        name for name in columns if name not in sure and is_likely(name) and _speaks(name, ways)
    )
    if sure:
        return Classes(columns=sure, refining=likely)
    if any(_read_columns(tags, likely)[0] for tags in ways):
        return Classes(columns=likely)
    by_values = tuple(name for name in columns if _tells_by_values(name, ways))
    if by_values:
        return Classes(columns=by_values)
    empty = tuple(name for name in columns if is_sure(name))
    return Classes(columns=likely or empty)


def _is_osm(columns: Collection[str], ways: Sequence[Tags], *, rivals: bool) -> bool:
    if "highway" in columns:
        return not rivals or any(
            tags.get("highway") and not classify_osm(tags).unknown for tags in ways
        )
    keyed = any(_WORD.fullmatch(tags.get(key, "")) for tags in ways for key in KEYS)
    signed = any(tags.get(key) in values for tags in ways for key, values in OSM_SIGNS.items())
    boxed = any(_is_boxed(tags.get(key, "")) for tags in ways for key in CONTAINERS)
    return not rivals and (keyed or signed or boxed)


def _is_boxed(text: str) -> bool:
    """Whether a column holds tags as text, of whatever keys."""
    return text.startswith(("{", "[")) or '"=>"' in text


def _speaks(column: str, ways: Sequence[Tags]) -> bool:
    return any(plain(tags.get(column, "")) not in _SILENT for tags in ways)


def _tells_by_values(column: str, ways: Sequence[Tags]) -> bool:
    """A column of any other name, where nearly all that it holds are few, well-known words."""
    if is_about_else(column) or is_likely(column):
        return False
    said = [value for tags in ways if plain(value := tags.get(column, "")) not in _SILENT]
    kinds = set(said)
    coded = plain_name(column) in CODES
    if not kinds or len(kinds) > min(_MOST_KINDS, max(len(said) // 2, _FEW_KINDS)):
        return False
    meanings = {value: _read_value(column, value) for value in kinds}
    known = sum(meanings[value] is not None for value in said)
    words = sum(is_exact(value) and plain(value) not in _VAGUE for value in kinds)
    told_apart = len({meaning.role for meaning in meanings.values() if meaning}) > 1
    tells = 2 * words >= len(kinds) or (told_apart and 3 * len(kinds) <= len(said)) or coded
    return known >= _KNOWN_SHARE * len(said) and tells


def _find_column(name: str, columns: Collection[str]) -> str:
    lower = name.strip().lower()
    alike = [column for column in columns if plain_name(column) == plain_name(lower)]
    if lower in columns:
        return lower
    if alike:
        return alike[0]
    listed = ", ".join(sorted(columns)[:20]) or "none at all"
    raise InputError(
        f"--road-column {name}",
        f"the map has no such column, but {listed}",
        "choose one of them, or none",
    )


def _read_columns(tags: Tags, columns: Sequence[str]) -> tuple[Meaning | None, str]:
    """What the columns say together, and the first value that nobody knows.

    A word for what is no road outweighs one for a road: a way of the subtype 'rail' whose class is
    'standard_gauge', an edge of the class 'local' that is a footpath.
    """
    found, unknown = [], ""
    for column in columns:
        value = tags.get(column, "").strip()
        if plain(value) in _SILENT:
            continue
        meaning = _read_value(column, value)
        if meaning is None:
            unknown = unknown or value
        else:
            found.append(meaning)
    for role in ("", "other", "plan", "road"):
        alike = [meaning for meaning in found if meaning.role == role]
        if alike:
            finer = [meaning for meaning in alike if meaning.road_class != DEFAULT_CLASS]
            return (finer or alike)[0], ""
    return None, unknown


def _read_value(column: str, value: str) -> Meaning | None:
    return read_code(plain_name(column), value) or read_word(value)


def _classify_chosen(tags: Tags, classes: Classes) -> WayClass:
    """Where the user has listed the values: those are roads, all others are none."""
    value = tags.get(classes.name, "").strip()
    meaning = _read_value(classes.name, value) if value else None
    if plain(value) in classes.values:
        known = meaning.road_class if meaning and meaning.role == "road" else DEFAULT_CLASS
        return WayClass("road", known, not is_hidden(tags))
    other = classify_osm(tags) if classes.osm else _as_class(meaning or Meaning("", ""), tags)
    return other if other.role == "other" else WayClass("", "", False)


def _as_class(meaning: Meaning, tags: Tags) -> WayClass:
    hidden = is_hidden(tags)
    if meaning.role == "plan":
        return WayClass("road", meaning.road_class, False)
    if meaning.role == "other":
        return WayClass("" if hidden else "other", meaning.road_class, True)
    return WayClass(meaning.role, meaning.road_class, meaning.role == "road" and not hidden)


_SILENT = SAYS_NOTHING | {""}
_WORD = re.compile(r"(?!yes|true|false|none|null|nan)[a-z_]{3,}")  # a value of OpenStreetMap's
# Words for roads that also tell of owners, names and directions.
_VAGUE = frozenset(
    [
        "local",
        "state",
        "county",
        "private",
        "primary",
        "secondary",
        "tertiary",
        "minor",
        "major",
        "street",
        "road",
        "roads",
        "access",
        "no",
        "service",
        "bus",
        "place",
        "square",
    ]
)
