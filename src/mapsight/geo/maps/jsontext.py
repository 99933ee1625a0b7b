"""JSON text as a stream of records and their members: one value at a time is held.

A file may hold one record or many: one a line, one after the other, or parted by the sign of
RFC 8142. All are read; whatever follows that is no record is refused, never left away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mapsight.errors import InputError

#: Members whose list is told element by element, under their name and '[]'.
STREAMED = ("features", "elements")
END = "end of a record"

_CHUNK = 1 << 18
_VALUE_BUDGET = 1 << 26  # characters of one feature; more is no map
_LOOK_AHEAD = 32  # a number at the edge of the window may go on: `0` of `0.5`
_BLANK = " \t\r\n"
_BETWEEN = _BLANK + "\x1e\ufeff"  # RFC 8142's separator; a mark that a copied file brings along
_DECODER = json.JSONDecoder()


def iterate_members(path: Path) -> Iterator[tuple[str, Any]]:
    """Members of all records of a file of JSON text, in order.

    Parameters
    ----------
    path
        UTF-8, with or without a byte order mark.

    Yields
    ------
    (key, value); lists of `STREAMED` one element at a time under 'features[]' and the like; `END`
    with an empty value after each record. The elements of an outermost list are records.

    Raises
    ------
    InputError
        For text that is not sound JSON to its very end.
    """
    with path.open(encoding="utf-8-sig") as stream:
        try:
            yield from _Scanner(stream, path.name).iterate()
        except UnicodeDecodeError:
            raise InputError(
                path.name, "is not UTF-8 text, so not GeoJSON", "export it again"
            ) from None


class _Scanner:
    """A window on JSON text that grows to hold one value, and moves on."""

    def __init__(self, stream: IO[str], name: str) -> None:
        self._stream, self._name, self._text, self._at, self._ended = stream, name, "", 0, False

    def iterate(self) -> Iterator[tuple[str, Any]]:
        """All records; at least one."""
        first = True
        while self._peek(_BETWEEN) or first:
            first = False
            if self._skip("["):
                while not self._skip("]"):
                    yield from self._iterate_record()
                    self._part("]")
            else:
                yield from self._iterate_record()

    def _iterate_record(self) -> Iterator[tuple[str, Any]]:
        self._expect("{")
        while not self._skip("}"):
            key = self._value()
            if not isinstance(key, str):
                raise self._malformed("a key that is no text")
            self._expect(":")
            if key in STREAMED and self._skip("["):
                while not self._skip("]"):
                    yield f"{key}[]", self._value()
                    self._part("]")
                yield key, []
            else:
                yield key, self._value()
            self._part("}")
        yield END, None

    def _part(self, closing: str) -> None:
        """A comma, or the sign that closes."""
        if not self._skip(",") and self._peek() != closing:
            raise self._malformed(f"expected ',' or '{closing}'")

    def _peek(self, blank: str = _BLANK) -> str:
        """The next character that is no blank, or '' at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in blank:
                self._at += 1
            if self._at < len(self._text) or not self._grow():
                return self._text[self._at : self._at + 1]

    def _skip(self, sign: str) -> bool:
        found = self._peek() == sign
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._skip(sign):
            raise self._malformed(f"expected '{sign}'")

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or len(self._text) - self._at > _VALUE_BUDGET:
                    raise self._malformed(error.msg) from None
                self._grow()
                continue
            except RecursionError:
                raise self._malformed("nested too deep") from None
            except ValueError as error:  # numbers of thousands of digits
                raise self._malformed(str(error)) from None
            if self._ended or end + _LOOK_AHEAD <= len(self._text):
                self._at = end
                return value
            self._grow()

    def _grow(self) -> bool:
        """Forget what is read and at least double the rest; False at the end of the file."""
        self._text, self._at = self._text[self._at :], 0
        more = self._stream.read(max(_CHUNK, len(self._text)))
        self._text += more
        self._ended = not more
        return bool(more)

    def _malformed(self, why: str) -> InputError:
        return InputError(self._name, f"is not sound GeoJSON ({why[:80]})", "export it again")
