"""Sound files → log-mel spectrograms, the picture of a voice."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import signal
from scipy.io import wavfile

from mapsight.cnn.nets.emotion import MELS
from mapsight.errors import InputError

_RATE_HZ = 16_000
_WINDOW, _HOP = 400, 160  # 25 ms every 10 ms
_LOW_HZ, _HIGH_HZ = 60.0, 7600.0
_LONGEST_S = 600


def read_log_mel(path: Path) -> np.ndarray:
    """A wav file → (40, frames of 10 ms) float32, natural logarithm of the energy in mel bands.

    Raises InputError for what is no wav file, is silent, shorter than a tenth of a second or longer
    than ten minutes.
    """
    return find_log_mel(read_wave(path))


def read_wave(path: Path) -> np.ndarray:
    """Samples at 16 kHz in [−1, 1], channels averaged."""
    if not path.is_file():
        raise InputError(path, "there is no such file", "check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, samples = wavfile.read(path)
    except (
        Exception
    ) as error:  # of broken files scipy's reader makes ValueError, struct.error, EOFError and more
        raise InputError(
            path, f"is no wav file that can be read ({error})", "save it as PCM wav"
        ) from None
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    if not 4000 <= rate <= 192_000 or not 0.1 <= len(samples) / rate <= _LONGEST_S:
        raise InputError(
            path,
            f"{len(samples)} samples at {rate} Hz",
            f"give 0.1 to {_LONGEST_S} s at 4 to 192 kHz",
        )
    samples = (
        samples / np.iinfo(samples.dtype).max
        if samples.dtype.kind in "iu"
        else samples.astype(float)
    )
    samples = samples - samples.mean()
    if not np.isfinite(samples).all() or np.abs(samples).max() < 1e-6:
        raise InputError(path, "is silent, or holds NaN", "give a recording of a voice")
    if rate != _RATE_HZ:
        divisor = int(np.gcd(rate, _RATE_HZ))
        samples = signal.resample_poly(samples, _RATE_HZ // divisor, rate // divisor)
    return np.asarray(samples)


def find_log_mel(samples: np.ndarray) -> np.ndarray:
    """Samples at 16 kHz → (40, frames) float32; frames start every 10 ms."""
    if len(samples) < _WINDOW:
        samples = np.pad(samples, (0, _WINDOW - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP] * np.hanning(
        _WINDOW
    )
    power = np.abs(np.fft.rfft(frames, 512)) ** 2  # (frames, 257)
    log_mel: np.ndarray = np.log(make_mel_bands() @ power.T + 1e-8)
    return log_mel.astype(np.float32)


@lru_cache(maxsize=1)
def make_mel_bands() -> np.ndarray:
    """(40, 257): triangles of equal width on the mel scale 2595 · log10(1 + f / 700), each of area
    1.
    """
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (_LOW_HZ, _HIGH_HZ))
    edges = np.linspace(low, high, MELS + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    at = np.arange(257) * _RATE_HZ / 512
    rising = (at - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - at) / (edges[2:] - edges[1:-1])[:, None]
    bands = np.clip(np.minimum(rising, falling), 0, None)
    normed: np.ndarray = bands / bands.sum(axis=1, keepdims=True).clip(1e-9)
    return normed
