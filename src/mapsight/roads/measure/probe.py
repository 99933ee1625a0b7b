"""The lecture's stability probe: what a net makes of things that are not roads, and of a worse
photograph.

Pasted: greyish blobs, one street-like rectangle, a railway (the natural trap). Worsened: blur,
brightness, JPEG, noise, rotation. Everything is compared with the net's own answer to the untouched
image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from scipy import ndimage

from mapsight.cnn.augment import compress
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.cnn.metrics import count_pixels, measure_at
from mapsight.cnn.runtimes import open_runner
from mapsight.roads.measure.panels import paint_overlay
from mapsight.roads.prediction.predict import predict_array

Polyline = tuple[tuple[float, float], ...]  # x before y, in pixels


class Probed(NamedTuple):
    """A changed image (3, H, W) uint8, what was pasted (H, W) bool, and how a prediction is turned
    back.
    """

    image: np.ndarray
    pasted: np.ndarray
    undo: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ProbeResult:
    """What one change did. Shares are of pixels; f1 is pooled over the image, outside what was
    pasted.

    taken_for_road: share of the pasted pixels (NaN where nothing was). changed: share of the other
    pixels whose yes/no differs from the untouched answer; iou: of the two masks.
    """

    name: str
    f1: float
    f1_change: float
    changed: float
    iou: float
    taken_for_road: float


@dataclass(frozen=True, eq=False)
class ProbeReport:
    """All results, the first being the untouched image, and their pictures (H, W, 3) uint8 by
    name.
    """

    results: tuple[ProbeResult, ...]
    pictures: dict[str, tuple[np.ndarray, np.ndarray]]
    threshold: float

    def to_json(self) -> dict[str, Any]:
        """Plain types; NaN becomes null."""
        rows = [{k: None if v != v else v for k, v in asdict(r).items()} for r in self.results]
        return {"threshold": self.threshold, "probes": rows}


def probe_model(
    model: Model,
    image: np.ndarray,
    truth: np.ndarray,
    valid: np.ndarray,
    *,
    compute: Compute,
    seed: int = 0,
) -> ProbeReport:
    """Runs every probe on an image (3, H, W) uint8 with truth and valid (H, W) bool; metres by the
    model's card.
    """
    run, threshold = open_runner(model, compute), model.card.threshold
    rng = np.random.default_rng(seed)
    untouched = predict_array(image, run) >= threshold
    results, pictures = [], {}
    for name, change in make_probes(model.card.m_per_px).items():
        probed = change(image, truth, rng)
        mask = probed.undo(predict_array(probed.image, run)) >= threshold
        kept = valid & ~probed.pasted
        figures = _compare(mask, untouched, truth, kept, probed.pasted)
        results.append(ProbeResult(name, *figures))
        photo = probed.undo(probed.image).transpose(1, 2, 0)
        pictures[name] = photo, paint_overlay(photo, truth & ~probed.pasted, mask, valid)
    base = results[0].f1
    return ProbeReport(
        tuple(
            ProbeResult(r.name, r.f1, r.f1 - base, *list(asdict(r).values())[3:]) for r in results
        ),
        pictures,
        threshold,
    )


def draw_probes(report: ProbeReport) -> Figure:
    """Each probe as it was shown to the net (above) and what the net made of it (below), with its
    figures.
    """
    bands = -(-len(report.pictures) // _COLUMNS)
    figure = Figure(
        figsize=(3.4 * _COLUMNS, 7.6 * bands), dpi=90, layout="constrained", facecolor="white"
    )
    axes = figure.subplots(2 * bands, _COLUMNS, squeeze=False)
    for blank in axes.flat:
        blank.set_axis_off()
    for at, (result, (photo, painted)) in enumerate(
        zip(report.results, report.pictures.values(), strict=True)
    ):
        band, column = divmod(at, _COLUMNS)
        said = f"F1 {result.f1:.3f} ({result.f1_change:+.3f}), changed {result.changed:.1%}"
        if result.taken_for_road == result.taken_for_road:
            said += f"\npasted taken for road: {result.taken_for_road:.0%}"
        for row, (picture, text) in enumerate([(photo, result.name), (painted, said)]):
            axes[2 * band + row, column].imshow(picture)
            axes[2 * band + row, column].set_title(text, fontsize=9 if row else 12)
    figure.suptitle("Stability probe: yellow found, red taken for road, blue missed", fontsize=15)
    return figure


def _compare(
    mask: np.ndarray,
    untouched: np.ndarray,
    truth: np.ndarray,
    kept: np.ndarray,
    pasted: np.ndarray,
) -> tuple[float, float, float, float, float]:
    """The figures of a ProbeResult; (H, W) bool each, `kept`: what counts, beside what is
    pasted.
    """
    f1 = measure_at(count_pixels(mask.astype(np.float32), truth, kept), 0.5).f1
    both, either = (mask & untouched & kept).sum(), ((mask | untouched) & kept).sum()
    taken = float(mask[pasted].mean()) if pasted.any() else float("nan")
    changed = float((mask != untouched)[kept].mean()) if kept.any() else 0.0
    return f1, 0.0, changed, float(both / either) if either else 1.0, taken


_COLUMNS = 5
Change = Callable[[np.ndarray, np.ndarray, np.random.Generator], Probed]


def make_probes(m_per_px: float) -> dict[str, Change]:
    """The table of probes, each image (3, H, W), truth (H, W) bool, generator → Probed; pasted
    things are in metres.
    """
    return {
        "untouched": _alter(lambda image, rng: image),
        "grey blobs": _paste(lambda size, free, rng: _blobs(size, m_per_px, rng)),
        "street-like rectangle": _paste(lambda size, free, rng: _rectangle(size, free, m_per_px)),
        "railway": _paste(lambda size, free, rng: _railway(size, free, m_per_px)),
        "blur σ 1.5 px": _alter(lambda image, rng: ndimage.gaussian_filter(image, (0, 1.5, 1.5))),
        "brighter by 40": _alter(
            lambda image, rng: np.clip(image.astype(int) + 40, 0, 255).astype(np.uint8)
        ),
        "darker by 40": _alter(
            lambda image, rng: np.clip(image.astype(int) - 40, 0, 255).astype(np.uint8)
        ),
        "JPEG quality 20": _alter(lambda image, rng: compress(image, 20)),
        "noise σ 15": _alter(lambda image, rng: _add_noise(image, rng, 15)),
        "turned by 90°": _turn,
    }


def _alter(change: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Change:
    def apply(image: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> Probed:
        return Probed(change(image, rng), np.zeros(truth.shape, bool), lambda p: p)

    return apply


def _paste(
    draw: Callable[
        [tuple[int, int], np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]
    ],
) -> Change:
    """`draw(shape, distance to roads, rng)` gives paint (H, W, 3) and coverage (H, W) in 0 … 1."""

    def apply(image: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> Probed:
        free = ndimage.distance_transform_edt(~truth)
        paint, cover = draw(truth.shape, free, rng)
        paint = paint + rng.normal(0, 4, truth.shape)[..., None]
        mixed = image.transpose(1, 2, 0) * (1 - cover[..., None]) + paint * cover[..., None]
        return Probed(
            np.clip(mixed, 0, 255).astype(np.uint8).transpose(2, 0, 1),
            (cover > 0.5) & ~truth,
            lambda p: p,
        )

    return apply


def _blobs(
    shape: tuple[int, int], m_per_px: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    cover, grey = np.zeros(shape), np.zeros(shape)
    for _ in range(max(round(shape[0] * shape[1] * m_per_px**2 / 2.5e4), 3)):  # one in 2.5 ha
        row, col, radius = (
            rng.uniform(0, shape[0]),
            rng.uniform(0, shape[1]),
            rng.uniform(6, 14) / m_per_px,
        )
        part = np.clip((radius - np.hypot(rows - row, cols - col)) / 2 + 0.5, 0, 1)
        grey = np.where(part > 0, rng.uniform(110, 160), grey)
        cover = np.maximum(cover, part)
    return np.repeat(grey[..., None], 3, axis=2), cover


def _rectangle(
    shape: tuple[int, int], free: np.ndarray, m_per_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """8 × 120 m of asphalt where there is most room between the roads."""
    length, width = 120 / m_per_px, 8 / m_per_px
    ends = _longest_gap(shape, free, length)
    cover = _draw_line(shape, ends, width)
    return np.full((*shape, 3), 128.0), cover


def _railway(
    shape: tuple[int, int], free: np.ndarray, m_per_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ballast 6 m wide with two dark rails, right across the image, through its emptiest part."""
    row = int(
        free.min(axis=1).argmax() if free.min(axis=1).max() > 0 else free.mean(axis=1).argmax()
    )
    ends = ((0, row - 0.1 * shape[1] / 2), (shape[1], row + 0.1 * shape[1] / 2))
    cover = _draw_line(shape, ends, 6 / m_per_px)
    rails = sum(
        _draw_line(
            shape, tuple((x, y + side / m_per_px) for x, y in ends), max(0.4 / m_per_px, 0.6)
        )
        for side in (-0.75, 0.75)
    )
    paint = np.array([140.0, 128, 116]) - 55 * np.clip(rails, 0, 1)[..., None]
    return paint, cover


