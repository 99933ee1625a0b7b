"""From a picture to text: letters that touch are parted where the reader believes the parts more
than the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter1d

from mapsight.zoo.read.letters import INK, Box, Letter, Page, cut_letter, find_page
from mapsight.zoo.read.lexicon import Lexicon, look_up, spell_letters, spell_like

Classify = Callable[
    [np.ndarray], np.ndarray
]  # images (N, 1, 28, 28) uint8 → log probabilities (N, SIGNS)

_WIDE = 0.55  # of the line's height: narrower than this is one letter
_SURE = np.log(0.6)  # the net has learnt that nothing is surer than 0.9
_GAIN = 0.35  # by how much the mean log probability of the parts must exceed that of the whole
_CUTS = 3  # places to try
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Text:
    """What was read: lines of words as the letters say, and as the list of words has them."""

    page: Page
    letters: tuple[tuple[str, ...], ...]
    words: tuple[tuple[str, ...], ...]

    def join(self, *, known: bool = True) -> str:
        """All words with blanks between; `known`: as the list has them."""
        return " ".join(word for line in (self.words if known else self.letters) for word in line)


def read_text(picture: Image.Image, classify: Classify, lexicon: Lexicon) -> Text:
    """The text of the sign in a picture; without letters no lines."""
    page = find_page(picture)
    plain, known = [], []
    for line in page.lines:
        boxes = [letter.box for word in line for letter in word]
        height = float(np.median([box[3] - box[1] for box in boxes]))
        read = [read_letters(word, page.ink_map, classify, height) for word in line]
        base = float(np.median([box[3] for letters, _ in read for box in letters]))
        tallest = max(base - box[1] for box in boxes)
        own = [
            spell_letters(logs, [base - box[1] for box in letters], tallest)
            for letters, logs in read
        ]
        plain.append(tuple(own))
        known.append(
            tuple(_correct(text, logs, lexicon) for text, (_, logs) in zip(own, read, strict=True))
        )
    return Text(page, tuple(plain), tuple(known))


def _correct(text: str, logs: np.ndarray, lexicon: Lexicon) -> str:
    """The word the list has for it, with the mark behind it; as it was read where the list has
    none.
    """
    mark = text[-1] if len(text) > 1 and text[-1] in "!?" else ""
    word = look_up(logs[: len(logs) - len(mark)], lexicon)
    return spell_like(word, text.rstrip("!?")) + mark if word else text


def read_letters(
    word: tuple[Letter, ...], ink: np.ndarray, classify: Classify, height: float
) -> tuple[list[Box], np.ndarray]:
    """Boxes and log probabilities (n, SIGNS) of a word's letters, those that touch parted."""
    boxes = [letter.box for letter in word]
    logs = classify(np.stack([letter.image for letter in word])[:, None])
    for _ in range(_ROUNDS):
        split = False
        for at in range(len(boxes) - 1, -1, -1):
            if boxes[at][2] - boxes[at][0] < _WIDE * height or logs[at].max() > _SURE:
                continue
            pairs = [
                pair
                for column in find_cuts(ink, boxes[at])
                for pair in [part_box(ink, boxes[at], column)]
                if pair
            ]
            if not pairs:
                continue
            parts = classify(
                np.stack([cut_letter(ink, box) for pair in pairs for box in pair])[:, None]
            )
            belief = parts.max(axis=1).reshape(-1, 2).mean(axis=1)
            best = int(np.argmax(belief))
            if belief[best] > logs[at].max() + _GAIN:
                boxes[at : at + 1] = pairs[best]
                logs = np.concatenate([logs[:at], parts[2 * best : 2 * best + 2], logs[at + 1 :]])
                split = True
        if not split:
            break
    return boxes, logs


def find_cuts(ink: np.ndarray, box: Box) -> list[int]:
    """Columns with the least ink between a fifth and four fifths of a box, apart from each
    other.
    """
    left, top, right, bottom = box
    column = uniform_filter1d(ink[top:bottom, left:right].sum(axis=0), 3)
    low, high = round(0.15 * len(column)), round(0.85 * len(column))
    inner = column[low:high]
    dips = [
        at
        for at in range(1, len(inner) - 1)
        if inner[at] <= inner[at - 1] and inner[at] < inner[at + 1]
    ]
    return [left + low + at for at in sorted(dips, key=lambda at: inner[at])[:_CUTS]]


def part_box(ink: np.ndarray, box: Box, column: int) -> tuple[Box, Box] | None:
    """The two boxes left and right of a column, drawn in to their ink; None where one has none."""
    left, top, right, bottom = box
    parts = []
    for start, end in ((left, column), (column, right)):
        rows = np.flatnonzero((ink[top:bottom, start:end] > INK).any(axis=1))
        columns = np.flatnonzero((ink[top:bottom, start:end] > INK).any(axis=0))
        if len(rows) < 3 or len(columns) < 2:
            return None
        parts.append(
            (
                start + int(columns[0]),
                top + int(rows[0]),
                start + int(columns[-1]) + 1,
                top + int(rows[-1]) + 1,
            )
        )
    return parts[0], parts[1]
