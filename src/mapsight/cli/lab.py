"""`mapsight lab …`: each command runs one experiment, prints its table and writes its picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mapsight.cli.console import say
from mapsight.cli.lab_page import open_lab
from mapsight.cli.options import Bands, make_place, parse_bands
from mapsight.cli.register import register
from mapsight.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from mapsight.lab.study import Study

_LARGEST_PX = 256  # the written-out convolution takes a second for that many pixels a side

app = typer.Typer(
    help="A CNN that can be seen and checked by hand: every mechanism as an experiment."
)

_SMALLEST_SCENE_PX = 64  # a window of 48 px and room to move
_LARGEST_INPUT_PX = 4096

Image = Annotated[Path | None, typer.Argument(help="an image; without one, the lab's own")]

Net = Annotated[str, typer.Argument(help="a net by name; a wrong name lists them")]
Size = Annotated[str | None, typer.Option("--input", help="input of the net, as 3x224x224")]


app.callback(invoke_without_command=True)(open_lab)


def sobel(
    image: Image = None,
    bands: Bands = None,
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("sobel.png"),
) -> None:
    """The lecture's Sobel example: pixels, feature map, normalised map; and what G_x really
    detects.
    """
    from mapsight.lab.studies.sobel import study_sobel

    _show(study_sobel(_read_grey(image, bands)), out)


def filters(
    image: Image = None,
    bands: Bands = None,
    own: Annotated[
        str | None, typer.Option(help="a filter of your own, as '-1 0 1; -2 0 2; -1 0 1'")
    ] = None,
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("filters.png"),
) -> None:
    """Sobel, Prewitt, Scharr, Laplacian, Gaussian, Gabor and your own filter over one image."""
    from mapsight.lab.studies.filters import study_filters

    _show(study_filters(_read_grey(image, bands), own), out)


def conv(
    numbers: Annotated[
        str | None, typer.Option("--input", help="the input, as '1 2 3; 4 5 6; 7 8 9'")
    ] = None,
    kernel: Annotated[
        str | None, typer.Option("--filter", help="the filter: a name or rows of numbers")
    ] = None,
    padding: Annotated[str, typer.Option(help="valid, same, full or a number of zeros")] = "valid",
    stride: Annotated[int, typer.Option(min=1, max=9, help="pixels per step")] = 1,
    dilation: Annotated[
        int, typer.Option(min=1, max=9, help="pixels between neighbouring weights")
    ] = 1,
    flip: Annotated[
        bool, typer.Option("--flip", help="true convolution: the filter turned by 180°")
    ] = False,
    transposed: Annotated[
        bool, typer.Option("--transposed", help="the transposed convolution")
    ] = False,
    out: Annotated[Path, typer.Option(help="animation: .gif")] = Path("conv.gif"),
) -> None:
    """Convolution cell by cell: window, products, sum; without options, the lecture's 3×3
    example.
    """
    from mapsight.lab.filters import parse_filter
    from mapsight.lab.studies.conv import study_conv

    study = study_conv(
        parse_filter(numbers) if numbers else None,
        parse_filter(kernel) if kernel else None,
        mode=padding,
        stride=stride,
        dilation=dilation,
        flip=flip,
        transposed=transposed,
    )
    _show(study, out)


def connections(
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("connections.png"),
) -> None:
    """Sparse interactions and parameter sharing: the connection matrix, counts, and measured
    cost.
    """
    from mapsight.lab.studies.connections import study_connections

    _show(study_connections(), out)


def receptive_field(
    net: Net,
    size: Size = None,
    confirm: Annotated[
        bool | None, typer.Option(help="compare with a gradient; by default where that is quick")
    ] = None,
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("receptive-field.png"),
) -> None:
    """How much of the image each layer of a net sees, computed and confirmed by gradients."""
    from mapsight.lab.studies.receptive_field import study_receptive_field

    _show(study_receptive_field(net, parse_size(size), confirm=confirm), out)


def equivariance(
    image: Image = None,
    bands: Bands = None,
    out: Annotated[Path, typer.Option(help="animation: .gif")] = Path("equivariance.gif"),
) -> None:
    """Does a shifted image give a shifted map? Measured, and where pooling, stride and borders
    break it.
    """
    from mapsight.lab.studies.equivariance import study_equivariance

    scene = _read_grey(image, bands)
    if scene is not None and min(scene.shape) < _SMALLEST_SCENE_PX:
        raise InputError(
            image, f"is smaller than {_SMALLEST_SCENE_PX} px a side", "give a larger image"
        )
    _show(study_equivariance(scene), out)


def activations(
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("activations.png"),
) -> None:
    """ReLU and its family, tanh, sigmoid: saturation, dying gradients, zero-centring."""
    from mapsight.lab.studies.activations import study_activations

    _show(study_activations(), out)


def pool(
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("pool.png"),
) -> None:
    """Max pooling over the lecture's three maps: what rotation and blur really do to it."""
    from mapsight.lab.studies.pool import study_pool

    _show(study_pool(), out)


