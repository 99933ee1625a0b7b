"""What was fetched, kept on disk: so that a killed job goes on, and nobody's server is asked
twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from mapsight.atomic import name_hidden, sweep
from mapsight.cache import find_cache_dir

_MAGIC = b"mapsight-reply-1\n"
_HEAD_LIMIT = 4096


@dataclass(frozen=True)
class Reply:
    """A body as a service sent it: its type, when (seconds since 1970), whether it came from the
    store, and which part of a file it is (as Content-Range says it).
    """

    content: bytes
    content_type: str
    fetched_at: float
    stored: bool = False
    content_range: str = ""


@dataclass(frozen=True)
class Store:
    """A folder of replies. Files carry the digest of their body: what was cut off by a crash counts
    as absent.
    """

    folder: Path
    max_age_s: float = 30 * 86400.0
    max_bytes: int = 5 * 2**30

    def read(self, key: str) -> Reply | None:
        """The reply of that key, or None where there is none, or it is damaged or too old."""
        path = self._place(key)
        try:
            if path.stat().st_size > self.max_bytes:
                return None
            raw = path.read_bytes()
        except OSError:
            return None
        reply = _parse(raw)
        if reply is None or not 0 <= time.time() - reply.fetched_at + 60 <= self.max_age_s + 60:
            return None
        return reply

    def write(self, key: str, reply: Reply) -> None:
        """Keep a reply; several processes may write the same one."""
        path = self._place(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        temporary = name_hidden(path)
        try:
            temporary.write_bytes(_format(reply))
            os.replace(
                temporary, path
            )  # not synced: a body that a power cut spoils no longer fits its digest
        finally:
            temporary.unlink(missing_ok=True)

    def prune(self) -> int:
        """Remove leftovers and the oldest files until all are within the limit; how many went."""
        files = sorted(self._list_files(), key=lambda entry: entry[1], reverse=True)  # newest first
        removed, size = 0, 0
        for path, modified, length in files:
            size += length
            leftover = path.name.startswith(".") and modified < time.time() - 3600
            if size > self.max_bytes or leftover or modified < time.time() - self.max_age_s:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _list_files(self) -> Iterator[tuple[Path, float, int]]:
        for path in self.folder.glob("??/*"):
            try:
                status = path.stat()
            except OSError:
                continue
            yield path, status.st_mtime, status.st_size

    def _place(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / name[:2] / name


def find_store_dir() -> Path:
    """Where replies are kept unless told otherwise: the user's cache folder."""
    return find_cache_dir() / "gather"


def _format(reply: Reply) -> bytes:
    head = asdict(reply) | {"sha256": hashlib.sha256(reply.content).hexdigest()}
    del head["content"], head["stored"], head["content_range"]
    return _MAGIC + json.dumps(head).encode() + b"\n" + reply.content


def _parse(raw: bytes) -> Reply | None:
    if not raw.startswith(_MAGIC):
        return None
    head, newline, body = raw[len(_MAGIC) :].partition(b"\n")
    if not newline or len(head) > _HEAD_LIMIT:
        return None
    try:
        fields = cast("dict[str, object]", json.loads(head))
        if fields["sha256"] != hashlib.sha256(body).hexdigest():
            return None
        return Reply(
            body, str(fields["content_type"]), float(str(fields["fetched_at"])), stored=True
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
