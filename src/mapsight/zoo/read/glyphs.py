"""Pictures of single letters: EMNIST's handwritten ones, and letters cut out of drawn signs."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mapsight.errors import InputError
from mapsight.zoo.images import open_picture
from mapsight.zoo.read.letters import SIDE_PX, read_board
from mapsight.zoo.read.signs import draw_sign
from mapsight.zoo.recipe import Data, Item, Judged
from mapsight.zoo.scores import find_wilson_interval

DIGITS, CAPITALS, SMALL = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
SIGNS = (
    *DIGITS,
    *CAPITALS,
    *SMALL,
    *"ÄÖÜäöüß!?",
)  # the reader's classes; the first 62 are EMNIST's ByClass
MERGED = "CIJKLMOPSUVWXYZ"  # EMNIST's ByMerge makes one class of each of these and its small letter
_COLUMNS = 127
HAND, DRAWN = "emnist", "drawn"  # where a glyph is from
_SHARES = (0.8, 0.05)  # of each class to learn from, to judge by; the rest is tested


@dataclass(frozen=True, eq=False)
class Glyphs:
    """Items: images (N, 1, 28, 28) uint8, light on black, classes (N,) of SIGNS; `names` (N,) say
    whence each is.
    """

    images: np.ndarray
    truth: np.ndarray
    names: np.ndarray

    def __len__(self) -> int:
        return len(self.truth)

    def __getitem__(self, index: int) -> Item:
        return self.images[index], self.truth[index]


def mix_glyphs(hand: tuple[np.ndarray, np.ndarray], drawn: tuple[np.ndarray, np.ndarray]) -> Glyphs:
    """Handwritten glyphs, then drawn ones."""
    images, truth = (np.concatenate(pair) for pair in zip(hand, drawn, strict=True))
    return Glyphs(images, truth, np.repeat([HAND, DRAWN], [len(hand[1]), len(drawn[1])]))


def read_emnist(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1, 28, 28) uint8, light on black, and (N,) classes of SIGNS: a sheet of 127 glyphs a row,
    and labels.csv.
    """
    sheets, table = sorted(folder.glob("*.webp")), folder / "labels.csv"
    if len(sheets) != 1 or not table.is_file():
        raise InputError(
            folder,
            "does not hold one .webp sheet and labels.csv",
            "give EMNIST ByClass in that form",
        )
    sheet = np.asarray(open_picture(sheets[0]).convert("L"))
    try:
        with table.open(encoding="utf-8", newline="") as file:
            truth = np.array([SIGNS.index(row["char"]) for row in csv.DictReader(file)])
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        raise InputError(
            table, f"cannot be read ({error})", "give columns index, char; digits and letters"
        ) from None
    rows, columns = sheet.shape[0] // SIDE_PX, sheet.shape[1] // SIDE_PX
    tiles = (
        sheet[: rows * SIDE_PX, : columns * SIDE_PX]
        .reshape(rows, SIDE_PX, columns, SIDE_PX)
        .swapaxes(1, 2)
    )
    if columns != _COLUMNS or not 0 < len(truth) <= rows * columns:
        raise InputError(
            sheets[0], f"holds {rows} × {columns} glyphs for {len(truth)} labels", "give both whole"
        )
    return tiles.reshape(-1, 1, SIDE_PX, SIDE_PX)[: len(truth)].copy(), truth


