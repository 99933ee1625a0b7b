"""Places of nodes by their identity, negative ones too; on disk where a file is large."""

from __future__ import annotations

import tempfile
from array import array
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 18
_PLACE = np.dtype([("id", "<i8"), ("lon", "<i4"), ("lat", "<i4")])  # 16 bytes, as OSM rounds them
_UNITS = 1e7  # OpenStreetMap keeps seven decimals of a degree


class NodePlaces:
    """A table of places that is filled first and asked afterwards.

    Parameters
    ----------
    on_disk
        Whether the table stands in a file without a name in the folder of temporary files (TMPDIR),
        or in memory.
    """

    def __init__(self, *, on_disk: bool) -> None:
        self._file: IO[bytes] | None = (
            tempfile.TemporaryFile() if on_disk else None  # noqa: SIM115 — closed by __exit__
        )
        self._blocks: list[NDArray[np.void]] = []
        self._ids, self._lons, self._lats = array("q"), array("i"), array("i")
        self._table = np.empty(0, _PLACE)

    def __enter__(self) -> NodePlaces:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._table = np.empty(0, _PLACE)
        if self._file is not None:
            self._file.close()

    def add(self, node: int, lon: float, lat: float) -> None:
        """A place in degrees, |lon| ≤ 180 and |lat| ≤ 90; of two for one node the later counts."""
        self._ids.append(node)
        self._lons.append(round(lon * _UNITS))
        self._lats.append(round(lat * _UNITS))
        if len(self._ids) >= _BLOCK:
            self._flush()

    def close(self) -> bool:
        """Sort what was added; `find` may be asked from here on. Whether a node has two places."""
        self._flush()
        if self._file is not None:
            self._file.flush()
            size = self._file.seek(0, 2) // _PLACE.itemsize
            if size:
                self._table = np.memmap(self._file, _PLACE, "r+", shape=(size,))
        elif self._blocks:
            self._table, self._blocks = np.concatenate(self._blocks), []
        ids = self._table["id"]
        if len(ids) > 1 and not bool((ids[1:] > ids[:-1]).all()):
            self._table = self._table[np.argsort(ids, kind="stable")]
            twice = self._table["id"][1:] == self._table["id"][:-1]
            return bool((self._table[1:][twice] != self._table[:-1][twice]).any())
        return False

    def find(self, nodes: list[int]) -> list[tuple[float, float] | None]:
        """Longitude and latitude of each node, None for those that are not in the table."""
        if not len(self._table):
            return [None] * len(nodes)
        asked = np.array(nodes, dtype=np.int64)
        at = np.searchsorted(self._table["id"], asked, side="right") - 1
        rows = self._table[np.maximum(at, 0)]
        known = (at >= 0) & (rows["id"] == asked)
        return [
            (int(lon) / _UNITS, int(lat) / _UNITS) if there else None
            for lon, lat, there in zip(rows["lon"], rows["lat"], known, strict=True)
        ]

    def _flush(self) -> None:
        block = np.empty(len(self._ids), _PLACE)
        block["id"], block["lon"], block["lat"] = self._ids, self._lons, self._lats
        if self._file is not None:
            self._file.write(block.tobytes())
        elif len(block):
            self._blocks.append(block)
        del self._ids[:], self._lons[:], self._lats[:]
