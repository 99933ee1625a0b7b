"""What every painter needs at hand: the sheet, the picture so far, the light, the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapsight.town.paint.brush import Sheet, Stain, burn_ids, fill_convex, resolve
from mapsight.town.paint.look import Look
from mapsight.town.paint.noise import Noise

_ONE = np.ones((1, 1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Easel:
    """A picture being painted: `rgb` (H, W, 3) float32 changes in place."""

    sheet: Sheet
    rgb: np.ndarray
    look: Look
    noise: Noise

    def cover(self, rings: np.ndarray) -> Stain:
        """What convex rings (N, V, 2) cover, each pixel once."""
        return resolve(fill_convex(self.sheet.fine, rings, alike=True), _ONE)

    def cover_shapes(self, shapes: Sequence[Any] | np.ndarray) -> Stain:
        """The same for shapes of any kind."""
        return resolve(burn_ids(self.sheet.fine, shapes), _ONE)

    def stain(self, rings: np.ndarray, values: np.ndarray) -> Stain:
        """What convex rings (N, V, 2) cover, with `values` (N, C) of the topmost."""
        return resolve(fill_convex(self.sheet.fine, rings), values)

    def rough(self, stain: Stain, turn: int, **strength: float) -> np.ndarray:
        """Brightness (n, 1) about one: noise of the named bands, each by its strength."""
        total = np.ones(len(stain.index), dtype=np.float32)
        for band, share in strength.items():
            total += share * self.noise.at(stain.index, band, turn)
        return total[:, None]

    def patches(self, stain: Stain, turn: int, mean: float, spread: float) -> np.ndarray:
        """Opacity (n,) about `mean`, in patches."""
        return np.clip(mean + spread * self.noise.at(stain.index, "patchy", turn), 0.1, 1)

    def blend(self, stain: Stain, colour: np.ndarray, opacity: np.ndarray | float = 1.0) -> None:
        """Paint `colour` (3,) or (n, 3) where the stain is."""
        flat = self.rgb.reshape(-1, 3)
        alpha = (stain.cover * opacity)[:, None].astype(np.float32)
        flat[stain.index] += alpha * (np.minimum(colour, 250) - flat[stain.index])

    def shade(self, stain: Stain, factor: np.ndarray | float | tuple[float, ...]) -> None:
        """Multiply by `factor`, a number, (3,) or (n, C), where the stain is."""
        flat = self.rgb.reshape(-1, 3)
        flat[stain.index] *= 1 + stain.cover[:, None] * (np.asarray(factor, dtype=np.float32) - 1)
