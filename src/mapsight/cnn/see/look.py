"""One look into a net: an image, what every step answered to it, what is to be explained, and a
figure of each kind.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from mapsight.cnn.checkpoint import ModelCard
from mapsight.cnn.runtimes.torch_runtime import scale_images
from mapsight.cnn.see import figures
from mapsight.cnn.see.back import RELU_RULES, project
from mapsight.cnn.see.maps import compute_gradcam, keep_from, occlude
from mapsight.cnn.see.peaks import choose_channels, explain_peak, find_peaks
from mapsight.cnn.see.pictures import (
    choose_evenly,
    choose_maps,
    find_nearest,
    find_radius,
    find_strongest,
    paint_filters,
    paint_patch,
)
from mapsight.cnn.see.reach import find_reach
from mapsight.cnn.see.record import Layer, Record, list_layers, record, trace_net
from mapsight.cnn.see.sanity import compare_redrawn
from mapsight.cnn.see.target import Target, aim_at_class, aim_at_mask, aim_at_pixel
from mapsight.errors import InputError
from mapsight.progress import track

_log = logging.getLogger(__name__)

_SQUARES = 16  # a side, in an occlusion
_CHANNELS, _TOP = 6, 9
_NEAR_PX = 64  # patches of a layer that sees no further can be read


@dataclass(frozen=True, eq=False)
class Look:
    """A net's card, its steps' answers to one image, its layers, and the target; pixels (C, H, W)
    uint8.
    """

    card: ModelCard
    pixels: np.ndarray
    seen: Record
    layers: list[Layer]
    target: Target
    align_px: int

    @property
    def x(self) -> Tensor:
        image: Tensor = self.seen.values[self.seen.image]
        return image

    @property
    def probability(self) -> np.ndarray:
        """(H, W), or (K,) of the classes."""
        answer = self.seen.values[self.seen.answer][0]
        return (torch.softmax(answer, 0) if answer.ndim == 1 else torch.sigmoid(answer[0])).numpy()


def find_align(net: nn.Module) -> int:
    """The number of pixels that a net's windows are a multiple of; a net for one size takes just
    that.
    """
    align = getattr(net, "input_px", None) or getattr(net, "stride_px", None)
    if not isinstance(align, int):
        raise InputError(
            type(net).__name__, "does not say which sizes it takes", "give it stride_px or input_px"
        )
    return align


def look_into(
    net: nn.Module,
    card: ModelCard,
    pixels: np.ndarray,
    *,
    place: tuple[int, int] | None,
    valid: np.ndarray,
) -> Look:
    """Runs one window (C, H, W) uint8 and keeps all answers. Without a place the surest pixel amid
    it is the target.
    """
    steps = trace_net(net)
    seen = record(steps, make_input(pixels, card))
    look = Look(card, pixels, seen, list_layers(steps), Target(torch.zeros(1), ""), find_align(net))
    return replace(look, target=_aim(look, place, valid))


def make_input(pixels: np.ndarray, card: ModelCard) -> Tensor:
    """(C, H, W) uint8 → (1, C, H, W) float32 as the net was trained on."""
    return scale_images(torch.from_numpy(np.ascontiguousarray(pixels))[None], card)


def measure_layers(look: Look) -> list[tuple[str, str, str, str, str]]:
    """For each layer: name, kind, its maps, what one answer sees, and the share of answers above
    zero.
    """
    rows = []
    for layer in look.layers:
        answer = look.seen.values[layer.last]
        middle = tuple(n // 2 for n in answer.shape[2:])
        box = find_reach(look.seen, layer.last, *middle)
        clipped = any(n == whole for n, whole in zip(box.size, look.x.shape[2:], strict=True))
        maps = " × ".join(map(str, answer.shape[1:]))
        sees = (
            f"{'≥ ' if clipped else ''}{box.size[0]} × {box.size[1]} px"
            if middle
            else "the whole image"
        )
        rows.append(
            (layer.name, layer.kind, maps, sees, f"{float((answer > 0).float().mean()):.0%}")
        )
    return rows


def show_filters(look: Look) -> Figure:
    convs = [layer for layer in look.layers if look.seen.values[layer.last].ndim == 4]
    second = convs[min(1, len(convs) - 1)]
    kernels = look.seen.steps.get_parameter(f"{second.name}.weight").detach().numpy()
    return figures.draw_filters(
        paint_filters(look.seen, convs[0]), kernels, (convs[0].name, second.name)
    )


def show_features(look: Look, layer: Layer | None = None) -> Figure:
    """Eight maps of each of eight layers, or of one."""
    rows = []
    for shown in [layer] if layer else choose_evenly(look.layers, 8):
        answer = look.seen.values[shown.last]
        words = f"{shown.name}: {shown.kind}; {' × '.join(map(str, answer.shape[1:]))}"
        if answer.ndim == 2:
            rows.append((words, answer[0].numpy()[None, None], [0]))
        else:
            numbers = choose_maps(answer, 8)
            rows.append((words, answer[0, numbers].numpy(), numbers))
    return figures.draw_features(_photo(look), rows)


def choose_layer(look: Look) -> Layer:
    """The deepest layer of which one answer sees at most 64 px, and not the whole image: its
    patches can be read.
    """
    near = look.layers[0]
    for layer in look.layers:
        middle = tuple(n // 2 for n in look.seen.values[layer.last].shape[2:])
        size = max(find_reach(look.seen, layer.last, *middle).size)
        if size > _NEAR_PX or size >= min(look.x.shape[2:]):
            break
        near = layer
    return near


def show_top9(look: Look, layer: Layer, windows: Sequence[np.ndarray], source: str) -> Figure:
    """The nine strongest answers of six channels over windows (C, h, w) uint8 of one size."""
    steps = look.seen.steps
    inputs = (
        make_input(w, look.card) for w in track(windows, "look for peaks", total=len(windows))
    )
    peaks = find_peaks(steps, layer, inputs, top=_TOP)
    channels = choose_channels(peaks, _CHANNELS)
    if not channels:
        raise InputError(
            f"layer '{layer.name}'",
            "has no answer above zero in this image",
            "choose another with --layer",
        )
    template = record(steps, make_input(windows[0], look.card), layer.last)
    blocks = []
    for channel in track(channels, "project", total=len(channels)):
        found = [k for k in range(peaks.values.shape[1]) if peaks.values[channel, k] > 0]
        causes = [
            explain_peak(
                template,
                layer,
                make_input(windows[peaks.images[channel, k]], look.card),
                channel,
                (int(peaks.rows[channel, k]), int(peaks.cols[channel, k])),
                align_px=look.align_px,
            )
            for k in found
        ]
        blocks.append((channel, causes))
    photos = [[paint_patch(c.patch, look.card) for c in causes] for _, causes in blocks]
    silent = int((peaks.values[:, 0] <= 0).sum())
    more = f"; {silent} of {len(peaks.values)} channels never answer" if silent else ""
    return figures.draw_top9(
        blocks, photos, f"Strongest answers of {layer.name} over {source}{more}"
    )


def show_occlusion(look: Look) -> Figure:
    step_px = max(min(look.x.shape[2:]) // _SQUARES, 1)
    return figures.draw_occlusion(
        _scene(look), occlude(look.seen.steps, look.x, look.target, step_px=step_px)
    )


def show_gradcam(look: Look, layer: Layer | None = None, *, threshold: float) -> Figure:
    """For the target, and for all of the road together, at the layer asked for or at the coarsest
    and the last.
    """
    spatial = [layer for layer in look.layers if look.seen.values[layer.last].ndim == 4]
    inner = [layer for layer in spatial if layer.last is not look.layers[-1].last] or spatial
    coarsest = min(reversed(inner), key=lambda one: look.seen.values[one.last].shape[2])
    if layer is not None and layer not in spatial:
        _log.info(f"{layer.name} is dense and has no places: Grad-CAM is that of {coarsest.name}")
    layers = [layer] if layer in spatial else list(dict.fromkeys([coarsest, inner[-1]]))
    targets = [look.target]
    road = look.probability >= threshold
    if look.target.place is not None and road.any():
        targets.append(aim_at_mask(look.seen, torch.from_numpy(road), f"all {look.card.label}"))
    rows = [
        (t.title, [(o.name, compute_gradcam(look.seen, o, t).numpy()) for o in layers if o])
        for t in targets
    ]
    return figures.draw_gradcam(_scene(look), rows)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why the target, by rule: projections (C, H, W); radius_px that holds 90 % of the strength
    (NaN without a place).

    kept: rank correlation with a net whose last half is redrawn. without: the probability left when
    the rule's `hidden_px` strongest pixels are hidden; under 'nearest', when as many around the
    target are.
    """

    projections: dict[str, np.ndarray]
    radius_px: dict[str, float]
    kept: dict[str, float]
    without: dict[str, float]
    hidden_px: int

    @property
    def best_rule(self) -> str:
        """The rule whose pixels the answer can spare least."""
        return min(self.projections, key=self.without.__getitem__)


