"""What the translator learns from and how it is judged: pairs of sentences as tokens, BLEU beside
word by word.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from mapsight.cnn.nets.translator import BEGIN, PAD, UNKNOWN
from mapsight.errors import InputError
from mapsight.zoo.read.bleu import count_matches, find_bleu, find_bleu_interval
from mapsight.zoo.read.phrases import (
    REFERENCES,
    TARGET_LENGTH,
    Pair,
    Vocabulary,
    find_references,
    make_vocabulary,
    part_words,
    read_pairs,
    spell_source,
    split_pairs,
    strip,
)
from mapsight.zoo.read.wordbyword import align_words, translate_words
from mapsight.zoo.recipe import Arrays, Data, Fold, Judged
from mapsight.zoo.scores import find_wilson_interval

BEAMS = 4
_LEAST = 2  # sentences in which a word must occur to be one of the translator's


class Phrases(NamedTuple):
    """Data of the translator, whose labels are its vocabulary and then the words that signs may
    have.

    Words of the list have their meaning behind a tab.

    `tests` are its test pairs, `words` the list of words: both are written on test signs.
    """

    data: Data
    tests: list[Pair]
    words: list[Pair]


def read_phrases(folder: Path) -> Phrases:
    """Pairs of sentences to learn from, with the list of words beside them; sources with all
    references to judge.
    """
    tables = sorted(folder.glob("*.tsv"))
    if len(tables) != 1:
        raise InputError(
            folder, f"holds {len(tables)} tables of pairs", "give one .tsv: English, a tab, German"
        )
    learn, judge, test = split_pairs(read_pairs(tables[0]))
    kept = {strip(german) for _, german in (*judge, *test)} | {
        strip(english) for english, _ in (*judge, *test)
    }
    words = [
        pair for pair in read_words(folder / "de.json") if not {strip(side) for side in pair} & kept
    ]
    vocabulary = make_vocabulary([*learn, *words], least=_LEAST)
    items = _make_items([*learn, *words], vocabulary)
    judges, tests = (_make_tests(part, vocabulary) for part in (judge, test))
    partners = align_words(
        [(part_words(english), spell_source(german).split()) for english, german in learn]
    )
    counts = np.stack(
        [
            count_matches(
                translate_words(spell_source(german).split(), partners),
                [part_words(text) for text in known],
            )
            for german, known in find_references(test).items()
        ]
    )
    low, high = find_bleu_interval(counts)
    facts = {"bleu": find_bleu(counts.sum(axis=0)), "low": low, "high": high}
    about = (
        f"Tatoeba, German to English: {len(learn)} pairs and {len(words)} words to learn from,"
        f" {len(judges)} sentences to judge, {len(tests)} to test"
    )
    options = {"source_words": len(vocabulary.letters), "target_words": len(vocabulary.words)}
    meanings = {german: f"{german}\t{english}" for english, german in reversed(words)}
    others = dict.fromkeys(
        word for _, german in learn for word in re.findall(r"\w+", german) if word not in meanings
    )
    labels = (*vocabulary.labels, *meanings.values(), *others)
    return Phrases(
        Data((Fold("", items, judges, tests),), labels, about, facts=facts, options=options),
        test,
        words,
    )


def read_words(path: Path) -> list[Pair]:
    """(English, German) of a list of words as JSON; raises InputError for anything else."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["words"]
        return [(str(row["englishWord"]), str(row["targetWord"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            path, f"is no list of words ({error})", "give de.json with targetWord, englishWord"
        ) from None


def _make_items(pairs: list[Pair], vocabulary: Vocabulary) -> Arrays:
    """(source, what was said so far, what comes next): the true words before each are given
    (teacher forcing).
    """
    source = np.stack([vocabulary.encode_source(german) for _, german in pairs])
    target = np.stack([vocabulary.encode_target(english) for english, _ in pairs])
    return Arrays((source, np.insert(target[:, :-1], 0, BEGIN, axis=1), target))


def _make_tests(pairs: list[Pair], vocabulary: Vocabulary) -> Arrays:
    """(source, nothing said, references (R, T), rows of PAD where there are fewer)."""
    known = find_references(pairs)
    source = np.stack([vocabulary.encode_source(german) for german in known])
    truth = np.full((len(known), REFERENCES, TARGET_LENGTH), PAD, np.int64)
    for row, texts in zip(truth, known.values(), strict=True):
        row[: len(texts)] = [vocabulary.encode_target(text) for text in texts]
    return Arrays((source, np.full((len(known), TARGET_LENGTH), PAD, np.int64), truth))


def apply_translator(net: nn.Module, inputs: list[Tensor]) -> Tensor:
    """In training logits for the words given, as far as the longest goes; else what is said to the
    source (B, T).
    """
    source, said = inputs
    if net.training:
        logits: Tensor = net(source, said[:, : int((said != PAD).sum(dim=1).max())])
        return logits
    tokens: Tensor = net.translate(source, longest=TARGET_LENGTH, beams=BEAMS)  # type: ignore[operator]
    return F.pad(tokens, (0, TARGET_LENGTH - tokens.shape[1]))


def measure_translation(judged: Judged, data: Data) -> dict[str, Any]:
    """Corpus BLEU (the score), lower case, against all references; the share equal to one; word by
    word beside it.
    """
    pairs = list(zip(judged.outputs, judged.truth, strict=True))
    counts = np.stack([count_translation(said, known) for said, known in pairs])
    exact = np.array([any(np.array_equal(said, known) for known in refs) for said, refs in pairs])
    bleu, hits = find_bleu(counts.sum(axis=0)), int(exact.sum())
    return {
        "score": bleu,
        "bleu": bleu,
        "bleu_95": find_bleu_interval(counts, resamples=500),
        "equal": hits / len(exact),
        "equal_95": find_wilson_interval(hits, len(exact)),
        "bleu_word_by_word": data.facts["bleu"],
        "bleu_word_by_word_95": (data.facts["low"], data.facts["high"]),
        "sentences": len(exact),
    }


def count_translation(said: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Counts for BLEU of tokens (T,) against (R, T); an unknown word that was said is like none of
    the references.
    """
    known = [[int(token) for token in row if token >= UNKNOWN] for row in references if row.any()]
    return count_matches(
        [-1 if token == UNKNOWN else int(token) for token in said if token >= UNKNOWN], known
    )
