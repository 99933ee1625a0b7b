"""The report's templates and its style, which the table of kinds fills in."""

from __future__ import annotations

import math
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from mapsight.roads.kinds import KINDS, draw_plate, write_style
from mapsight.roads.report import words


def make_environment() -> jinja2.Environment:
    """Templates that can say numbers in words and draw kinds; everything else is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    says = {name: value for name, value in vars(words).items() if name.startswith("say_")}
    environment.filters.update(breakable=_allow_breaks, sentence=words.make_sentence)
    environment.globals.update(
        says, KINDS=KINDS, draw_plate=draw_plate, isfinite=math.isfinite, hypot=math.hypot
    )
    return environment


def _allow_breaks(name: object) -> Markup:
    """Let a long file name break after its separators; the pieces are escaped."""
    return Markup("<wbr>").join(re.split(r"(?<=[_/-])", str(name)))


def read_style(aspect: float) -> str:
    """The page's style sheet; `aspect`: width of the overview by its height."""
    text = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return f":root{{--aspect:{aspect:.4f}}}\n{write_style()}{text}{_write_filter()}"


def _write_filter() -> str:
    """The box of a kind hides its findings; all boxes say that nothing is left."""
    off = [f":has(#show-{name}:not(:checked))" for name in KINDS]
    rules = [
        f"body{gone} .of-{name}{{display:none}}" for name, gone in zip(KINDS, off, strict=True)
    ]
    return "\n".join([*rules, f"body{''.join(off)} .none-left{{display:block}}"]) + "\n"