def explain_target(look: Look) -> Explanation:
    """The target by all three rules, and how far each can be believed."""
    projections, radius, kept, without = {}, {}, {}, {}
    place, (height, width) = look.target.place, look.x.shape[2:]
    count = max(round(np.pi * (min(height, width) / _SQUARES) ** 2), 1)
    for rule in track(RELU_RULES, "go back", total=len(RELU_RULES)):
        back = project(look.seen, look.seen.answer, look.target.mask, rule=rule)[0].numpy()
        projections[rule] = back
        radius[rule] = find_radius(back, place, 0.9) if place else float("nan")
        without[rule] = _hide(look, find_strongest(back, count))
        kept[rule] = compare_redrawn(
            look.seen.steps, look.x, look.target.mask, rule, count=len(look.layers) // 2
        )
    if place:
        without["nearest"] = _hide(look, find_nearest(height, width, place, count))
    return Explanation(projections, radius, kept, without, count)


def show_cause(look: Look, why: Explanation) -> Figure:
    """The explanation, cut to where it happens."""
    scene, cut = _scene(look), _cut(look, why)
    notes = {}
    for rule in why.projections:
        if not why.projections[rule].any():
            notes[rule] = "nothing comes back: a ReLU on the way is closed"
            continue
        near = f"90 % within {why.radius_px[rule]:.0f} px; " if look.target.place else ""
        notes[rule] = (
            f"{near}its {why.hidden_px} strongest px hidden: probability {why.without[rule]:.3f}\n"
            f"last half of the net redrawn: correlation {why.kept[rule]:.2f}"
        )
    best = why.best_rule
    strongest = find_strongest(why.projections[best], why.hidden_px)[cut]
    said = f"the {why.hidden_px} strongest of '{best}'; hidden, probability {why.without[best]:.3f}"
    if look.target.place:
        said += f"\nwith the {why.hidden_px} nearest hidden instead, {why.without['nearest']:.3f}"
    place = scene.place and (scene.place[0] - cut[0].start, scene.place[1] - cut[1].start)
    near_scene = figures.Scene(
        scene.photo[cut],
        scene.probability if scene.classes else scene.probability[cut],
        scene.classes,
        place,
        scene.title,
    )
    shown = {rule: p[:, *cut] for rule, p in why.projections.items()}
    return figures.draw_cause(near_scene, shown, notes, (strongest, said))


