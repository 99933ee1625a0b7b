"""The command that looks into a trained net: see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from mapsight.cli.console import say
from mapsight.cli.options import Bands, ImageCrs, OutDir, make_dir, parse_bands
from mapsight.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from mapsight.cnn.checkpoint import ModelCard
    from mapsight.cnn.see.look import Explanation, Look
    from mapsight.cnn.see.record import Layer

KINDS = ("filters", "features", "top9", "gradcam", "cause", "occlusion")  # the slow one last

_Number = TypeVar("_Number", int, float)


def see(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] IMAGE",
            help="a model file, 'shipped' (the default) or 'digits'; then the image",
        ),
    ],
    layer: Annotated[
        str | None, typer.Option(help="the layer of features, top9 and gradcam: name or number")
    ] = None,
    pixel: Annotated[
        str | None,
        typer.Option(metavar="ROW,COL", help="pixel of the image to explain, as ROW,COL"),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="X,Y", help="the same, as X,Y in the image's CRS")
    ] = None,
    out: OutDir = Path("see"),
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"only this figure: {', '.join(KINDS)} (again for more)"),
    ] = None,
    over: Annotated[
        Path | None,
        typer.Option(help="let top9 search the images of this CSV of pairs instead of IMAGE"),
    ] = None,
    split: Annotated[str, typer.Option(help="which split of that table")] = "val",
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="only these sets of it (again for more)")
    ] = None,
    window_px: Annotated[
        int, typer.Option(min=16, max=1024, help="side of the window to look at, in pixels")
    ] = 256,
    most: Annotated[
        int, typer.Option(min=9, max=2000, help="largest number of windows that top9 searches")
    ] = 200,
    bands: Bands = None,
    crs: ImageCrs = None,
) -> None:
    """Look into a trained net: its filters and maps, and from an answer back to the pixels that
    caused it.

    Without MODEL it is the road model that mapsight ships; `digits` is its digit net.
    """
    from mapsight.cnn.see.look import choose_layer, find_align, look_into
    from mapsight.cnn.see.record import find_layer
    from mapsight.cnn.shipped import SHIPPED, read_named_model
    from mapsight.geo.raster import open_image
    from mapsight.roads.prediction.windows import cut_windows, find_pixel, read_view

    kinds = _choose_kinds(only or [])
    if len(what) > 2:
        raise InputError(
            " ".join(what), "more than a model and an image", "look at one image at a time"
        )
    path = Path(what[-1])
    net, card = read_named_model(what[0] if len(what) > 1 else SHIPPED)
    align = find_align(net)
    sheet = hasattr(net, "input_px")  # a net for images of one size looks at one of many
    size = align if sheet else -(-window_px // align) * align
    chosen_bands = parse_bands(bands) or ((1,) if len(card.bands) == 1 else None)
    with open_image(path, bands=chosen_bands, crs=crs, m_per_px=card.m_per_px or None) as reader:
        for note in reader.notes:
            say(note)
        place = find_pixel(
            reader, pixel=_parse(pixel, "--pixel", int), at=_parse(at, "--at", float)
        )
        view = read_view(reader, size, place, sheet=sheet)
        planes = len(card.bands)
        inside = place and (place[0] - view.row, place[1] - view.col)
        look = look_into(net, card, view.pixels[:planes], place=inside, valid=view.valid)
        asked = find_layer(look.layers, layer) if layer else None
        _print_layers(look, reader.geobox.shape, (view.row, view.col))
        near = asked or choose_layer(look)
        windows: list[np.ndarray] = []
        if "top9" in kinds:
            small = _choose_window(look, near, size)
            if over is not None:
                windows = _read_windows(over, split, sets or [], small, most, card)
            else:
                windows = [w[:planes] for w in cut_windows(reader, small, most=most, sheet=sheet)]
    make_dir(out)
    source = f"{len(windows)} windows of {over.name + f' ({split})' if over else path.name}"
    for kind in kinds:
        _write(out / f"{kind}.png", _draw(kind, look, asked, near, windows, source))


def _draw(
    kind: str, look: Look, asked: Layer | None, near: Layer, windows: list[np.ndarray], source: str
) -> Figure:
    from mapsight.cnn.see import look as looks

    if kind == "cause":
        why = looks.explain_target(look)
        _print_explanation(look, why)
        return looks.show_cause(look, why)
    draw: dict[str, Callable[[], Figure]] = {
        "filters": lambda: looks.show_filters(look),
        "features": lambda: looks.show_features(look, asked),
        "top9": lambda: looks.show_top9(look, near, windows, source),
        "gradcam": lambda: looks.show_gradcam(look, asked, threshold=look.card.threshold),
        "occlusion": lambda: looks.show_occlusion(look),
    }
    return draw[kind]()


def _choose_kinds(only: list[str]) -> list[str]:
    for kind in only:
        if kind not in KINDS:
            raise InputError(f"--only {kind}", "unknown", f"choose from {', '.join(KINDS)}")
    return [kind for kind in KINDS if not only or kind in only]


def _choose_window(look: Look, layer: Layer, size: int) -> int:
    """The side of the windows that top9 searches: twice what an answer sees, at least 64 px."""
    from mapsight.cnn.see.reach import find_reach

    answer = look.seen.values[layer.last]
    reach = max(find_reach(look.seen, layer.last, *(n // 2 for n in answer.shape[2:])).size)
    return min(-(-max(2 * reach, 64) // look.align_px) * look.align_px, size)


def _read_windows(
    table: Path, split: str, sets: list[str], size: int, most: int, card: ModelCard
) -> list[np.ndarray]:
    """Windows of the images of a table, evenly many of each."""
    from mapsight.geo.raster import Raster, pixel_box
    from mapsight.progress import track
    from mapsight.roads.prediction.windows import Held, cut_windows
    from mapsight.roads.training.chips import read_pairs, read_scene

    rows = read_pairs(table, split=split, sets=sets)[:most]
    each = max(most // len(rows), 1)
    windows: list[np.ndarray] = []
    for row in track(rows, "read", total=len(rows)):
        scene = read_scene(row, m_per_px=card.m_per_px or None)
        held = Held(Raster(scene.image, pixel_box(*scene.valid.shape).transform, None, scene.valid))
        windows += [w[: len(card.bands)] for w in cut_windows(held, size, most=each)]
    return windows


def _parse(
    text: str | None, name: str, kind: Callable[[str], _Number]
) -> tuple[_Number, _Number] | None:
    """'12,34' → (12, 34)."""
    if text is None:
        return None
    try:
        first, second = (kind(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"{name} {text}", "expected two numbers", f"write it as {name} 120,85"
        ) from None
    return first, second


def _print_layers(look: Look, shape: tuple[int, int], corner: tuple[int, int]) -> None:
    from mapsight.cnn.see.look import measure_layers

    rows = [("layer", "kind", "maps", "one answer sees", "active"), *measure_layers(look)]
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    for number, row in enumerate(rows):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(f"{number or '':>3} {cells}".rstrip())
    height, width = look.pixels.shape[1:]
    typer.echo(
        f"looked at {height} × {width} px from row {corner[0]}, column {corner[1]} of {shape[0]} ×"
        f" {shape[1]} px"
    )
    if look.card.classes:
        best = look.probability.argsort()[::-1][:3]
        typer.echo(
            ", ".join(
                f"{look.card.label} {look.card.classes[k]}: {look.probability[k]:.3f}" for k in best
            )
        )


def _print_explanation(look: Look, why: Explanation) -> None:
    if look.target.place is not None:
        row, col = look.target.place
        typer.echo(
            f"pixel {row},{col} of the window: {look.card.label} with probability"
            f" {look.probability[row, col]:.3f}"
        )
    rows = [("rule", "90 % within", f"its {why.hidden_px} px hidden", "redrawn net")]
    for rule, kept in why.kept.items():
        near = f"{why.radius_px[rule]:.0f} px" if why.radius_px[rule] >= 0 else "-"
        rows.append((rule, near, f"{why.without[rule]:.3f}", f"{kept:.2f}"))
    if look.target.place is not None:
        rows.append(("nearest", "-", f"{why.without['nearest']:.3f}", "-"))
    for cells in rows:
        typer.echo(
            "  ".join(
                cell.ljust(width) for cell, width in zip(cells, (10, 12, 20, 12), strict=True)
            ).rstrip()
        )


def _write(path: Path, figure: Figure) -> None:
    from mapsight.roads.measure.panels import write_figure

    write_figure(path, figure)
    say(f"wrote {path}")


COMMANDS = {"see": see}