def _longest_gap(shape: tuple[int, int], free: np.ndarray, length: float) -> Polyline:
    """The straight line of that length, through the point farthest from roads, that stays farthest
    from them.
    """
    inner = free[
        int(shape[0] * 0.2) : int(shape[0] * 0.8), int(shape[1] * 0.2) : int(shape[1] * 0.8)
    ]
    row, col = np.unravel_index(inner.argmax(), inner.shape)
    centre = np.array([col + shape[1] * 0.2, row + shape[0] * 0.2])
    angles = np.linspace(0, np.pi, 24, endpoint=False)
    along = np.linspace(-length / 2, length / 2, 60)

    def room(angle: float) -> float:
        points = centre + along[:, None] * [np.cos(angle), np.sin(angle)]
        return float(ndimage.map_coordinates(free, points.T[::-1], order=1, mode="nearest").mean())

    direction = np.array([np.cos(best := max(angles, key=room)), np.sin(best)])
    return tuple(map(tuple, (centre - direction * length / 2, centre + direction * length / 2)))


def _draw_line(shape: tuple[int, int], ends: Polyline, width: float) -> np.ndarray:
    """Coverage (H, W) of a thick line, anti-aliased by drawing it four times as large."""
    big = Image.new("L", (shape[1] * 4, shape[0] * 4))
    ImageDraw.Draw(big).line(
        [tuple(4 * c for c in end) for end in ends], fill=255, width=max(round(4 * width), 1)
    )
    return np.asarray(big.resize((shape[1], shape[0]), Image.Resampling.BOX), dtype=float) / 255


def _add_noise(image: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def _turn(image: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> Probed:
    turned = np.ascontiguousarray(np.rot90(image, axes=(1, 2)))
    return Probed(
        turned,
        np.zeros(truth.shape, bool),
        lambda p: np.rot90(p, -1, axes=(p.ndim - 2, p.ndim - 1)),
    )
