"""What an experiment hands over: a table, remarks, and a picture (still or moving) that is drawn on
demand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from mapsight.atomic import write_atomically
from mapsight.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

_SHADES = 256  # colours of a picture's palette: diagrams need no more, and files stay small


@dataclass(frozen=True)
class Table:
    """Columns and rows; numbers are set to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def __str__(self) -> str:
        cells = [[_write(value) for value in row] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(self.columns, *cells, strict=True)]
        numeric = [
            all(isinstance(row[k], int | float) or row[k] is None for row in self.rows)
            for k in range(len(widths))
        ]
        lines = [list(self.columns), *cells]
        return "\n".join(
            "  ".join(
                c.rjust(w) if n else c.ljust(w)
                for c, w, n in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in lines
        )


@dataclass(frozen=True, eq=False)
class Study:
    """One experiment done. `draw` gives one figure, or the frames of an animation with `frame_ms`
    between them.
    """

    title: str
    table: Table
    draw: Callable[[], Figure | Sequence[Figure]]
    remarks: tuple[str, ...] = ()
    frame_ms: int = 700

    def __str__(self) -> str:
        return "\n".join(
            [self.title, "", str(self.table), *([""] if self.remarks else []), *self.remarks]
        )


def write_picture(path: Path, study: Study) -> None:
    """The study's picture as .png or .svg, its animation as .gif; InputError for another kind."""
    drawn = study.draw()
    moving = not hasattr(drawn, "savefig")
    kinds = (".gif",) if moving else (".png", ".svg")
    if path.suffix.lower() not in kinds:
        raise InputError(
            path,
            f"this picture is written as {' or '.join(kinds)}",
            f"call it {path.stem}{kinds[0]}",
        )
    if moving:
        data = encode_gif([render(figure) for figure in drawn], frame_ms=study.frame_ms)  # type: ignore[union-attr]
    elif path.suffix.lower() == ".svg":
        data = encode_svg(drawn)  # type: ignore[arg-type]
    else:
        data = encode_png(render(drawn))  # type: ignore[arg-type]
    with write_atomically(path) as temporary:
        temporary.write_bytes(data)


def render(figure: Figure) -> Image.Image:
    """The figure's pixels, RGB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(_as_array(canvas)).convert("RGB")


def encode_png(picture: Image.Image) -> bytes:
    """A PNG with a palette, equal from run to run."""
    buffer = BytesIO()
    picture.quantize(_SHADES, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def encode_gif(frames: Sequence[Image.Image], *, frame_ms: int) -> bytes:
    """An endless GIF; all frames share one palette, so that nothing flickers."""
    buffer = BytesIO()
    sheet = Image.new("RGB", (frames[0].width, frames[0].height * len(frames)))
    for k, frame in enumerate(frames):
        sheet.paste(frame, (0, k * frame.height))
    palette = sheet.quantize(_SHADES, dither=Image.Dither.NONE)
    flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    waits = [frame_ms] * (len(flat) - 1) + [3 * frame_ms]  # the last frame stays: it is the result
    flat[0].save(
        buffer, "GIF", save_all=True, append_images=flat[1:], duration=waits, loop=0, optimize=True
    )
    return buffer.getvalue()


def encode_svg(figure: Figure) -> bytes:
    """An SVG without a date and with equal names from run to run."""
    import matplotlib as mpl

    buffer = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "mapsight"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _as_array(canvas: FigureCanvasAgg) -> np.ndarray:
    import numpy as np

    return np.asarray(canvas.buffer_rgba())


def _write(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
