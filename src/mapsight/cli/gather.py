"""`mapsight gather`: from a bounding box to image.tif, map.gpkg and mask.tif."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mapsight.cli.console import say
from mapsight.cli.options import (
    MapCrs,
    OutDir,
    RoadColumn,
    RoadValues,
    hold_dir,
    parse_bands,
    parse_choice,
)
from mapsight.errors import InputError

if TYPE_CHECKING:
    from mapsight.geo.sources.record import Gathered

_IMG = "Imagery"
_STAC = "STAC catalogues"
_NETWORK = "Network"


def gather(
    context: typer.Context,
    out: OutDir,
    bbox: Annotated[
        tuple[float, float, float, float],
        typer.Option(metavar="W S E N", help="the place, in degrees"),
    ],
    imagery: Annotated[
        str, typer.Option(help="template of a service, stac:URL, or a folder of images")
    ],
    roads: Annotated[
        str | None, typer.Option(help="a map file, overpass, overpass:URL, or rendered:TEMPLATE")
    ] = None,
    road_colour: Annotated[
        list[str] | None,
        typer.Option(help="colour of roads in a rendered map, as #f7fabf; repeatable"),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="layer of the map file")] = None,
    map_crs: MapCrs = None,
    road_column: RoadColumn = None,
    road_values: RoadValues = None,
    m_per_px: Annotated[float, typer.Option(help="metres per pixel of the image")] = 0.5,
    attribution: Annotated[str, typer.Option(help="credit for the imagery")] = "",
    zoom: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_IMG, help="zoom to fetch; default: the coarsest that is fine enough"
        ),
    ] = None,
    max_zoom: Annotated[
        int, typer.Option(rich_help_panel=_IMG, help="the finest zoom of the service")
    ] = 22,
    tile_px: Annotated[
        int | None, typer.Option(rich_help_panel=_IMG, help="side of a tile in pixels")
    ] = None,
    tile_matrix_set: Annotated[
        str, typer.Option(rich_help_panel=_IMG, help="grid of a WMTS")
    ] = "WebMercatorQuad",
    subdomains: Annotated[
        str, typer.Option(rich_help_panel=_IMG, help="hosts that {s} stands for")
    ] = "abc",
    bar_px: Annotated[
        int,
        typer.Option(
            rich_help_panel=_IMG, help="height of a static map's attribution bar, in pixels"
        ),
    ] = 0,
    density: Annotated[
        int,
        typer.Option(
            rich_help_panel=_IMG, help="pixels per map pixel of a static map (2 with scale=2)"
        ),
    ] = 1,
    world_px: Annotated[
        int,
        typer.Option(
            rich_help_panel=_IMG, help="width of the earth at zoom 0 of a static map, in pixels"
        ),
    ] = 256,
    accept_terms: Annotated[
        bool,
        typer.Option(
            "--accept-terms",
            rich_help_panel=_IMG,
            help="confirm that the service's terms allow this use",
        ),
    ] = False,
    bands: Annotated[
        str | None, typer.Option(rich_help_panel=_IMG, help="red, green, blue, as 1,2,3")
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(rich_help_panel=_IMG, help="values that become 0 and 255, as 0,3000"),
    ] = None,
    collection: Annotated[
        str | None, typer.Option(rich_help_panel=_STAC, help="name of the collection, such as naip")
    ] = None,
    date: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_STAC, help="year, day or range: 2023, or 2022-01-01/2023-12-31"
        ),
    ] = None,
    max_cloud: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_STAC, min=0, max=100, help="highest cloud cover, in per cent"
        ),
    ] = None,
    asset: Annotated[
        str | None, typer.Option(rich_help_panel=_STAC, help="key of the image file in an item")
    ] = None,
    sign: Annotated[
        str | None, typer.Option(rich_help_panel=_STAC, help="address that signs a file's {href}")
    ] = None,
    max_tiles: Annotated[
        int, typer.Option(rich_help_panel=_NETWORK, min=1, help="largest number of tiles to fetch")
    ] = 2000,
    rate: Annotated[
        float, typer.Option(rich_help_panel=_NETWORK, min=0.01, max=200, help="requests a second")
    ] = 10.0,
    parallel: Annotated[
        int, typer.Option(rich_help_panel=_NETWORK, min=1, max=16, help="requests at a time")
    ] = 4,
    max_wait_s: Annotated[
        float,
        typer.Option(
            rich_help_panel=_NETWORK, help="longest pause that a service may ask for, in seconds"
        ),
    ] = 120,
    inner_host: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=_NETWORK,
            metavar="HOST[:PORT]",
            help="a server of your own network that may be asked; repeatable",
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(rich_help_panel=_NETWORK, help="folder in which replies are kept")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write results again that exist")] = False,
) -> None:
    """Fetch imagery and a road map of a place: image.tif, map.gpkg, mask.tif, and where they come
    from.
    """
    from mapsight.geo.sources.area import Area
    from mapsight.geo.sources.catalogue import StacSettings
    from mapsight.geo.sources.cells import CellSettings
    from mapsight.geo.sources.gather import (
        ImageryRequest,
        Record,
        digest_request,
        fetch_imagery,
        read_gathered,
        read_part,
        write_record,
    )
    from mapsight.geo.sources.http import Http, HttpSettings
    from mapsight.geo.sources.maps import MapRequest, check_map, gather_map
    from mapsight.geo.sources.palette import parse_colour
    from mapsight.geo.sources.store import Store, find_store_dir
    from mapsight.geo.sources.tiles import TileSettings

    area = Area(*bbox)
    cells = CellSettings(
        zoom=zoom,
        max_zoom=max_zoom,
        tile_px=tile_px,
        matrix_set=tile_matrix_set,
        bar_px=bar_px,
        world_px=world_px,
        density=density,
    )
    request = ImageryRequest(
        source=imagery,
        m_per_px=m_per_px,
        attribution=attribution,
        bands=parse_bands(bands),
        scale=_parse_scale(scale),
        tiles=TileSettings(
            cells=cells, subdomains=subdomains, max_tiles=max_tiles, accept_terms=accept_terms
        ),
        stac=StacSettings(
            collection=collection or "", date=date, max_cloud=max_cloud, asset=asset, sign=sign
        ),
    )
    colours = tuple(map(parse_colour, road_colour or ()))
    drawn = MapRequest(
        source=roads or "",
        layer=layer,
        crs=map_crs,
        colours=colours,
        choice=parse_choice(road_column, road_values),
        tiles=request.tiles,
    )
    if roads is not None:
        check_map(drawn)
    path, box, store = (
        hold_dir(context, out) / "gather.json",
        area.choose_grid(m_per_px),
        Store(cache or find_store_dir()),
    )
    store.prune()
    settings = HttpSettings(
        rate_per_s=rate,
        parallel=parallel,
        longest_wait_s=max_wait_s,
        inner_hosts=tuple(inner_host or ()),
    )
    asked = digest_request(area, request, imagery)
    gathered = None if force else read_gathered(path, asked)
    if gathered is None:
        with Http(settings, store) as http:
            gathered = fetch_imagery(area, request, out=out / "image.tif", http=http)
        write_record(path, Record(area, box, asked, gathered))
        _say_imagery(gathered)
    else:
        say(f"{out / 'image.tif'} exists already; --force gathers it again")
    if roads is not None:
        asked_map = digest_request(area, (drawn, m_per_px), roads)
        about = None if force else read_part(path, "roads", asked_map)
        if about is None:
            with Http(settings, store) as http:
                about = gather_map(area, box, drawn, out=out, http=http)
            write_record(path, Record(area, box, asked, gathered, asked_map, about))
        for note in about.get("notes", ()):
            say(f"map: {note}")
        whose = f"; {about['attribution']}" if about["attribution"] else ""
        say(f"map.gpkg: {about['ways']} ways, {about['km']:.2f} km of road{whose}")
        say(f"next: mapsight audit {out / 'image.tif'} {out / 'map.gpkg'} --out {out / 'audit'}")


def _say_imagery(gathered: Gathered) -> None:
    for note in gathered.notes:
        say(note)
    say(
        f"image.tif: {gathered.share_valid or 0:.1%} of it has data; {gathered.attribution}".rstrip(
            "; "
        )
    )
    if not gathered.attribution:
        say("no attribution is known, and most services demand one: give --attribution")
    if not gathered.complete:
        say("some requests failed for now: the same command retries only those")


def _parse_scale(text: str | None) -> tuple[float, float] | None:
    """'0,3000' → (0.0, 3000.0)."""
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--scale {text}", "expected two numbers", "write for example 0,3000"
        ) from None
    return low, high


COMMANDS = {"gather": gather}
