"""Verdicts that come back from elsewhere: MapRoulette's statuses, a judged page, a spreadsheet."""

from __future__ import annotations

import csv
import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mapsight.errors import InputError
from mapsight.geo.files import check_local_file
from mapsight.roads.export.spreadsheet import read_cell
from mapsight.roads.export.verdict_table import GUESSED, decode_text, find_id, read_rows
from mapsight.roads.verdicts.store import (
    ACCEPT,
    MOST_NAME,
    MOST_NOTE,
    NONE,
    REJECT,
    UNSURE,
    Verdict,
    VerdictStore,
)

_log = logging.getLogger(__name__)

_MOST_BYTES = 1 << 28
_JSON = ("{", "[", "\x1e")  # a text that begins so is no table
# MapRoulette's statuses by name and number (its Task.scala); None: nobody has said anything yet
_STATUSES: dict[str, str | None] = {
    "created": None,
    "fixed": ACCEPT,
    "not_an_issue": REJECT,
    "false_positive": REJECT,
    "skipped": None,
    "deleted": None,
    "already_fixed": ACCEPT,
    "too_hard": UNSURE,
    "answered": None,
    "validated": ACCEPT,
    "disabled": None,
    "0": None,
    "1": ACCEPT,
    "2": REJECT,
    "3": None,
    "4": None,
    "5": ACCEPT,
    "6": UNSURE,
    "7": None,
    "8": ACCEPT,
    "9": None,
}
_WORDS = {
    "accept": ACCEPT,
    "accepted": ACCEPT,
    "reject": REJECT,
    "rejected": REJECT,
    "unsure": UNSURE,
    "none": NONE,
}
_REMEDY = (
    "give a GeoJSON or CSV that MapRoulette exported, or what a page or a spreadsheet of `mapsight"
    " export` saved"
)


class Said(NamedTuple):
    """One judgement on what may go by any of several names."""

    names: tuple[str, ...]
    verdict: str
    note: str


class Import(NamedTuple):
    """How many were taken over, were there already, differ from what is there (and stay out), are
    not of this audit.
    """

    taken: int
    known: int
    different: int
    strange: int


def import_verdicts(
    findings: Path, source: Path, ids: set[str], *, reviewer: str, overwrite: bool = False
) -> Import:
    """Adds what `source` says of these findings to the verdicts in findings.gpkg.

    A verdict that is there already and says something else, be it in its note, stays, unless
    `overwrite`; nothing is ever deleted. Raises InputError for a file that holds no judgements.
    """
    said = read_judgements(source)
    count: Counter[str] = Counter()
    with VerdictStore(findings) as store:
        last = {verdict.finding_id: verdict for verdict in store.read()}
        for one in said:
            found = (find_id(name, ids) for name in one.names)
            name = next((name for name in found if name is not None), None)
            if name is None:
                count["strange"] += 1
                continue
            before, note = last.get(name, Verdict(name, NONE)), one.note[:MOST_NOTE]
            if before.verdict == one.verdict and note in ("", before.note):
                count["known"] += 1
            elif before.verdict != NONE and not overwrite:
                count["different"] += 1
            else:
                last[name] = store.add(
                    name,
                    one.verdict,
                    revision=before.revision,
                    note=note or before.note,
                    reviewer=reviewer[:MOST_NAME],
                    geometry_wkt=before.geometry_wkt,
                )
                count["taken"] += 1
    return Import(*(count[name] for name in Import._fields))


def read_judgements(path: Path) -> list[Said]:
    """All that a file says, whatever of the known kinds it is; InputError for others."""
    found = check_local_file(path)
    if found.stat().st_size > _MOST_BYTES:
        raise InputError(path, "is larger than 256 MB", "export one challenge at a time")
    try:
        text, encoding = decode_text(found.read_bytes())  # line ends in notes as they are
        if (begins := text.lstrip()[:1]) == "<":
            raise ValueError("a web page or XML")
        said = list(_parse_json(text) if begins in _JSON else _parse_table(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise InputError(path, f"cannot be read ({str(error)[:80]})", _REMEDY) from None
    if not said:
        raise InputError(path, "holds no judgement", _REMEDY)
    if encoding == GUESSED:
        _log.warning(f"{found.name} does not say its encoding and is no UTF-8: read as {GUESSED}")
    return said


def _parse_json(text: str) -> Iterator[Said]:
    parts = text.split("\x1e") if "\x1e" in text else [text]
    for body in (json.loads(part) for part in parts if part.strip()):
        if body.get("type") == "mapsight-verdicts":
            for row in body["verdicts"]:
                yield from _take_word(
                    (str(row["finding_id"]),), str(row["verdict"]), str(row.get("note") or "")
                )
            continue
        for feature in body.get("features", []):
            told = feature.get("properties") or {}
            names = (
                told.get("mr_taskName"),
                told.get("id"),
                told.get("finding_id"),
                told.get("name"),
                feature.get("id"),
            )
            yield from _take_status(names, told.get("mr_taskStatus"), told.get("mr_comments"))


def _parse_table(text: str) -> Iterator[Said]:
    for number, cells in read_rows(text):
        if "taskstatus" in cells:
            yield from _take_status(
                (cells.get("taskname"),), cells["taskstatus"], cells.get("comments")
            )
        elif "findingid" in cells:
            try:
                name, note = (read_cell(cells.get(key, "")) for key in ("findingid", "note"))
                yield from _take_word((name,), cells.get("verdict", ""), note)
            except ValueError as error:
                raise ValueError(f"row {number}: {error}") from None


def _take_status(names: tuple[Any, ...], status: Any, note: Any) -> Iterator[Said]:
    verdict = _STATUSES.get(str(status).strip().lower().replace(" ", "_"))
    if status is not None and verdict is not None:
        yield Said(tuple(str(name) for name in names if name is not None), verdict, str(note or ""))


def _take_word(names: tuple[str, ...], word: str, note: str) -> Iterator[Said]:
    verdict = _WORDS.get(word.strip().lower())
    if verdict is not None:
        yield Said(names, verdict, note)
    elif word.strip():
        raise ValueError(f"{word[:30]!r} is no verdict but accept, reject, unsure or none are")
