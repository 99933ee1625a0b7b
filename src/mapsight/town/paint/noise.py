"""Random fields of several wavelengths, made once per scene and reused by turning and rolling
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

# shortest and longest wavelength in metres, and the slope of the amplitude over the frequency
_BANDS = {
    "broad": (25.0, 400.0, 1.6),
    "patchy": (5.0, 60.0, 1.3),
    "fine": (1.2, 8.0, 0.8),
    "grain": (0.0, 2.0, 0.0),
}


@dataclass(frozen=True, eq=False)
class Noise:
    """Periodic fields (H, W) float32 with zero mean and unit deviation, by band name."""

    fields: dict[str, np.ndarray]

    def get(self, band: str, turn: int = 0) -> np.ndarray:
        """The field of `band`; each `turn` gives another, as good as independent one."""
        rows, cols = self._shifts(turn)
        field = self.fields[band]
        flipped = field[:: -1 if turn & 1 else 1, :: -1 if turn & 2 else 1]
        return np.roll(flipped, (rows, cols), axis=(0, 1)) if turn else field

    def at(self, index: np.ndarray, band: str, turn: int) -> np.ndarray:
        """`get(band, turn)` at flat pixel indices (n,), without turning the whole field."""
        field = self.fields[band]
        height, width = field.shape
        rows, cols = np.divmod(index, width)
        shift = self._shifts(turn)
        rows, cols = (rows - shift[0]) % height, (cols - shift[1]) % width
        values: np.ndarray = field[
            height - 1 - rows if turn & 1 else rows, width - 1 - cols if turn & 2 else cols
        ]
        return values

    def _shifts(self, turn: int) -> tuple[int, int]:
        height, width = self.fields["grain"].shape
        return int(turn * 0.381966 % 1 * height), int(turn * 0.618034 % 1 * width)


def make_noise(shape: tuple[int, int], m_per_px: float, rng: np.random.Generator) -> Noise:
    """Fields of `shape` whose wavelengths are given in metres; those below two pixels are left
    out.
    """
    padded = tuple(fft.next_fast_len(n, real=True) for n in shape)
    rows, cols = fft.fftfreq(padded[0], m_per_px)[:, None], fft.rfftfreq(padded[1], m_per_px)[None]
    frequency = np.maximum(np.hypot(rows, cols), 0.5 / (max(padded) * m_per_px)).astype(np.float32)
    fields = {name: _shape_noise(padded, frequency, band, rng) for name, band in _BANDS.items()}
    return Noise(
        {
            name: np.ascontiguousarray(field[: shape[0], : shape[1]])
            for name, field in fields.items()
        }
    )


def _shape_noise(
    shape: tuple[int, ...],
    frequency: np.ndarray,
    band: tuple[float, float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    shortest, longest, slope = band
    white = rng.standard_normal(shape, dtype=np.float32)
    if slope == 0:
        return white
    gain = np.exp(-((frequency * shortest) ** 2)) / (frequency + 1 / longest) ** slope
    field: np.ndarray = fft.irfft2(fft.rfft2(white) * gain, s=shape).astype(np.float32)
    field -= field.mean()
    return field / max(float(field.std()), 1e-6)
