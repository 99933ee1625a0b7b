"""The kinds of findings, in one table: what they are, how they are said, drawn and judged.

No other file spells a kind's name. Whoever treats kinds unlike asks for what makes them so: whether
the line is the map's (`on_map`), and where a road is seen (`seen`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Literal

Seen = Literal["here", "beside", "nowhere"]

# what a line looks like from above (`finding/traits.py`), and a line seen beside it
_LOOK = (
    "z_mean", "z_low", "z_high", "ridge", "ridge_share", "edges", "even", "contrast",
    "contrast_steady", "odd_brightness", "odd_green", "green", "fill", "scene_z",
)  # fmt: skip
_SEEN_LOOK = (
    "seen_z_mean", "seen_z_low", "seen_ridge", "seen_ridge_share", "seen_edges", "seen_even",
)  # fmt: skip
# what only a road that the map lacks has, or one that is seen beside the map's
_ABOUT_UNMAPPED = ("length", "ends", "parallel", "away", "hidden", "width", "straight", "beyond")
_ABOUT_BESIDE = ("length", "offset", "residual", "unsteady", "steady_share", "hidden")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of finding.

    Parameters
    ----------
    name : str
        In tables, files and options.
    on_map : bool
        The finding's line is the map's; else it is a line seen that the map lacks.
    seen : {'here', 'beside', 'nowhere'}
        Where a road is seen, as told from the finding's line.
    rule : str
        Who finds it, a key of `finding.rules.RULES`.
    features : tuple of str
        What its score is made of, keys of `scoring.table.WORDS`; fitted in `ranking.json`.
    planted : str
        How such a mistake is made, a key of `planting.mistakes.PROPOSALS`; '' for not at all.
    gone_m : float or None
        A map's line that lies farther off counts as moved; None: as two findings do.
    singular, plural, meaning, caution : str
        For a reader: its name, what it says, what to think of before mending the map.
    instruction : str
        For a mapper of MapRoulette.
    legend : str
        In a legend, after the name.
    sketch : str
        What the sketch of it shows, for who cannot see it.
    colour : str
        #rrggbb over photographs, by day and by night.
    dash : tuple of float
        Pixels drawn and left out; () for a solid line. Dashed is the map's line.
    plate : tuple
        The SVG element of its icon's ground and its attributes, about (0, 0) in a square of 24.
    glyph : str
        The icon's sign as SVG path data, about (0, 0).
    """

    name: str
    on_map: bool
    seen: Seen
    rule: str
    features: tuple[str, ...]
    planted: str = ""
    gone_m: float | None = None
    singular: str
    plural: str
    meaning: str
    caution: str
    instruction: str
    legend: str
    sketch: str
    colour: str
    dash: tuple[float, ...] = ()
    plate: tuple[str, Mapping[str, float | str]]
    glyph: str


_ROWS = (
    Kind(
        name="missing",
        on_map=False,
        seen="here",
        rule="unmapped",
        features=(*_ABOUT_UNMAPPED, *_LOOK),
        planted="deleted",
        singular="Missing road",
        plural="Missing roads",
        meaning="The image shows a road, the map has none there.",
        caution=(
            "Before you add it: is it a road at all? Driveways, car parks and railways look alike"
            " from above."
        ),
        instruction="A road is seen here that the map lacks. Is it one? Then draw it.",
        legend="seen, not on the map",
        sketch=(
            "two roads in the image, the map line follows only one of them; the other is drawn in"
            " orange"
        ),
        colour="#ff9a1f",
        plate=("circle", {"r": 10.5}),
        glyph="M-5 0H5M0-5V5",
    ),
    Kind(
        name="phantom",
        on_map=True,
        seen="nowhere",
        rule="unseen",
        features=("length", "free_ends", "rarity", "hidden", "width", *_LOOK),
        planted="added",
        singular="Phantom road",
        plural="Phantom roads",
        meaning="The map has a road, the image shows none there.",
        caution=(
            "Before you delete it: could it be under trees, in a tunnel, or built after the photo"
            " was taken?"
        ),
        instruction=(
            "The map has a road here that cannot be seen. Do not delete it because of this picture"
            " alone: look for trees, tunnels and newer imagery first."
        ),
        legend="on the map, not seen",
        sketch=(
            "one road in the image, the map has a second one across the meadow, drawn in dashed"
            " magenta"
        ),
        colour="#f545a9",
        dash=(9, 6),
        plate=("rect", {"x": -9.5, "y": -9.5, "width": 19, "height": 19, "rx": 2}),
        glyph="M-4-4L4 4M4-4L-4 4",
    ),
    Kind(
        name="misaligned",
        on_map=True,
        seen="beside",
        rule="beside",
        features=(*_ABOUT_BESIDE, *_LOOK, *_SEEN_LOOK),
        planted="shifted",
        gone_m=3.0,  # imagery and map hardly agree better; a road is moved by 4.5 m and more
        singular="Misaligned road",
        plural="Misaligned roads",
        meaning="The image shows the road beside the place where the map has it.",
        caution=(
            "Before you move it: could the photo be off? Compare with a second image or with GPS"
            " tracks."
        ),
        instruction=(
            "The road is seen beside its line on the map (second line). Check another imagery or"
            " GPS traces before you move it: this imagery may itself be off."
        ),
        legend="seen beside the map",
        sketch=(
            "one road in the image; the map line, dashed, runs beside it; where the road is seen"
            " is drawn in solid blue"
        ),
        colour="#41cdf7",
        dash=(4, 4.5),
        plate=(
            "rect",
            {
                "x": -8.6,
                "y": -8.6,
                "width": 17.2,
                "height": 17.2,
                "rx": 2,
                "transform": "rotate(45)",
            },
        ),
        glyph="M-5-2.5H5M-5 2.5H5",
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ROWS})

