"""The road mask of a rendered map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from mapsight.cli.console import say
from mapsight.cli.options import make_place
from mapsight.errors import InputError

if TYPE_CHECKING:
    from mapsight.geo.geobox import Raster


def mask_from_map(
    map_image: Annotated[Path, typer.Argument(help="picture of a map: PNG, JPEG or GeoTIFF")],
    out: Annotated[
        Path, typer.Option(help="the mask to write: .tif, or .png without a georeference")
    ] = Path("mask.tif"),
    colours: Annotated[
        list[str] | None,
        typer.Option("--colour", help="colour of roads, as '#ffffff' (again for more)"),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(help="column,row of a pixel that shows a road colour (again for more)"),
    ] = None,
    legend: Annotated[
        Path | None, typer.Option(help="picture in which --at picks a colour; default: the map")
    ] = None,
    lines: Annotated[
        Path | None, typer.Option(help="also trace road lines: .gpkg or .geojson")
    ] = None,
    bbox: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(help="extent of a web map's picture: W S E N in degrees"),
    ] = None,
    dash_px: Annotated[
        float, typer.Option(min=0, help="widest gap between the dashes of a road, in pixels")
    ] = 10.0,
    label_px: Annotated[
        int, typer.Option(min=0, help="longest stretch of road that a label hides, in pixels")
    ] = 96,
    inpaint: Annotated[
        bool, typer.Option(help="infer roads under labels, icons and between dashes")
    ] = True,
) -> None:
    """Find the roads of a rendered map by their colours, also under labels and icons: a mask, and
    lines.
    """
    from mapsight.geo.network import write_lines
    from mapsight.geo.sources.area import Area
    from mapsight.geo.sources.mapimage import read_map_image, trace_roads
    from mapsight.geo.sources.palette import learn_colour, parse_colour
    from mapsight.geo.sources.rendered import RenderedSettings, find_roads

    raster = read_map_image(map_image, area=Area(*bbox) if bbox else None)
    picture = np.ascontiguousarray(raster.array.transpose(1, 2, 0))
    shown = picture if legend is None else read_map_image(legend).array.transpose(1, 2, 0)
    wanted = [parse_colour(text) for text in colours or []]
    wanted += [learn_colour(shown, *_parse_place(text)) for text in at or []]
    settings = RenderedSettings(dash_px=dash_px, label_px=label_px, inpaint=inpaint)
    mask = find_roads(picture, wanted, settings) & raster.valid
    if not mask.any():
        raise InputError(
            map_image.name, "shows no road in these colours", "give others, or click with --at"
        )
    _write_mask(out, mask, raster)
    say(f"{mask.mean():.1%} of the map is road; wrote {out}")
    if lines is not None:
        traced = trace_roads(mask, raster.geobox)
        make_place(lines)
        write_lines(lines, traced.assign(road_class="road"), layer="roads")
        say(f"{len(traced)} roads, {traced['length_m'].sum() / 1000:.2f} km; wrote {lines}")


def _write_mask(out: Path, mask: np.ndarray, raster: Raster) -> None:
    from PIL import Image

    from mapsight.atomic import write_atomically
    from mapsight.geo.geobox import Raster
    from mapsight.geo.raster import write_raster

    make_place(out)
    pixels = mask.astype(np.uint8) * 255
    if out.suffix.lower() in (".tif", ".tiff"):
        write_raster(out, Raster(pixels[None], raster.transform, raster.crs))
    elif out.suffix.lower() == ".png":
        with write_atomically(out) as temporary:
            Image.fromarray(pixels).save(temporary)
    else:
        raise InputError(out, "masks are written as .tif or .png", "change the suffix")


def _parse_place(text: str) -> tuple[int, int]:
    try:
        col, row = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--at {text[:20]}", "is no pixel position", "write it as column,row"
        ) from None
    return col, row


COMMANDS = {"mask-from-map": mask_from_map}
