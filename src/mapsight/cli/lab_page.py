"""`mapsight lab` with nothing after it: the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mapsight.cli.options import Bands, ImageCrs, parse_bands
from mapsight.errors import InputError

_PORT = 8642


def open_lab(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="port to serve at; 0: any free one")
    ] = _PORT,
    host: Annotated[
        str, typer.Option(help="address to serve at; any but this machine's own needs a token")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="open the page in a browser")] = True,
    audit: Annotated[
        Path | None, typer.Option(help="folder of an audit, to follow its findings")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="the image of that audit")] = None,
    bands: Bands = None,
    crs: ImageCrs = None,
) -> None:
    """See a CNN work: filters, a digit net, and a map tile from pixel to finding, on a page of this
    machine.
    """
    if context.invoked_subcommand is None:
        serve_lab(
            port=port,
            host=host,
            open_browser=browser,
            audit=audit,
            image=image,
            bands=bands,
            crs=crs,
        )


def serve_lab(
    *,
    port: int = _PORT,
    host: str = "127.0.0.1",
    open_browser: bool = True,
    audit: Path | None = None,
    image: Path | None = None,
    bands: str | None = None,
    crs: str | None = None,
) -> None:
    """Serves the lab's page until Ctrl-C; `audit` is the folder of an audit, `image` what it looked
    at.
    """
    if (audit is None) != (image is None):
        raise InputError(
            "--audit and --image",
            "belong together",
            "give the folder of an audit and the image it looked at",
        )
    try:
        from mapsight.web.serve import serve
    except ModuleNotFoundError as error:
        raise InputError(
            f"the page needs {error.name}", "which is not installed", "pip install 'mapsight[web]'"
        ) from None
    from mapsight.roads.training.shipped import read_model_or_default
    from mapsight.web.lab.app import make_lab_app
    from mapsight.web.lab.audit_tile import open_audit
    from mapsight.web.lab.desk import Desk

    model = read_model_or_default(None)
    folder = None
    if audit is not None and image is not None:
        folder = open_audit(
            audit, image, m_per_px=model.card.m_per_px, bands=parse_bands(bands), crs=crs
        )
    serve(
        make_lab_app(Desk(model, folder), host=host),
        host=host,
        port=port,
        open_browser=open_browser,
    )
