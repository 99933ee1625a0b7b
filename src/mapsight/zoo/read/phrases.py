"""Pairs of sentences: read, parted so that no sentence is in two parts, and made into tokens for a
translator.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapsight.cnn.nets.translator import BEGIN, END, PAD, UNKNOWN
from mapsight.errors import InputError

SOURCE_LENGTH, TARGET_LENGTH = 48, 16  # tokens: letters of a source, words of a target with its END
REFERENCES = 8  # at most, of a test sentence
_MARKS = ("", "\x01", "\x02", "\x03")  # PAD, BEGIN, END, UNKNOWN in a vocabulary
_SHARES = (0.8, 0.1)  # of the groups to learn from, to judge by; the rest is tested

Pair = tuple[str, str]  # English, German, as the file has them


def read_pairs(path: Path) -> list[Pair]:
    """Lines of English, a tab, German; raises InputError for anything else."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            path, f"cannot be read ({error})", "give lines of English, a tab, German"
        ) from None
    pairs = [tuple(line.split("\t")[:2]) for line in lines if line.strip()]
    if len(pairs) < 10 or any(len(pair) < 2 for pair in pairs):
        raise InputError(
            path, "is no table of pairs", "give at least ten lines of English, a tab, German"
        )
    return [(english.strip(), german.strip()) for english, german in pairs]


def split_pairs(pairs: Sequence[Pair], seed: int = 0) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """To learn from, to judge by, to test: pairs that share a sentence, case and punctuation aside,
    stay together.
    """
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = name = parent[parent[name]]
        return name

    for english, german in pairs:
        parent[find("e " + strip(english))] = find("g " + strip(german))
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[find("e " + strip(pair[0]))].append(pair)
    names = np.random.default_rng(seed).permutation(sorted(groups))
    cuts = np.round(np.cumsum(_SHARES) * len(names)).astype(int)
    learn, judge, test = (
        [p for name in part for p in groups[name]] for part in np.split(names, cuts)
    )
    return learn, judge, test


def strip(text: str) -> str:
    """Lower case, words alone."""
    return " ".join(re.findall(r"\w+", text.lower()))


def spell_source(text: str) -> str:
    """A German text as the translator reads it: lower case, ss for ß, letters and '!', '?', ',',
    single blanks.
    """
    kept = re.sub(r"[^\w !?,]", "", text.lower().replace("ß", "ss").replace("\xa0", " "))
    return re.sub(r"\s+", " ", kept).strip()[: SOURCE_LENGTH - 1]


def part_words(text: str) -> list[str]:
    """Words and punctuation of an English text, lower case; what stands behind an apostrophe stays
    with its word.
    """
    return re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text.lower().replace("’", "'"))


def join_words(words: Sequence[str]) -> str:
    """The inverse, for people: a capital first, no blank before punctuation."""
    text = re.sub(r" ([.,!?;:])", r"\1", " ".join(words))
    return text[:1].upper() + text[1:]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Letters of the source, words of the target as they are written within a sentence; both begin
    with four marks.
    """

    letters: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Both, one behind the other, as a card keeps them."""
        return self.letters + self.words

    def encode_source(self, text: str) -> np.ndarray:
        """(S,) int64."""
        known = {letter: at for at, letter in enumerate(self.letters)}
        return _fill(
            [known.get(letter, UNKNOWN) for letter in spell_source(text)] or [UNKNOWN],
            SOURCE_LENGTH,
        )

    def encode_target(self, text: str) -> np.ndarray:
        """(T,) int64, END behind the last word."""
        known = {word.lower(): at for at, word in enumerate(self.words)}
        return _fill([*(known.get(word, UNKNOWN) for word in part_words(text)), END], TARGET_LENGTH)

    def decode_target(self, tokens: np.ndarray) -> list[str]:
        """Words before END."""
        said = [int(token) for token in tokens]
        said = said[: said.index(END)] if END in said else said
        return [
            "?" if token == UNKNOWN else self.words[token]
            for token in said
            if token not in (PAD, BEGIN)
        ]


def make_vocabulary(pairs: Sequence[Pair], *, least: int = 1) -> Vocabulary:
    """Letters of the sources; words that occur in at least `least` of the targets."""
    letters = sorted({letter for _, german in pairs for letter in spell_source(german)})
    counts = Counter(word for english, _ in pairs for word in part_words(english))
    within: dict[str, Counter[str]] = defaultdict(Counter)
    for english, _ in pairs:  # a sentence's first word has a capital that is not its own
        for word in re.findall(r"\w+(?:['’]\w+)*", english.replace("’", "'"))[1:]:
            within[word.lower()][word] += 1
    words = [_write(word, within) for word, count in sorted(counts.items()) if count >= least]
    return Vocabulary((*_MARKS, *letters), (*_MARKS, *words))


def _write(word: str, within: dict[str, Counter[str]]) -> str:
    if within[word]:
        return within[word].most_common(1)[0][0]
    return "I" + word[1:] if re.match(r"i\b", word) else word


def _fill(tokens: list[int], length: int) -> np.ndarray:
    row = np.full(length, PAD, np.int64)
    row[: min(len(tokens), length)] = tokens[:length]
    return row


def find_references(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """Each German text beside all its English ones, in the order of the file."""
    found: dict[str, list[str]] = defaultdict(list)
    for english, german in pairs:
        found[german].append(english)
    return {german: found[german][:REFERENCES] for german in sorted(found)}
