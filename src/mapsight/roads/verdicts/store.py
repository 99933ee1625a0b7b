"""What people have said of findings: a table `verdicts` inside the audit's findings.gpkg, where
QGIS opens it as it is.

Append-only: each judgement is a row with the next revision of its finding, and what counts is the
last. A judgement that was made on a revision which is no longer the last is refused, so two people
cannot undo each other unseen. The file is written in WAL mode with every commit synced: what was
acknowledged survives kill −9 and a loss of power.
"""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
import threading
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mapsight.errors import InputError, MapsightError
from mapsight.geo.files import check_local_file
from mapsight.geo.maps.borrowed import borrow_file
from mapsight.roads.verdicts.file import (
    TABLE,
    connect,
    explain,
    has_verdicts,
    identify,
    migrate,
    refuse_traps,
    transact,
)

if TYPE_CHECKING:
    import pandas as pd

ACCEPT, REJECT, UNSURE, NONE = VERDICTS = ("accept", "reject", "unsure", "none")
COLUMNS = ("finding_id", "verdict", "note", "geometry_wkt", "reviewer", "time_utc", "revision")
MOST_NOTE, MOST_NAME, MOST_WKT = 4000, 100, 400_000  # characters

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM {TABLE}"
_LATEST = (
    f"{_SELECT} AS v WHERE revision = (SELECT max(revision) FROM {TABLE} WHERE finding_id ="
    " v.finding_id)"
)


@dataclass(frozen=True)
class Verdict:
    """One judgement; `geometry_wkt` is the line as its reviewer drew it, in the file's CRS, ''
    where unchanged.
    """

    finding_id: str
    verdict: str
    note: str = ""
    geometry_wkt: str = ""
    reviewer: str = ""
    time_utc: str = ""  # ISO 8601, milliseconds, Z
    revision: int = 0


class StaleVerdictError(MapsightError):
    """Somebody else has judged the finding meanwhile; `current` is what they said."""

    def __init__(self, current: Verdict) -> None:
        self.current = current
        by = current.reviewer or "somebody else"
        super().__init__(
            f"finding {current.finding_id}", f"was judged by {by} meanwhile", "look at it again"
        )


class VerdictStore:
    """The open table of one findings.gpkg; may be shared by threads, and by processes that open it
    each.
    """

    def __init__(self, path: Path) -> None:
        self._path = check_local_file(path)
        self._lock = threading.Lock()
        with explain(self._path):
            self._database = connect(self._path, writable=True)
            try:
                refuse_traps(self._path, self._database)
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                migrate(self._path, self._database)
            except BaseException:
                self._database.close()
                raise
        self._identity = identify(self._path)

    def read(self) -> list[Verdict]:
        """The last judgement of every finding that has one."""
        with self._lock, explain(self._path):
            return [Verdict(*row) for row in self._database.execute(_LATEST)]

    def read_changes(self, after: int) -> tuple[int, list[Verdict]]:
        """(mark, last judgements of the findings judged since an earlier mark); a mark of 0 gives
        all.
        """
        with self._lock, explain(self._path), transact(self._database, "DEFERRED"):
            mark = self._database.execute(f"SELECT coalesce(max(fid), 0) FROM {TABLE}").fetchone()[
                0
            ]
            return mark, [
                Verdict(*row) for row in self._database.execute(f"{_LATEST} AND fid > ?", (after,))
            ]

    def read_history(self, finding_id: str) -> list[Verdict]:
        """All judgements of a finding, the first first."""
        with self._lock, explain(self._path):
            rows = self._database.execute(
                f"{_SELECT} WHERE finding_id = ? ORDER BY revision", (finding_id,)
            )
            return [Verdict(*row) for row in rows]

    def find_undo(self, reviewer: str) -> Verdict | None:
        """What has to be added to take back that person's last judgement: what was said before it,
        or NONE.

        Its `revision` is the last of its finding. A judgement that is taken back already, that
        somebody has judged over, or whose finding is gone is passed over; None where nothing is
        left.
        """
        with self._lock, explain(self._path), transact(self._database, "DEFERRED"):
            mine = self._database.execute(
                f"SELECT finding_id, revision FROM {TABLE} WHERE reviewer = ? AND finding_id IN "
                "(SELECT finding_id FROM findings) ORDER BY fid DESC",
                (reviewer,),
            )
            for finding_id, revision in mine:
                rows = self._database.execute(
                    f"{_SELECT} WHERE finding_id = ? ORDER BY revision", (finding_id,)
                )
                said = [Verdict(*row) for row in rows]
                stack = _take_back(finding_id, said)
                if stack[-1].revision == revision:
                    return replace(stack[-2], revision=said[-1].revision)
        return None

    def add(
        self,
        finding_id: str,
        verdict: str,
        *,
        revision: int,
        note: str = "",
        geometry_wkt: str = "",
        reviewer: str = "",
    ) -> Verdict:
        """Append a judgement on top of `revision`, the last that its reviewer has seen (0: none
        yet).

        Returns it as it is kept, once it is on the disk. Raises StaleVerdictError where `revision`
        is not the last, InputError for a judgement that cannot be kept.
        """
        said = Verdict(finding_id, verdict, note, geometry_wkt, reviewer, _say_now(), revision + 1)
        _check(said)
        with self._lock, explain(self._path):
            if identify(self._path) != self._identity:
                raise InputError(
                    self._path.name, "was replaced while it was open", "start the review again"
                )
            with transact(self._database):
                self._check_known(finding_id)
                rows = self._database.execute(
                    f"{_SELECT} WHERE finding_id = ? ORDER BY revision DESC", (finding_id,)
                )
                last = Verdict(*(rows.fetchone() or (finding_id, NONE)))
                if last.revision != revision:
                    raise StaleVerdictError(last)
                _insert(self._database, [said])
        return said

    def close(self) -> None:
        """Leave one plain file behind, without a -wal beside it, unless somebody else has it
        open.
        """
        with self._lock:
            with contextlib.suppress(sqlite3.Error):
                self._database.execute("PRAGMA journal_mode = DELETE")
            self._database.close()

    def __enter__(self) -> VerdictStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_known(self, finding_id: str) -> None:
        if not self._database.execute(
            "SELECT 1 FROM findings WHERE finding_id = ?", (finding_id,)
        ).fetchone():
            raise InputError(
                f"finding {finding_id[:40]!r}", "is not in this audit", "start the review again"
            )


