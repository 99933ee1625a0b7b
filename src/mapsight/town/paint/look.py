"""The look that a seed gives to a whole photograph: climate, light, camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapsight.town.paint.biomes import MATERIALS, RGB, Biome
from mapsight.town.paint.biomes_abroad import ALL_BIOMES

# share of the photographs, mean brightness of asphalt
_CLIMATES = {"green": (0.38, 122), "winter": (0.32, 136), "dry": (0.17, 134), "desert": (0.13, 138)}


@dataclass(frozen=True)
class Look:
    """What is the same all over one photograph: climate, sun, age of the roads, camera."""

    biome: str
    tint: (
        np.ndarray
    )  # (materials, 1, 3): what this place's soil and plants make of the biome's colours
    sun_azimuth: float  # radians, counter-clockwise from east, towards the sun
    sun_height: float  # radians
    asphalt: float  # mean brightness of the roads
    asphalt_tint: RGB
    shadow: RGB  # what is left of the light in the shade
    gain: RGB
    exposure: float
    contrast: float
    saturation: float
    haze: float
    blur_px: float
    sharpen: float
    noise: float
    jpeg_quality: int
    haze_tint: RGB = (1.0, 1.0, 1.0)
    grain_px: float = 0.0  # how far the sensor's noise reaches
    lean: tuple[float, float] = (0.0, 0.0)  # metres that a roof is seen aside for a metre of height
    relief: float = 0.0  # how much slopes are lit or shaded
    dust: float = 0.0  # how much earth lies on paved roads
    worn: float = 1.08  # how much brighter than the soil around is a road of earth
    rough: float = 1.0  # how lively the bare ground is
    level: float | None = None  # mean and deviation of brightness that the picture is developed to;
    spread: float = 0.0  # None: as it was exposed
    colour_most: float = 40.0  # mean difference between the strongest and the weakest band

    @property
    def colours(self) -> Biome:
        return ALL_BIOMES[self.biome]

    @property
    def ground(self) -> np.ndarray:
        """Two colours for each of MATERIALS, (materials, 2, 3) float32."""
        ground: np.ndarray = (np.array(self.colours.ground) * self.tint).astype(np.float32)
        return ground

    def material(self, name: str) -> np.ndarray:
        """Mean colour (3,) float32 of one of MATERIALS."""
        colour: np.ndarray = self.ground[MATERIALS.index(name)].mean(0)
        return colour

    def surface(self, name: str) -> np.ndarray:
        """Mean colour (3,) of a road of this surface."""
        soil, grey = self.material("soil"), self.asphalt * np.array(self.asphalt_tint)
        colours: dict[str, np.ndarray] = {
            "asphalt": grey,
            "concrete": np.array((1.04, 1.0, 0.94)) * min(self.asphalt * 1.35, 205),
            "earth": soil * self.worn,
            "gravel": 0.5 * soil + 0.5 * self.material("paved") + 14,
            "sand": (soil + self.material("scrub")) * 0.5 * self.worn,
            "snow": np.array((0.985, 1.0, 1.03)) * 194,
        }
        return colours[name]

    def cast(self, height_m: np.ndarray | float) -> np.ndarray:
        """Displacement (…, 2) in metres of the shadow of something `height_m` high."""
        reach = np.asarray(height_m) / np.tan(self.sun_height)
        return np.stack(
            [-np.cos(self.sun_azimuth) * reach, -np.sin(self.sun_azimuth) * reach], axis=-1
        )


def choose_look(rng: np.random.Generator, biome: str | None) -> Look:
    """A look for one photograph; without `biome` one is drawn."""
    chosen = biome or str(rng.choice(list(_CLIMATES), p=[share for share, _ in _CLIMATES.values()]))
    south = -np.pi / 2 + rng.uniform(-1.0, 1.0)  # seen from the northern half of the globe
    deep = rng.uniform(0.34, 0.54)
    return Look(
        biome=chosen,
        tint=_draw_tint(rng),
        sun_azimuth=south,
        sun_height=np.radians(rng.uniform(36, 62)),
        asphalt=_CLIMATES.get(chosen, (0.0, 124))[1] + rng.normal(0, 11),
        asphalt_tint=(1 + rng.normal(0, 0.02), 1.0, 1 + rng.normal(0, 0.025)),
        shadow=(deep * 0.94, deep * 0.99, deep * 1.12),
        gain=_draw_gain(rng),
        exposure=rng.uniform(0.74, 1.06),
        contrast=rng.uniform(0.8, 1.32),
        saturation=rng.uniform(0.7, 1.15),
        haze=28 * rng.random() ** 2,
        blur_px=rng.uniform(0.3, 0.8),
        sharpen=rng.uniform(0.0, 1.3),
        noise=rng.uniform(1.5, 4.5),
        jpeg_quality=int(rng.integers(78, 96)),
    )


def _draw_tint(rng: np.random.Generator) -> np.ndarray:
    """The soil is redder or greyer all over a place; each material differs a little of its own,
    pavement hardly.
    """
    natural = np.array([name not in ("paved", "yard") for name in MATERIALS])
    warmth = rng.normal(0, 0.035) + rng.normal(0, 0.012, len(MATERIALS))
    bright = rng.normal(1, 0.05) * rng.normal(1, 0.035, len(MATERIALS))
    warmth, bright = (
        np.where(natural, warmth, 0.3 * warmth),
        np.where(natural, bright, 0.5 + 0.5 * bright),
    )
    return (
        np.stack([1 + warmth, np.ones_like(warmth), 1 - 1.3 * warmth], axis=1) * bright[:, None]
    )[:, None]


def _draw_gain(rng: np.random.Generator) -> RGB:
    """A cast from warm to cool, and a little from green to magenta."""
    warmth, green = rng.normal(0, 0.035), rng.normal(0, 0.012)
    return 1 + warmth, 1 + green, 1 - 1.2 * warmth
