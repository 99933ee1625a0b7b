"""A translator that knows no sentences: each word's likeliest partner (IBM model 1, Brown et al.
1993, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Sentence = Sequence[str]


def align_words(pairs: Sequence[tuple[Sentence, Sentence]], *, rounds: int = 8) -> dict[str, str]:
    """Pairs (target, source) → each source word's likeliest target word, by expectation
    maximisation.
    """
    links: dict[tuple[str, str], int] = {}
    rows = []  # sentence's target word, link
    words = 0
    for target, source in pairs:
        for word in target:
            for partner in source:
                rows.append((words, links.setdefault((partner, word), len(links))))
            words += 1
    at_word, link = np.array(rows, int).reshape(-1, 2).T
    names = list(links)
    sources = {name: at for at, name in enumerate(dict.fromkeys(name for name, _ in names))}
    owner = np.array([sources[name] for name, _ in names], int)
    chance = np.ones(len(names))
    for _ in range(rounds):
        share = chance[link] / np.bincount(at_word, chance[link], words)[at_word]
        counts = np.bincount(link, share, len(names))
        chance = counts / np.bincount(owner, counts)[owner]
    order = np.argsort(chance, kind="stable")  # the likeliest is written last
    return {names[at][0]: names[at][1] for at in order}


def translate_words(source: Sentence, partners: dict[str, str]) -> list[str]:
    """One word for each; what was never seen is copied."""
    return [partners.get(word, word) for word in source]
