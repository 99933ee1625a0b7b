"""`mapsight lab …`: each command runs one experiment, prints its table and writes its picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mapsight.cli.options import make_dir
from mapsight.progress import say

if TYPE_CHECKING:
    import numpy as np

    from mapsight.lab.study import Study

_LARGEST_PX = 256  # the written-out convolution takes a second for that many pixels a side

app = typer.Typer(help="A CNN that can be seen and checked by hand: every mechanism as an experiment.")

Image = Annotated[Path | None, typer.Argument(help="an image; without one, the lab's own")]


@app.callback(invoke_without_command=True)
def open_lab(context: typer.Context) -> None:
    """What `mapsight lab` does when no experiment is named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def sobel(
    image: Image = None,
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("sobel.png"),
) -> None:
    """The lecture's Sobel example: pixels, feature map, normalised map; and what G_x really detects."""
    from mapsight.lab.studies.sobel import study_sobel

    _show(study_sobel(_read_grey(image)), out)


def filters(
    image: Image = None,
    own: Annotated[str | None, typer.Option(help="a filter of your own, as '-1 0 1; -2 0 2; -1 0 1'")] = None,
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("filters.png"),
) -> None:
    """Sobel, Prewitt, Scharr, Laplacian, Gaussian, Gabor and your own filter over one image."""
    from mapsight.lab.studies.filters import study_filters

    _show(study_filters(_read_grey(image), own), out)


def conv(
    numbers: Annotated[str | None, typer.Option("--input", help="the input, as '1 2 3; 4 5 6; 7 8 9'")] = None,
    kernel: Annotated[str | None, typer.Option("--filter", help="the filter: a name or rows of numbers")] = None,
    padding: Annotated[str, typer.Option(help="valid, same, full or a number of zeros")] = "valid",
    stride: Annotated[int, typer.Option(min=1, max=9, help="pixels a step")] = 1,
    dilation: Annotated[int, typer.Option(min=1, max=9, help="pixels between neighbouring weights")] = 1,
    flip: Annotated[bool, typer.Option("--flip", help="true convolution: the filter turned by 180°")] = False,
    transposed: Annotated[bool, typer.Option("--transposed", help="the transposed convolution")] = False,
    out: Annotated[Path, typer.Option(help="animation: .gif")] = Path("conv.gif"),
) -> None:
    """Convolution cell by cell: window, products, sum; without options, the lecture's 3×3 example."""
    from mapsight.lab.filters import parse_filter
    from mapsight.lab.studies.conv import study_conv

    study = study_conv(
        parse_filter(numbers) if numbers else None,
        parse_filter(kernel) if kernel else None,
        mode=padding, stride=stride, dilation=dilation, flip=flip, transposed=transposed,
    )  # fmt: skip
    _show(study, out)


def _read_grey(path: Path | None) -> np.ndarray | None:
    """(H, W) of 0 to 255, shrunk to at most 256 px a side; None where no image is given."""
    if path is None:
        return None
    import numpy as np
    from PIL import Image as Pictures

    from mapsight.geo.raster import open_image
    from mapsight.lab.scenes import to_grey

    with open_image(path) as reader:
        pixels = np.moveaxis(reader.read_all().array[:3], 0, -1)
    grey = to_grey(pixels)
    if max(grey.shape) <= _LARGEST_PX:
        return grey
    picture = Pictures.fromarray(grey.astype(np.uint8))
    picture.thumbnail((_LARGEST_PX, _LARGEST_PX), Pictures.Resampling.BOX)
    say(f"{path} is shrunk from {grey.shape[1]}×{grey.shape[0]} to {picture.width}×{picture.height} px")
    return np.asarray(picture, float)


def _show(study: Study, out: Path) -> None:
    """The study's words on standard output, its picture in a file."""
    from mapsight.lab.study import write_picture

    make_dir(out.parent)
    write_picture(out, study)
    typer.echo(str(study))
    say(f"wrote {out}")


COMMANDS: dict[str, Callable[..., None]] = {"sobel": sobel, "filters": filters, "conv": conv}

for name, command in COMMANDS.items():
    app.command(name)(command)
