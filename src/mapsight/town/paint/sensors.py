"""Cameras and what is done to their pictures: ranges from which a look is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mapsight.town.paint.look import Look
from mapsight.town.world import World

Range = tuple[float, float]


@dataclass(frozen=True)
class Sensor:
    """Tone and sharpness. Ranges as (least, most); `cast` is the mean gain of red, green, blue;
    `level` and `spread` are the brightness and its deviation that pictures are developed to;
    `native_m` the ground that one pixel of the original picture saw.
    """

    level: Range = (85, 130)
    spread: Range = (30, 52)
    saturation: Range = (0.65, 1.1)
    colour_most: Range = (14, 38)
    haze: Range = (0.0, 20.0)
    haze_tint: tuple[float, float, float] = (0.92, 1.0, 1.1)
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    native_m: Range = (0.15, 1.0)
    sharpen: Range = (0.0, 0.9)
    noise: Range = (0.3, 2.5)
    jpeg: tuple[int, int] = (60, 96)


# fmt: off
SENSORS = {
    "aerial": Sensor(),
    "sharp": Sensor(native_m=(0.15, 0.5), spread=(40, 62), sharpen=(0.4, 1.4), jpeg=(70, 96)),
    "hazy": Sensor(level=(105, 150), spread=(18, 34), saturation=(0.5, 0.9), haze=(20, 60),
                   native_m=(0.4, 1.2),
                   jpeg=(45, 92)),
    "vivid": Sensor(spread=(40, 62), saturation=(1.1, 1.6), colour_most=(34, 56),
                    native_m=(0.3, 1.0), sharpen=(0.3, 1.4), jpeg=(45, 90)),
    "warm": Sensor(level=(80, 120), haze=(0, 30), cast=(1.12, 0.98, 0.86), native_m=(0.4, 1.2),
                   jpeg=(45, 92)),
    "cool": Sensor(level=(90, 150), spread=(34, 60), saturation=(0.35, 0.8), haze=(0, 30),
                   cast=(0.95, 1.0, 1.1),
                   native_m=(0.3, 1.0)),
    "stretched": Sensor(level=(105, 135), spread=(52, 72), saturation=(0.35, 0.9),
                        native_m=(0.8, 2.0),
                        sharpen=(0.6, 1.8), jpeg=(40, 90)),
    "dull": Sensor(level=(62, 96), spread=(26, 42), saturation=(0.5, 0.95), native_m=(0.15, 0.6),
                   sharpen=(0.2, 1.2)),
    "pale": Sensor(level=(130, 190), spread=(22, 44), saturation=(0.4, 0.8), haze=(5, 40),
                   native_m=(0.5, 2.5),
                   jpeg=(45, 92)),
}
# fmt: on


def look_abroad(look: Look, world: World, m_per_px: float, rng: np.random.Generator) -> Look:
    """The look with the light and the camera of a world, for pictures of `m_per_px`."""
    sensor = SENSORS[str(rng.choice(world.sensors))]
    warmth, green = rng.normal(0, 0.03), rng.normal(0, 0.012)
    gain = np.array(sensor.cast) * (1 + warmth, 1 + green, 1 - 1.2 * warmth)
    least, most = np.log(sensor.native_m)
    soft_px = float(np.exp(rng.uniform(least, most))) / m_per_px
    deep, lean = rng.uniform(0.3, 0.58), rng.uniform(0, world.lean) * rng.random()
    aside = rng.uniform(0, 2 * np.pi)
    return replace(
        look,
        sun_azimuth=look.sun_azimuth + float(rng.choice([0.0, np.pi])) * (world.lean > 0.15),
        sun_height=np.radians(rng.uniform(*world.sun_height)),
        shadow=(deep * 0.94, deep * 0.99, deep * 1.12),
        gain=tuple(gain.tolist()),
        exposure=1.0,
        contrast=1.0,
        level=rng.uniform(*sensor.level),
        spread=rng.uniform(*sensor.spread),
        colour_most=rng.uniform(*sensor.colour_most),
        rough=rng.uniform(0.15, 0.8),
        saturation=rng.uniform(*sensor.saturation),
        haze=rng.uniform(*sensor.haze),
        haze_tint=sensor.haze_tint,
        blur_px=float(np.clip(0.45 * soft_px, 0.3, 2.2)) * rng.uniform(0.8, 1.1),
        grain_px=float(np.clip(0.4 * (soft_px - 1), 0, 1.2)),
        sharpen=rng.uniform(*sensor.sharpen),
        noise=rng.uniform(*sensor.noise),
        jpeg_quality=int(rng.integers(*sensor.jpeg)),
        lean=(lean * np.cos(aside), lean * np.sin(aside)),
        relief=world.relief * rng.uniform(0.4, 1),
        asphalt=rng.uniform(80, 142),
        worn=rng.uniform(1.04, 1.3),
        dust=world.dust * rng.random(),
    )
