"""Tables of verdicts as spreadsheets save them: whatever separates, encodes or names the cells."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import NamedTuple

GUESSED = "Windows-1252"  # where nothing says what a file's letters are
_SEPARATORS = (",", ";", "\t", "|")
_MOST_ABOVE = 20  # rows above the head of a table: titles, empty rows, Excel's `sep=;`
_MARKS = (  # byte order marks, the longer first: UTF-32's little-endian one begins with UTF-16's
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ARCHIVES = {b"PK\x03\x04": "a workbook", b"\xd0\xcf\x11\xe0": "an old Excel workbook"}
# heads that make a table one of verdicts, spelt without case and punctuation
_JUDGED_BY = (("taskname", "taskstatus"), ("findingid", "verdict"))


class Row(NamedTuple):
    """One row of a table: its number in the file, and cell by head, in small letters alone."""

    number: int
    cells: dict[str, str]


def decode_text(data: bytes) -> tuple[str, str]:
    """(text, encoding) of a file that a spreadsheet, a browser or MapRoulette wrote.

    By its byte order mark where it has one, else UTF-16 (full of zero bytes), UTF-8, or at last
    Windows-1252, in which Excel saves 'CSV' in Western Europe and America.

    Parameters
    ----------
    data : bytes
        The whole file.

    Raises
    ------
    ValueError
        For a workbook, and for bytes that are not what their mark says.
    """
    for magic, name in _ARCHIVES.items():
        if data.startswith(magic):
            raise ValueError(f"{name}: save the table as CSV")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding), encoding
    head = data[:512]  # of Latin letters every other byte is 0, of UTF-8 none
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[offset::2].count(0) > len(head) / 4:
            return data.decode(encoding), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        if data.lstrip()[:1] in (b"{", b"[", b"\x1e"):  # JSON is UTF-8 (RFC 8259, section 8.1)
            raise
        return data.decode("cp1252", errors="replace"), GUESSED  # five of its bytes mean nothing


def read_rows(text: str) -> Iterator[Row]:
    """The rows below the head of a table of verdicts, whatever separates its cells.

    Parameters
    ----------
    text : str
        A table with a head that names `finding_id` and `verdict`, or MapRoulette's `TaskName` and
        `TaskStatus`; case, blanks and underscores do not matter, and it need not be the first row.

    Returns
    -------
    Iterator of Row
        None where no row is such a head.
    """
    for separator in _SEPARATORS:
        rows = enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=separator), 1)
        for number, cells in rows:
            head = [_simplify(cell) for cell in cells]
            if any(set(needed) <= set(head) for needed in _JUDGED_BY):
                for at, row in rows:
                    yield Row(at, dict(zip(head, row, strict=False)))  # a row may be cut short
                return
            if number > _MOST_ABOVE:
                break


def find_id(name: str, ids: set[str]) -> str | None:
    """The finding that is meant by what a spreadsheet or MapRoulette has left of its id, or None.

    Ids of older audits may begin with a digit: `0123456789` comes back as 123456789, `1234567e89`
    as 1,234567E+95, rounded to what was shown. A number is taken for the only id that rounds to it.

    Parameters
    ----------
    name : str
        As it stands in the table; letters may have become large, `f` may stand in front.
    ids : set of str
        The findings of the audit.
    """
    told = name.strip().strip("'\"").strip()
    for tried in (told, told.lower(), told.lower().removeprefix("f")):
        if tried in ids:
            return tried
    number, digits = _read_number(told)
    if number is None:
        return None
    meant = [one for one in ids if _rounds_to(one, number, digits)]
    return meant[0] if len(meant) == 1 else None


def _simplify(head: str) -> str:
    return "".join(c for c in head.lower() if c.isalnum())


def _read_number(text: str) -> tuple[float | None, int]:
    """The number, and how many of its digits were shown."""
    plain = "".join(text.split()).replace(",", ".")
    if plain.count(".") > 1:  # between thousands
        plain = plain.replace(".", "")
    if not plain.isascii() or "_" in plain or not plain[:1].isdigit():
        return None, 0
    try:
        number = float(plain)
    except ValueError:
        return None, 0
    mantissa = plain.lower().partition("e")[0]
    shown = len(mantissa.replace(".", "").lstrip("0"))
    return (number, shown) if math.isfinite(number) else (None, 0)  # too large stays a text


def _rounds_to(one: str, number: float, digits: int) -> bool:
    value, _ = _read_number(one)
    return value is not None and float(f"{value:.{max(digits, 1)}g}") == number