# what else is drawn over photographs, the same in every page: name → colour
INKS: Mapping[str, str] = MappingProxyType(
    {"map": "#ffffff", "prediction": "#e8ff5c", "dark": "#14181b"}
)


_SMALL = 0.7  # of dashes in an overview and in small pictures


def list_kinds(*, on_map: bool | None = None, seen: Seen | None = None) -> tuple[str, ...]:
    """The names of the kinds that are so, in the table's order; None: no matter how."""
    return tuple(
        kind.name
        for kind in KINDS.values()
        if on_map in (None, kind.on_map) and seen in (None, kind.seen)
    )


ON_MAP, UNMAPPED = list_kinds(on_map=True), list_kinds(on_map=False)
BESIDE = list_kinds(seen="beside")  # the map's line is beside the road: two lines belong to it


def say_kinds(names: tuple[str, ...] = tuple(KINDS), join: str = "or") -> str:
    """'a, b or c'."""
    return f" {join} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def draw_plate(name: str) -> str:
    """The ground of a kind's icon as SVG markup, class `plate`."""
    tag, attributes = KINDS[name].plate
    said = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items())
    return f'<{tag} class="plate"{said}/>'


def write_style() -> str:
    """CSS that says the table: inks, `--kinds` (all colours side by side) and, for elements whose
    class is a kind's name, `--kind` (its colour), `--dash`, `--dash-small` and `--cap`.
    """
    share = 100 / len(KINDS)
    bands = ", ".join(
        f"{kind.colour} {at * share:.4g}% {(at + 1) * share:.4g}%"
        for at, kind in enumerate(KINDS.values())
    )
    inks = "".join(f"--{name}:{colour};" for name, colour in INKS.items())
    rows = [f":root{{{inks}--kinds:linear-gradient(90deg, {bands});}}"]
    for kind in KINDS.values():
        dash, small = (_say_dash(kind, scale) for scale in (1.0, _SMALL))
        cap = "butt" if kind.dash else "round"  # round ends would fill the gaps
        rows.append(
            f".{kind.name}{{--kind:{kind.colour};--dash:{dash};--dash-small:{small};--cap:{cap};}}"
        )
    return "\n".join(rows) + "\n"


def _say_dash(kind: Kind, scale: float) -> str:
    return " ".join(f"{scale * px:g}" for px in kind.dash) or "none"


def write_script() -> str:
    """A JavaScript module that says the table: `KINDS` (name → signs) and `INKS`."""
    told = {
        kind.name: {
            "onMap": kind.on_map,
            "seen": kind.seen,
            "colour": kind.colour,
            "dash": kind.dash,
            "plate": [kind.plate[0], dict(kind.plate[1])],
            "glyph": kind.glyph,
            "singular": kind.singular,
        }
        for kind in KINDS.values()
    }
    return (
        f"export const KINDS = {json.dumps(told)};\nexport const INKS = {json.dumps(dict(INKS))};\n"
    )
