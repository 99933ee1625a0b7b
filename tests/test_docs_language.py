"""Plain English that is counted: the sentences of the documentation are short."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(page for page in DOCS.glob("*.md")),
    *sorted((DOCS / "lab").glob("*.md")),
    *sorted((DOCS / "decisions").glob("*.md")),
]
VERSIONS = [
    section
    for section in re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.M)[1:]
    if "\n- " in section
]
MEDIAN_WORDS = 20
LONGEST_WORDS = 45
SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+")
# a full stop after these ends no sentence
ABBREVIATION = re.compile(r"\b(et al|e\.g|i\.e|vs|cf|Fig|No|[A-Z])\.$")


def list_blocks(markdown: str) -> Iterator[str]:
    """The text of each paragraph and each item of a list, without headings, tables and code."""
    before = ""
    for token in MarkdownIt().enable("table").parse(markdown):
        if token.type == "inline" and before not in {"heading_open", "th_open", "td_open"}:
            yield "".join(map(read_piece, token.children or ()))
        before = token.type


def read_piece(piece: Token) -> str:
    """What a piece of a paragraph adds to its words: a link its text, code the one word 'code'."""
    texts = {"text": piece.content, "code_inline": "code", "softbreak": " ", "hardbreak": " "}
    return texts.get(piece.type, "")


def split_sentences(block: str) -> Iterator[str]:
    """The sentences of a paragraph. Neither a colon nor a semicolon ends one."""
    sentence = ""
    for part in SENTENCE_END.split(block):
        sentence = f"{sentence} {part}".strip()
        if not ABBREVIATION.search(sentence):
            yield sentence
            sentence = ""
    if sentence:
        yield sentence


def count_words(sentence: str) -> int:
    """How many of its words have a letter or a digit."""
    return sum(any(map(str.isalnum, word)) for word in sentence.split())


def measure(markdown: str) -> list[tuple[int, str]]:
    """Each sentence of a page with its number of words, the longest last."""
    sentences = [part for block in list_blocks(markdown) for part in split_sentences(block)]
    return sorted((words, part) for part in sentences if (words := count_words(part)))


def check(markdown: str) -> None:
    """Fail where the sentences of a text are long in the middle, or one of them far too long."""
    counts = measure(markdown)
    words, longest = counts[-1]
    assert words <= LONGEST_WORDS, f"{words} words: {longest}"
    assert statistics.median(count for count, _ in counts) <= MEDIAN_WORDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_has_short_sentences(page):
    """At most 20 words at the median, at most 45 in the longest."""
    check(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("section", VERSIONS, ids=lambda section: section.split()[0])
def test_a_version_is_told_in_short_sentences(section):
    """The changelog, too: each version by itself, first of all the one that is not released."""
    check(section)


def test_what_is_counted():
    """Links count by their text and code as a word; headings, tables and blocks not at all."""
    page = """# A heading of no account

One [link of three](https://example.org/a-b "title") and `some code` here. Two
words, e.g. after Luo et al. 2016: F1 .778! "Is it so?" Yes.

| a table | with words |
|---|---|
| that do | not count |

- An item
  - ![a picture](image.png) Beside it.

          code --of a block

```sh
mapsight audit
```
"""
    assert sorted(measure(page)) == [
        (1, "Yes."),
        (2, "An item"),
        (2, "Beside it."),
        (3, '"Is it so?'),
        (7, "One link of three and code here."),
        (10, "Two words, e.g. after Luo et al. 2016: F1 .778!"),
    ]


def test_long_sentences_are_found():
    """The checks above can fail, on either measure."""
    with pytest.raises(AssertionError, match="46 words"):
        check("word " * 45 + "end.\n\nShort.\n\nShort.")
    with pytest.raises(AssertionError):
        check("word " * 20 + "end.")
    check("word " * 44 + "end.\n\nShort.\n\nShort.")
