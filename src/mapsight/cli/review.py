"""The command that opens an audit for judging."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from mapsight.cli.options import load_web


def review(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="folder that `mapsight audit --out` wrote")
    ],
    image: Annotated[Path | None, typer.Option(help="the audited image, if it has moved")] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="show this map instead of the audited one")
    ] = None,
    reviewer: Annotated[
        str | None,
        typer.Option(
            help="name stored with verdicts; default: your user name, or none with --host"
        ),
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(help="link to show at each finding: Name=https://…{lat}…{lon}…; repeatable"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="address to serve at; any but this machine's own needs a token")
    ] = ("127.0.0.1"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="port to serve at; 0: any free one")
    ] = 8000,
    token: Annotated[
        str | None,
        typer.Option(help="token that visitors must give; default: made where one is needed"),
    ] = None,
    browser: Annotated[bool, typer.Option(help="open the page in a browser")] = True,
) -> None:
    """Judge findings one by one on a page: accept, reject, or mend the proposed line."""
    load_web()
    from mapsight.web.base import is_local
    from mapsight.web.review.app import make_review
    from mapsight.web.review.place import read_links
    from mapsight.web.review.session import ReviewSettings, open_session
    from mapsight.web.serve import serve

    name = (
        reviewer if reviewer is not None else _name_user() if is_local(host) else ""
    )  # several people: who is who?
    settings = ReviewSettings(
        image=image, map_file=map_file, reviewer=name, links=read_links(link or [])
    )
    session = open_session(folder, settings)
    try:
        app = make_review(session, host=host, token=token)
        serve(app, host=host, port=port, open_browser=browser)
    finally:
        session.store.close()


def _name_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


COMMANDS = {"review": review}