def split_classes(truth: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices to learn from, to judge by and to test, each class in the same shares (80, 5 and 15
    %).
    """
    rng = np.random.default_rng(seed)
    parts: tuple[list[np.ndarray], ...] = ([], [], [])
    for sign in np.unique(truth):
        own = rng.permutation(np.flatnonzero(truth == sign))
        cut, end = (round(share * len(own)) for share in np.cumsum(_SHARES))
        cut = max(
            min(cut, len(own) - 2), 0
        )  # of a few, too, one is for judging and one for testing
        cuts = [cut, max(min(max(end, cut + 1), len(own) - 1), cut)]
        for part, piece in zip(parts, np.split(own, cuts), strict=True):
            part.append(piece)
    learn, judge, test = (np.sort(np.concatenate(part)) for part in parts)
    return learn, judge, test


def draw_glyphs(
    wanted: int, rng: np.random.Generator, fonts: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """At least `wanted` glyphs (N, 1, 28, 28) and classes (N,): signs of random letters, their
    letters found again.
    """
    images: list[np.ndarray] = []
    truth: list[int] = []
    while len(truth) < wanted:
        sign = draw_sign(make_nonsense(rng), rng, fonts, capitals=0.0)
        page = read_board(Image.fromarray(sign.image), sign.corners + rng.uniform(-2, 2, (4, 2)))
        if len(page.lines) != len(sign.lines):
            continue
        for line, text in zip(page.lines, sign.lines, strict=True):
            letters, signs = [letter for word in line for letter in word], text.replace(" ", "")
            if len(letters) == len(signs):  # else some touch, and which is which is not known
                images += [letter.image for letter in letters]
                truth += [SIGNS.index(name) for name in signs]
    return np.stack(images)[:, None], np.array(truth)


def make_nonsense(rng: np.random.Generator) -> str:
    """Six words of random signs, each sign as likely as another: letters, not words, are to be
    learnt.
    """
    return " ".join("".join(rng.choice(SIGNS, int(rng.integers(4, 9)))) for _ in range(6))


def vary_glyph(item: Item, rng: np.random.Generator) -> Item:
    """Turned, sheared, stretched, moved a little, its ink thicker or thinner."""
    image, label = item
    turn, shear = np.deg2rad(rng.normal(0, 6)), rng.normal(0, 0.12)
    wide, tall = np.exp(rng.normal(0, 0.09, 2))
    matrix = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    matrix = matrix @ np.array([(wide, shear), (0, tall)])
    middle = (SIDE_PX - 1) / 2
    shift = middle - matrix @ np.full(2, middle) + rng.normal(0, 0.8, 2)
    (a, b), (d, e) = matrix
    moved = Image.fromarray(image[0]).transform(
        (SIDE_PX, SIDE_PX),
        Image.Transform.AFFINE,
        (a, b, shift[0], d, e, shift[1]),
        Image.Resampling.BILINEAR,
    )
    ink = (np.asarray(moved, np.float32) / 255) ** np.float32(np.exp(rng.normal(0, 0.35)))
    return (255 * ink).astype(np.uint8)[None], label


def measure_glyphs(judged: Judged, data: Data) -> dict[str, Any]:
    """Shares of glyphs read right: EMNIST's by its 62 classes and by the 47 of ByMerge, drawn ones
    by all classes.
    """
    said, truth = judged.outputs.argmax(axis=1), judged.truth
    hand, drawn = judged.names == HAND, judged.names == DRAWN
    merge = merge_classes()
    measures: dict[str, Any] = {}
    for name, of, right in (
        ("emnist_accuracy", hand, said == truth),
        ("emnist_merged_accuracy", hand, merge[said] == merge[truth]),
        ("drawn_accuracy", drawn, said == truth),
        ("drawn_merged_accuracy", drawn, merge[said] == merge[truth]),
    ):
        hits, total = int(right[of].sum()), int(of.sum())
        measures |= {name: hits / total, f"{name}_95": find_wilson_interval(hits, total)}
    both = (measures["emnist_accuracy"] + measures["drawn_merged_accuracy"]) / 2
    confused = np.bincount(
        (truth * len(SIGNS) + said)[hand & (said != truth)], minlength=len(SIGNS) ** 2
    )
    worst = [
        (SIGNS[at // len(SIGNS)], SIGNS[at % len(SIGNS)], int(confused[at]))
        for at in np.argsort(-confused)[:12]
    ]
    return {
        "score": both,
        **measures,
        "glyphs": {HAND: int(hand.sum()), DRAWN: int(drawn.sum())},
        "confused": worst,
    }


def merge_classes() -> np.ndarray:
    """(classes,) SIGNS → SIGNS, small letters that look like their capitals as the capital, as in
    EMNIST's ByMerge.
    """
    like = {small.lower(): small for small in (*MERGED, "Ö", "Ü")}
    return np.array([SIGNS.index(like.get(sign, sign)) for sign in SIGNS])