def read_verdicts(path: Path, *, history: bool = False) -> pd.DataFrame:
    """The last judgement of each finding, or all of them: a table of COLUMNS, by time; empty where
    nobody judged.

    `verdict` is accept, reject, unsure or none (taken back). Works while a review is going on.
    """
    import pandas as pd

    found = check_local_file(path)
    if found.suffix.lower() != ".gpkg":
        return pd.DataFrame(columns=list(COLUMNS))
    with (
        explain(found),
        borrow_file(found, logged=True) as readable,
        contextlib.closing(connect(readable, writable=False)) as database,
    ):
        refuse_traps(found, database)
        wanted = _SELECT if history else _LATEST
        rows = (
            database.execute(f"{wanted} ORDER BY time_utc, revision")
            if has_verdicts(database)
            else ()
        )
        return pd.DataFrame([tuple(row) for row in rows], columns=list(COLUMNS))


def _take_back(finding_id: str, said: list[Verdict]) -> list[Verdict]:
    """What is left of a history, above "nothing said", once each judgement that only restores the
    one before the last has taken the last away.
    """

    def content(verdict: Verdict) -> tuple[str, str, str]:
        return verdict.verdict, verdict.note, verdict.geometry_wkt

    stack = [Verdict(finding_id, NONE)]
    for verdict in said:
        if len(stack) > 1 and content(stack[-2]) == content(verdict):
            stack.pop()
        else:
            stack.append(verdict)
    return stack


def _insert(database: sqlite3.Connection, verdicts: list[Verdict]) -> None:
    database.executemany(
        f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        map(astuple, verdicts),
    )


def _check(said: Verdict) -> None:
    if said.verdict not in VERDICTS:
        raise InputError(
            repr(said.verdict[:40]), "is no verdict", f"choose one of {', '.join(VERDICTS)}"
        )
    for name, text, most in (
        ("note", said.note, MOST_NOTE),
        ("reviewer", said.reviewer, MOST_NAME),
    ):
        if len(text) > most:
            raise InputError(f"the {name}", f"is longer than {most} characters", "shorten it")
        if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
            raise InputError(f"the {name}", "holds characters that are no text", "remove them")
    if said.geometry_wkt:
        _check_line(said.geometry_wkt)


def _check_line(wkt: str) -> None:
    import shapely

    try:
        line = shapely.from_wkt(wkt) if len(wkt) <= MOST_WKT else None
    except shapely.errors.GEOSException:
        line = None
    sound = (
        line is not None and line.geom_type == "LineString" and line.is_valid and not line.is_empty
    )
    if line is None or not (
        sound and all(abs(value) < 1e9 for point in line.coords for value in point)
    ):
        raise InputError("the drawn line", "is no line of two or more points", "draw it again")


def _say_now() -> str:
    now = datetime.datetime.now(datetime.UTC)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