def backprop(
    out: Annotated[Path, typer.Option(help="animation: .gif")] = Path("backprop.gif"),
) -> None:
    """Backpropagation through a shared weight: its gradient as the sum over its uses."""
    from mapsight.lab.studies.backprop import study_backprop

    _show(study_backprop(), out)


def params(
    net: Net,
    size: Size = None,
    rows: Annotated[
        int, typer.Option(min=1, help="largest number of rows; deep layers are joined to fit")
    ] = 40,
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("params.png"),
) -> None:
    """Parameters, connections, multiply-adds and activation memory of a net, layer by layer,
    exactly.
    """
    from mapsight.lab.studies.params import study_params

    _show(study_params(net, parse_size(size), most_rows=rows), out)


def slips(
    out: Annotated[Path, typer.Option(help="picture: .png or .svg")] = Path("slips.png"),
) -> None:
    """Where the lecture slips: each slip with an experiment that shows it."""
    from mapsight.lab.studies.slips import study_slips

    _show(study_slips(), out)


def parse_size(text: str | None) -> tuple[int, int, int] | None:
    """'3x224x224' → (3, 224, 224)."""
    if text is None:
        return None
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 3 or not all(
        part.isdecimal() and 0 < int(part) <= _LARGEST_INPUT_PX for part in parts
    ):
        raise InputError(
            f"--input {text}",
            f"expected channels, rows and columns, at most {_LARGEST_INPUT_PX}",
            "write it as 3x224x224",
        )
    return int(parts[0]), int(parts[1]), int(parts[2])


def _read_grey(path: Path | None, bands: str | None) -> np.ndarray | None:
    """(H, W) of 0 to 255, shrunk to at most 256 px a side; None where no image is given. A grey
    image has one band.
    """
    if path is None:
        return None
    import numpy as np
    from PIL import Image as Pictures

    from mapsight.geo.raster import open_image
    from mapsight.geo.source import open_source
    from mapsight.lab.scenes import to_grey

    with open_source(path) as source:
        grey_only = source.count == 1 and source.colorinterp[0].name == "gray"
    with open_image(
        path, bands=(1,) if grey_only and bands is None else parse_bands(bands)
    ) as reader:
        pixels = np.moveaxis(reader.read_all().array[:3], 0, -1)
    grey = to_grey(pixels)
    if max(grey.shape) <= _LARGEST_PX:
        return grey
    picture = Pictures.fromarray(grey.astype(np.uint8))
    picture.thumbnail((_LARGEST_PX, _LARGEST_PX), Pictures.Resampling.BOX)
    say(
        f"{path} is shrunk from {grey.shape[1]}×{grey.shape[0]} to"
        f" {picture.width}×{picture.height} px"
    )
    return np.asarray(picture, float)


def _show(study: Study, out: Path) -> None:
    """The study's words on standard output, its picture in a file."""
    from mapsight.lab.study import write_picture

    make_place(out)
    write_picture(out, study)
    typer.echo(str(study))
    say(f"wrote {out.absolute()}")


# in the order of the chapters
COMMANDS: dict[str, Callable[..., None]] = {
    "sobel": sobel,
    "filters": filters,
    "conv": conv,
    "connections": connections,
    "receptive-field": receptive_field,
    "equivariance": equivariance,
    "activations": activations,
    "pool": pool,
    "backprop": backprop,
    "params": params,
    "slips": slips,
}

for name, command in COMMANDS.items():
    register(app, name, command)