def _hide(look: Look, hidden: np.ndarray) -> float:
    return keep_from(look.seen.steps, look.x, look.target, torch.from_numpy(hidden))


def _aim(look: Look, place: tuple[int, int] | None, valid: np.ndarray) -> Target:
    if look.card.classes:
        number = int(look.probability.argmax())
        return aim_at_class(look.seen, number, look.card.classes[number])
    if place is None:
        height, width = look.probability.shape
        inner = np.zeros((height, width), bool)
        inner[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
        wanted = inner & valid if (inner & valid).any() else valid
        place = np.unravel_index(
            int(np.where(wanted, look.probability, -1).argmax()), (height, width)
        )  # type: ignore[assignment]
    return aim_at_pixel(look.seen, int(place[0]), int(place[1]))  # type: ignore[index]


def _cut(look: Look, why: Explanation) -> tuple[slice, slice]:
    """The square around the target that holds nearly all of what guided backpropagation shows."""
    height, width = look.x.shape[2:]
    if look.target.place is None:
        return slice(0, height), slice(0, width)
    half = max(int(1.3 * np.nan_to_num(why.radius_px["guided"])), 24)
    row, col = look.target.place
    return slice(max(row - half, 0), min(row + half, height)), slice(
        max(col - half, 0), min(col + half, width)
    )


def _photo(look: Look) -> np.ndarray:
    return paint_patch(look.x[0].numpy(), look.card)


def _scene(look: Look) -> figures.Scene:
    target = look.target
    title = target.title
    if target.place is not None:
        title = (
            f"{look.card.label} with probability {look.probability[target.place]:.3f} at the marked"
            " pixel"
        )
    return figures.Scene(_photo(look), look.probability, look.card.classes, target.place, title)
