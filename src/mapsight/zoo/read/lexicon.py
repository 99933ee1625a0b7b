"""What a word may be: read letters beside a list of words, as Good (2015) looks up what it read.

Letters are compared folded: a capital like its small letter, and signs that look alike in many
fonts like each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mapsight.zoo.read.glyphs import SIGNS

FOLDED = "abcdefghijklmnopqrstuvwxyzäöüß!?0123456789"
_ALIKE = {
    "o": "0",
    "l": "1I!",
    "i": "l1!",
    "s": "5",
    "z": "2",
    "b": "8",
    "g": "9",
    "ß": "B",
}  # besides its capital
_SAME = "cjkmopsuvwxyzöü"  # small letters that look like their capitals
_HALF = np.log(0.5)  # what a look-alike counts
_EDIT = -5.0  # log probability of a letter too many or too few
_TRUST = -1.7  # mean log probability a letter below which a word of the list is not believed
_LEAST = -9.0


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Words as they are written, and, by the number of their letters, their letters' places in
    FOLDED (words, n).
    """

    words: dict[int, tuple[str, ...]]
    letters: dict[int, np.ndarray]


def make_lexicon(texts: Iterable[str]) -> Lexicon:
    """All words of the texts, each once, as it comes first; those with ß also with ss, as the Swiss
    write.
    """
    forms: dict[str, str] = {}
    for text in texts:
        for word in text.split():
            for form in (word, word.replace("ß", "ss")):
                forms.setdefault(fold(form), form)
    rows: dict[int, list[str]] = {}
    for folded in sorted(forms.keys() - {""}):
        rows.setdefault(len(folded), []).append(folded)
    return Lexicon(
        {n: tuple(forms[folded] for folded in row) for n, row in rows.items()},
        {
            n: np.array([[FOLDED.index(sign) for sign in folded] for folded in row])
            for n, row in rows.items()
        },
    )


def fold(word: str) -> str:
    """Lower case, letters and digits alone."""
    return "".join(sign for sign in word.lower() if sign in FOLDED and sign not in "!?")


def fold_letters(logs: np.ndarray) -> np.ndarray:
    """Log probabilities (n, SIGNS) → (n, FOLDED)."""
    folded = np.full((len(logs), len(FOLDED)), _LEAST)
    for at, sign in enumerate(FOLDED):
        own = [SIGNS.index(s) for s in {sign, sign.upper()} if s in SIGNS]
        alike = [SIGNS.index(s) for s in _ALIKE.get(sign, "") if s in SIGNS]
        columns = np.concatenate([logs[:, own], logs[:, alike] + _HALF], axis=1)
        folded[:, at] = np.maximum(np.logaddexp.reduce(columns, axis=1), _LEAST)
    return folded


def look_up(logs: np.ndarray, lexicon: Lexicon) -> str | None:
    """The likeliest word of the list for letters (n, SIGNS) log probabilities; None where none is
    likely.

    A letter read as one may stand for two or for none, at a price (edit distance, by dynamic
    programming).
    """
    folded = fold_letters(logs)
    n, best, found = len(logs), _TRUST * len(logs), None
    for length in (n, n - 1, n + 1, n + 2):
        if length not in lexicon.letters:
            continue
        scores = score_words(folded, lexicon.letters[length])
        at = int(np.argmax(scores))
        if scores[at] > best:
            best, found = float(scores[at]), lexicon.words[length][at]
    return found


def score_words(folded: np.ndarray, words: np.ndarray) -> np.ndarray:
    """(words,) log probability of each word (words, m), read as (n, FOLDED), by the best
    alignment.
    """
    n, m = len(folded), words.shape[1]
    if n == m:
        scores: np.ndarray = folded[np.arange(n), words].sum(axis=1)
        return scores
    row = np.tile(_EDIT * np.arange(m + 1), (len(words), 1))
    for at in range(n):
        following = np.empty_like(row)
        following[:, 0] = row[:, 0] + _EDIT
        for to in range(m):
            together = row[:, to] + folded[at, words[:, to]]
            following[:, to + 1] = np.maximum(
                together, np.maximum(row[:, to + 1], following[:, to]) + _EDIT
            )
        row = following
    return row[:, -1]


def spell_like(word: str, read: str) -> str:
    """The word of the list with the capitals that were read: all of them, the first, or as the list
    has it.
    """
    letters = [sign for sign in read if sign.isalpha()]
    if len(letters) > 1 and all(sign.isupper() or sign == "ß" for sign in letters):
        return word.upper().replace("ß", "SS")
    capital = read[:1].isupper() or (
        word[:1] == "i" and read[:1] == "l"
    )  # an i without its dot is a capital
    return word[:1].upper() + word[1:] if capital else word


def spell_letters(logs: np.ndarray, heights: Sequence[float], tallest: float) -> str:
    """A word from its letters alone (n, SIGNS): look-alikes are decided by their neighbours and
    their height.

    `heights` above the line of writing, `tallest` that of the line's tallest, in the same unit.
    """
    read = [SIGNS[int(at)] for at in logs.argmax(axis=1)]
    if sum(sign.isdigit() for sign in read) > len(read) / 2:
        return "".join(read)
    # those whose case their shape shows
    plain = [
        sign
        for sign in read[1:]
        if sign.isalpha() and sign.lower() not in _SAME and sign not in "lI"
    ]
    if plain:
        capitals = sum(sign.isupper() for sign in plain) > len(plain) / 2
    else:
        capitals = len(read) > 1 and float(np.median(heights[1:])) > 0.9 * tallest
    word = []
    for at, sign in enumerate(read):
        letter = {"0": "o", "1": "l", "5": "s", "8": "b"}.get(sign, sign)
        if capitals:
            letter = "I" if letter == "l" else letter.upper() if letter != "ß" else letter
        elif at:
            letter = "l" if letter == "I" else letter.lower()
        elif letter.lower() in _SAME:
            letter = letter.upper() if heights[0] > 0.85 * tallest else letter.lower()
        word.append(letter)
    return "".join(word)
