"""A file on the web, read in parts through our own client: GDAL is handed bytes, no addresses."""

from __future__ import annotations

import io
import re
import threading
from collections import OrderedDict

from mapsight.errors import MapsightError
from mapsight.geo.sources.address import Address
from mapsight.geo.sources.http import FetchError, Http

_BLOCK_BYTES = 2**15
_KEPT_BLOCKS = 1024
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class RangedFile:
    """The bytes of a file on the web; blocks that were read are kept.

    Raises FetchError at once where it cannot be had, or not in parts.
    """

    def __init__(self, address: Address, http: Http) -> None:
        self._address, self._http = address, http
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self.fault: MapsightError | None = None
        self.size = 0
        self.size = self._fetch(0, 1)

    def open(self, *_: object, **__: object) -> RangedStream:
        """A stream of its own for whoever reads."""
        return RangedStream(self)

    def read(self, start: int, count: int) -> bytes:
        """Bytes from `start`, fewer at the end; one request for those that are not kept."""
        stop = min(start + count, self.size)
        if stop <= start:
            return b""
        first, last = start // _BLOCK_BYTES, (stop - 1) // _BLOCK_BYTES
        with self._lock:
            missing = [block for block in range(first, last + 1) if block not in self._kept]
            if missing:
                self._fetch(missing[0], missing[-1] + 1)
            parts = b"".join(self._kept[block] for block in range(first, last + 1))
            while len(self._kept) > _KEPT_BLOCKS:
                self._kept.popitem(last=False)
        return parts[start - first * _BLOCK_BYTES : stop - first * _BLOCK_BYTES]

    def _fetch(self, first: int, end: int) -> int:
        """Keep blocks [first, end); the size of the file."""
        start, stop = first * _BLOCK_BYTES, end * _BLOCK_BYTES
        if self.size:
            stop = min(stop, self.size)
        reply = self._http.get(
            self._address, headers={"range": f"bytes={start}-{stop - 1}"}, keep=False
        )
        found = _RANGE.fullmatch(reply.content_range)
        whole = not reply.content_range and start == 0
        size = len(reply.content) if whole else int(found[3]) if found else 0
        wanted = min(stop, size) - start
        if not whole and (found is None or int(found[1]) != start or len(reply.content) < wanted):
            raise FetchError(
                self._address,
                "does not send the part asked for",
                "use another file",
                kind="damaged",
            )
        if self.size and size != self.size:
            raise FetchError(self._address, "changes while it is read", "try again", kind="damaged")
        for offset in range(0, len(reply.content), _BLOCK_BYTES):
            block = reply.content[offset : offset + _BLOCK_BYTES]
            self._kept[(start + offset) // _BLOCK_BYTES] = block
        return size


class RangedStream(io.RawIOBase):
    """A place in a RangedFile. GDAL's callbacks cannot raise: a fault is kept, and nothing read."""

    def __init__(self, file: RangedFile) -> None:
        super().__init__()
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        count = self._file.size - self._at if size is None or size < 0 else size
        try:
            part = self._file.read(self._at, count)
        except MapsightError as error:
            self._file.fault = error
            return b""
        self._at += len(part)
        return part
