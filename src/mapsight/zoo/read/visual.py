"""The whole way of Good (2015): a picture, its letters, a text, its translation; and what that is
worth on signs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mapsight.cnn.bootstrap import draw_weights
from mapsight.cnn.compute import Compute
from mapsight.zoo.model import ZooModel
from mapsight.zoo.read.fonts import LEARNT, UNSEEN
from mapsight.zoo.read.lexicon import fold, make_lexicon
from mapsight.zoo.read.phrases import TARGET_LENGTH, Vocabulary, join_words, part_words
from mapsight.zoo.read.reading import Text, read_text
from mapsight.zoo.read.signs import draw_sign
from mapsight.zoo.read.translation import BEAMS
from mapsight.zoo.recipe import Item
from mapsight.zoo.scores import find_wilson_interval

WORD, PHRASE = "word", "phrase"
_LONGEST = 64  # characters of a sign's text


@dataclass(frozen=True, eq=False)
class Seen:
    """What stands on a sign, and what it means."""

    text: Text
    english: str


def make_sight(models: Mapping[str, ZooModel], compute: Compute) -> Callable[[Image.Image], Seen]:
    """Picture → what was seen, by the reader (part '') and the translator (part 'phrases')."""
    reader, (translator, card) = models[""].net.to(compute.device), models["phrases"]
    translator.to(compute.device)
    vocabulary, words = open_labels(card.labels, card.options)
    lexicon = make_lexicon(word.split("\t")[0] for word in words)
    listed = [
        word.split("\t") for word in reversed(words) if "\t" in word
    ]  # the first meaning is written last
    meanings = {
        fold(form): english for word, english in listed for form in (word, word.replace("ß", "ss"))
    }

    @torch.inference_mode()
    def classify(images: np.ndarray) -> np.ndarray:
        logits: Tensor = reader(torch.from_numpy(images).to(compute.device).float() / 255)
        return logits.float().log_softmax(dim=1).cpu().numpy()

    def see(picture: Image.Image) -> Seen:
        text = read_text(picture, classify, lexicon)
        german = text.join()
        if not german:
            return Seen(text, "")
        if fold(german) in meanings and " " not in german:  # a word of the list: Good's dictionary
            return Seen(text, join_words([meanings[fold(german)]]))
        source = torch.from_numpy(vocabulary.encode_source(german))[None].to(compute.device)
        tokens = translator.translate(source, longest=TARGET_LENGTH, beams=BEAMS)  # type: ignore[operator]
        return Seen(text, join_words(vocabulary.decode_target(tokens[0].cpu().numpy())))

    return see


def open_labels(
    labels: Sequence[str], options: Mapping[str, Any]
) -> tuple[Vocabulary, tuple[str, ...]]:
    """A translator's labels → its vocabulary, and behind it the words that signs may have."""
    cut = int(options["source_words"])
    end = cut + int(options["target_words"])
    return Vocabulary(tuple(labels[:cut]), tuple(labels[cut:end])), tuple(labels[end:])


@dataclass(frozen=True, eq=False)
class Signs:
    """Items: signs (H, W, 3) uint8 that say `texts`, and what they say (64,) code points, 0 behind
    the last.

    Every other sign has a font that no training glyph has; `names` are the kinds, `references` the
    translations.
    """

    texts: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    seed: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Item:
        sign = draw_sign(
            self.texts[index], np.random.default_rng((self.seed, index)), self.choose_fonts(index)
        )
        said = [ord(letter) for letter in " ".join(sign.lines)[:_LONGEST]]
        return sign.image, np.pad(said, (0, _LONGEST - len(said)))

    def choose_fonts(self, index: int) -> tuple[str, ...]:
        """Those of the training glyphs, or those that none has."""
        return UNSEEN if index % 2 else LEARNT


def measure_signs(signs: Signs, see: Callable[[Image.Image], Seen]) -> dict[str, Any]:
    """Of signs: words and characters read right, signs read right and translated right, with 95 %
    intervals over signs.

    Words count as right in their order, capitals aside; characters by edit distance, capitals and
    all.
    """
    rows = []
    for at in range(len(signs)):
        image, codes = signs[at]
        truth = "".join(chr(code) for code in codes if code)
        seen = see(Image.fromarray(image))
        plain, known = seen.text.join(known=False), seen.text.join()
        rows.append(
            (
                len(truth.split()),
                count_common(plain.lower().split(), truth.lower().split()),
                count_common(known.lower().split(), truth.lower().split()),
                len(truth),
                find_distance(plain, truth),
                find_distance(known, truth),
                known.lower() == truth.lower(),
                known == truth,
                any(part_words(seen.english) == part_words(text) for text in signs.references[at]),
            )
        )
    table = np.array(rows, float)
    unseen = np.array([signs.choose_fonts(at) is UNSEEN for at in range(len(signs))])
    phrase = np.array(signs.names) == PHRASE
    groups = {
        "": np.ones(len(rows), bool),
        "_learnt_fonts": ~unseen,
        "_unseen_fonts": unseen,
        "_words": ~phrase,
        "_phrases": phrase,
    }
    measures: dict[str, Any] = {"signs": len(rows)}
    for name, kept in groups.items():
        if kept.any():
            measures |= {key + name: value for key, value in _measure_table(table[kept]).items()}
    return measures


def _measure_table(table: np.ndarray) -> dict[str, Any]:
    """Rows of `measure_signs` → shares, pooled, and their intervals."""
    measures: dict[str, Any] = {}
    for name, hits, of in (
        ("word_accuracy_letters", 1, 0),
        ("word_accuracy", 2, 0),
        ("character_errors_letters", 4, 3),
        ("character_errors", 5, 3),
    ):
        measures[name] = float(table[:, hits].sum() / table[:, of].sum())
        drawn = draw_weights(len(table), 1000, np.random.default_rng(0))
        spread = (drawn @ table[:, hits]) / (drawn @ table[:, of])
        measures[f"{name}_95"] = tuple(float(v) for v in np.percentile(spread, [2.5, 97.5]))
    for name, column in (
        ("signs_read", 6),
        ("signs_read_with_capitals", 7),
        ("signs_translated", 8),
    ):
        hits = int(table[:, column].sum())
        measures |= {name: hits / len(table), f"{name}_95": find_wilson_interval(hits, len(table))}
    return measures


def find_distance(said: Sequence[Any], truth: Sequence[Any]) -> int:
    """Edit distance (Levenshtein 1966): things to change, add or take away."""
    row = list(range(len(truth) + 1))
    for at, one in enumerate(said, start=1):
        before, row[0] = row[0], at
        for to, other in enumerate(truth, start=1):
            before, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, before + (one != other))
    return row[-1]


def count_common(said: Sequence[str], truth: Sequence[str]) -> int:
    """The length of the longest common subsequence: words that are right, in their order."""
    row = [0] * (len(truth) + 1)
    for one in said:
        before = 0
        for to, other in enumerate(truth, start=1):
            before, row[to] = row[to], max(row[to], row[to - 1], before + (one == other))
    return row[-1]
