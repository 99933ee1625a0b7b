"""Which tile lies on the table: tiles are made when they are asked for, and the last few are
kept.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from typing import Any

from mapsight.cnn.checkpoint import Model
from mapsight.errors import InputError
from mapsight.web.lab.audit_tile import AuditFolder, cut_scene
from mapsight.web.lab.tile import Tile, look_at
from mapsight.web.lab.town_tile import draw_scene

MOST_SEED = 9999
_KEPT = 2  # a tile with all its values is about 150 MB


class Desk:
    """Tiles by key: `town-SEED`, or `finding-RANK` where an audit is looked at."""

    def __init__(self, model: Model, audit: AuditFolder | None = None) -> None:
        self.model, self.audit = model, audit
        self._tiles: OrderedDict[str, Tile] = OrderedDict()
        self._lock = threading.Lock()

    def list_tiles(self) -> dict[str, Any]:
        """What the page may ask for."""
        if self.audit is None:
            return {"of": "town", "most_seed": MOST_SEED}
        rows = self.audit.findings
        findings = [
            {"key": f"finding-{rank}", "kind": str(kind), "score": float(score)}
            for rank, (kind, score) in enumerate(
                zip(rows["kind"], rows["score"], strict=True), start=1
            )
        ]
        return {
            "of": "audit",
            "name": self.audit.folder.name,
            "image": self.audit.image.name,
            "findings": findings,
        }

    def get_tile(self, key: str) -> Tile:
        """The tile of a key; one at a time is made, however many ask. InputError for a key that is
        none.
        """
        with self._lock:
            if key not in self._tiles:
                self._tiles[key] = self._make_tile(key)
                while len(self._tiles) > _KEPT:
                    self._tiles.popitem(last=False)
            self._tiles.move_to_end(key)
            return self._tiles[key]

    def _make_tile(self, key: str) -> Tile:
        first, last = (0, MOST_SEED) if self.audit is None else (1, len(self.audit.findings))
        kind = "town" if self.audit is None else "finding"
        number = re.fullmatch(rf"{kind}-(\d{{1,4}})", key, re.ASCII)
        if number is None or not first <= int(number[1]) <= last:
            raise InputError(f"tile '{key}'", "is none", f"ask for {kind}-{first} to {kind}-{last}")
        at = int(number[1])
        return look_at(
            draw_scene(at, self.model) if self.audit is None else cut_scene(self.audit, at),
            self.model,
        )
