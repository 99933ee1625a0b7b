"""Tags that stand inside one column, in any of the ways in which programs write them, set free."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

#: Columns whose whole content is tags; any other is opened only where it names a key of OSM's.
CONTAINERS = frozenset(
    ("tags", "other_tags", "all_tags", "osm_tags", "@tags", "hstore", "properties", "attributes",
     "all_attributes", "raw_tags", "extra_tags", "othertags", "alltags", "osmtags", "extra", "tag")
)  # fmt: skip
_MARKS = ("highway", "railway", "waterway", "barrier", "boundary", "power", "aeroway")
_HSTORE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=>\s*(?:"((?:[^"\\]|\\.)*)"|(NULL))')
_QUOTED = re.compile(r"""['"]([^'"]+)['"]\s*:\s*(?:'([^']*)'|"([^"]*)"|([\w.+-]+))""")
_PAIRS = re.compile(
    r"""(?:^|[,;|\n{]|\s{2,})\s*['"]?([A-Za-z_@][\w:.@-]*)['"]?\s*=\s*['"]?([^,;|\n}"']*)"""
)
_PREFIX = re.compile(
    r"^(?:@?tags?|osm|all_tags|other_tags|properties|attributes)[.:/_](?!id$|type$)(?=[a-z])"
)
_PAIRED = re.compile(r"""[(\[]\s*['"]([^'"]+)['"]\s*,\s*(?:'([^']*)'|"([^"]*)")\s*[)\]]""")
_DEEPEST = 8
_BUDGET = 100_000  # characters; a value of OpenStreetMap has at most 255


def spread_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """A feature's columns as tags: keys in lower case, values as text, nested ones set free.

    What stands in a column of its own comes before what is said inside another.

    Parameters
    ----------
    tags
        Column → value, as a table or a JSON object has it.
    """
    own: dict[str, str] = {}
    inner: dict[str, str] = {}
    for key, value in tags.items():
        name = str(key).lower()
        said, nests = spell_value(value).strip(), _nests(value)
        opened = _open(name, value) if nests or name in CONTAINERS or _looks_nested(said) else {}
        inner |= opened
        if said and not (nests and opened):
            own.setdefault(name, said)
    for name in [name for name in own if _PREFIX.match(name)]:
        inner.setdefault(_PREFIX.sub("", name), own[name])
    return {**inner, **own}


def spell_value(value: Any) -> str:
    """A value of a table as a tag; '' for none. Whole numbers held as floats lose their '.0'."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair cannot be written


def _nests(value: Any) -> bool:
    """Whether a value holds keys of its own; a list of words, as OSMnx writes them, does not."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return any(isinstance(entry, (Mapping, list, tuple, np.ndarray)) for entry in value)
    return isinstance(value, Mapping)


def _looks_nested(text: str) -> bool:
    nested = text[:1] in ("{", "[", '"') or '"=>"' in text
    return nested and any(mark in text for mark in _MARKS)


def _open(name: str, value: Any) -> dict[str, str]:
    pairs = dict(_list_pairs(value))
    if name in CONTAINERS or any(mark in pairs for mark in _MARKS):
        return pairs
    return {}


def _list_pairs(value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        yield from _parse_text(value[:_BUDGET], depth)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, Mapping) or str(key).lower() in CONTAINERS:
                yield from _list_pairs(inner, depth + 1)
            elif said := spell_value(inner):
                yield str(key).lower(), said
    elif isinstance(value, (list, tuple, np.ndarray)):
        for entry in value:  # [{"k": …, "v": …}], [{"key": …, "value": …}], [[key, value]]
            if isinstance(entry, Mapping):
                key = entry.get("k", entry.get("key"))
                said = spell_value(entry.get("v", entry.get("value")))
            elif isinstance(entry, (list, tuple, np.ndarray)) and len(entry) == 2:
                key, said = entry[0], spell_value(entry[1])
            else:
                continue
            if key is not None and said:
                yield str(key).lower(), said


def _parse_text(text: str, depth: int) -> Iterator[tuple[str, str]]:
    """JSON, also as text in JSON; hstore; Python's dictionaries and pairs; or `key=value` with
    commas, semicolons or bars.
    """
    bare = text.strip()
    if bare[:1] in ("{", "[", '"'):
        try:
            yield from _list_pairs(json.loads(bare), depth + 1)
            return
        except (ValueError, RecursionError):
            pass
    found = [(k, v) for k, v, _ in _HSTORE.findall(bare)]
    if found:
        yield from ((_unescape(key).lower(), _unescape(value)) for key, value in found if value)
    elif quoted := _QUOTED.findall(bare):
        yield from ((key.lower(), a or b or c) for key, a, b, c in quoted if a or b or c)
    elif pairs := _PAIRED.findall(bare):
        yield from ((key.lower(), a or b) for key, a, b in pairs if a or b)
    else:
        yield from ((key.lower(), value.strip()) for key, value in _PAIRS.findall(bare) if value)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
