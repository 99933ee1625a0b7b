"""Bent lines across a frame, and chance that is the same every time."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

STEP_M = 12.0  # between the points of a bent line

Dice = Callable[[str], np.random.Generator]  # name of a stage → its generator


def make_stream(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each stage: one stage's draws never move another's."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@dataclass(frozen=True, eq=False)
class Warp:
    """A smooth displacement of the plane: a few sine waves, `waves` (K, 5) = wave vector, phase,
    displacement.
    """

    waves: np.ndarray

    def __call__(self, xy: np.ndarray) -> np.ndarray:
        phase = xy @ self.waves[:, :2].T + self.waves[:, 2]
        moved: np.ndarray = xy + np.sin(phase) @ self.waves[:, 3:]
        return moved

    def stretched(self, factor: float) -> Warp:
        """The same with waves `factor` times as long."""
        return Warp(self.waves / [factor, factor, 1, 1, 1])


def make_warp(rng: np.random.Generator, *, amplitude_m: float, wavelength_m: float) -> Warp:
    """A warp of about `amplitude_m` in each direction."""
    count = 5
    length = wavelength_m * rng.uniform(0.7, 1.8, count)
    turn, push = rng.uniform(0, 2 * np.pi, (2, count))
    size = amplitude_m * length / length.sum() * 2
    phase = rng.uniform(0, 2 * np.pi, count)
    wave = np.stack([np.cos(turn), np.sin(turn)]) * 2 * np.pi / length
    return Warp(np.stack([*wave, phase, np.cos(push) * size, np.sin(push) * size], axis=1))


def cross_line(frame: Polygon, warp: Warp, heading: float, through: np.ndarray) -> BaseGeometry:
    """A bent line right across `frame`, by the point `through` (2,), about in direction `heading`
    in radians.
    """
    reach = diagonal_of(frame)
    t = np.arange(-reach, reach + STEP_M, STEP_M)[:, None]
    straight = through + t * [np.cos(heading), np.sin(heading)]
    shift = warp(through[None]) - through  # taken out, so that the line does pass there
    return longest_of(LineString(warp(straight) - shift).intersection(frame))


def pick_middle(frame: Polygon, rng: np.random.Generator, spread: float) -> np.ndarray:
    """A point (2,) about the middle, at most `spread` of the frame's size away."""
    left, bottom, right, top = frame.bounds
    return np.array([left, bottom]) + np.array([right - left, top - bottom]) * rng.uniform(
        0.5 - spread, 0.5 + spread, 2
    )


def diagonal_of(frame: Polygon) -> float:
    """Length in metres from corner to corner."""
    left, bottom, right, top = frame.bounds
    return float(np.hypot(right - left, top - bottom))


def longest_of(geometry: BaseGeometry) -> BaseGeometry:
    """The longest of the lines that `geometry` consists of."""
    parts = shapely.get_parts(geometry)
    return parts[np.argmax(shapely.length(parts))] if len(parts) else geometry


def largest_of(geometry: BaseGeometry) -> BaseGeometry:
    """The largest of the polygons that `geometry` consists of."""
    parts = shapely.get_parts(geometry)
    return parts[np.argmax(shapely.area(parts))] if len(parts) else geometry
