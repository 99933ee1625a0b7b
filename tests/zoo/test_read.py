"""Visual translation in its parts, each against an oracle, and on the real data where they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from mapsight.cnn.losses import token_loss
from mapsight.cnn.nets.translator import END, PAD, UNKNOWN, Translator
from mapsight.errors import InputError
from mapsight.zoo.read.bleu import count_matches, find_bleu
from mapsight.zoo.read.boards import find_boards, fit_quadrangle, measure_area
from mapsight.zoo.read.fonts import LEARNT, UNSEEN, draw_line
from mapsight.zoo.read.glyphs import SIGNS, merge_classes, read_emnist, split_classes
from mapsight.zoo.read.letters import find_gap, find_lines, find_page, fit_glyph, read_board
from mapsight.zoo.read.lexicon import fold, look_up, make_lexicon, spell_letters, spell_like
from mapsight.zoo.read.overlay import write_over
from mapsight.zoo.read.phrases import (
    join_words,
    make_vocabulary,
    part_words,
    read_pairs,
    spell_source,
    split_pairs,
    strip,
)
from mapsight.zoo.read.plane import find_homography, list_corners, warp_picture
from mapsight.zoo.read.reading import find_cuts
from mapsight.zoo.read.signs import break_lines, draw_sign
from mapsight.zoo.read.translation import count_translation
from mapsight.zoo.read.visual import count_common, find_distance
from mapsight.zoo.read.wordbyword import align_words, translate_words
from tests.zoo.draw import write_reading


def be_sure(word: str) -> np.ndarray:
    """Log probabilities (n, SIGNS) of a reader that is sure of these signs."""
    logs = np.full((len(word), len(SIGNS)), np.log(0.1 / (len(SIGNS) - 1)))
    logs[np.arange(len(word)), [SIGNS.index(sign) for sign in word]] = np.log(0.9)
    return logs


# letters on signs


@pytest.mark.parametrize("font", [*LEARNT, *UNSEEN])
def test_every_font_writes_german(font):
    """An umlaut is its letter with more ink above; ß is one sign or two."""
    plain, dotted = (draw_line(text, font, 40) for text in ("aou", "äöü"))
    top = [np.flatnonzero(ink.any(axis=1))[0] for ink in (plain, dotted)]
    assert top[1] < top[0] - 2 and plain.shape[0] == dotted.shape[0]
    assert draw_line("ß", font, 40).any()


def test_homography_round_trip():
    """Corners go where they are told; a warped picture follows."""
    target = np.array([(30, 20), (160, 35), (150, 110), (25, 90)], float)
    matrix = find_homography(list_corners(100, 50), target)
    moved = np.c_[list_corners(100, 50), np.ones(4)] @ matrix.T
    assert np.allclose(moved[:, :2] / moved[:, 2:], target)
    seen = np.asarray(warp_picture(Image.new("L", (100, 50), 255), matrix, (200, 150)))
    assert (seen > 127).sum() == pytest.approx(measure_area(target), rel=0.02)


def test_quadrangle_is_found():
    """A drawn quadrangle's corners come back within two pixels; a disc is none."""
    corners = np.array([(20, 30), (170, 12), (180, 100), (10, 120)], float)
    matrix = find_homography(list_corners(100, 50), corners)
    mask = np.asarray(warp_picture(Image.new("L", (100, 50), 255), matrix, (200, 150))) > 127
    assert np.abs(fit_quadrangle(mask) - corners).max() < 2
    rows, columns = np.mgrid[:100, :100]
    assert fit_quadrangle(np.hypot(rows - 50, columns - 50) < 40) is None
    assert fit_quadrangle(np.zeros((5, 5), bool)) is None


def test_board_of_a_sign_is_found():
    """Of ten signs in front of coloured walls eight have a board among those found; a frame may be
    inset.
    """
    hits = 0
    for seed in range(10):
        sign = draw_sign("Kein Zutritt!", np.random.default_rng(seed), LEARNT[:2])
        found = find_boards(Image.fromarray(sign.image))
        hits += min(float(np.abs(board - sign.corners).max()) for board in found) < 15
    assert hits >= 8


def test_lines_words_and_dots():
    """Two lines; the dots of ä and i belong to their letters; blanks part words."""
    ink = np.zeros((220, 620), np.float32)
    for row, text in enumerate(("Tür im", "fällt zu")):
        drawn = draw_line(text, "DejaVuSans", 60, spacing=0.05)
        part = ink[row * 100 + 5 : row * 100 + 5 + drawn.shape[0], 40 : 40 + drawn.shape[1]]
        np.maximum(part, drawn[: part.shape[0]] / 255, out=part)
    lines = find_lines(ink > 0.5)
    assert [len(line) for line in lines] == [5, 7]
    height = [box[3] - box[1] for box in lines[0]]
    assert height[1] > 1.2 * height[2]  # ü is taller than r
    page = read_board(Image.fromarray((255 - 255 * ink).astype(np.uint8)), list_corners(620, 220))
    assert [[len(word) for word in line] for line in page.lines] == [[3, 2], [5, 2]]
    assert page.letters[0].image.shape == (28, 28) and max(page.ink) < 60 < 200 < min(page.ground)


def test_gaps_by_hand():
    """The widest step parts words; equal gaps part none."""
    assert 0.2 < find_gap(np.array([0.1, 0.2, 0.15, 0.7, 0.8])) < 0.7
    assert find_gap(np.array([0.1, 0.2, 0.15])) == np.inf
    assert find_gap(np.empty(0)) == np.inf


def test_glyph_fills_its_picture():
    """The longer side becomes 24 px, in the middle."""
    image = fit_glyph(np.ones((60, 20)))
    rows, columns = (np.flatnonzero((image > 127).any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1]) == (2, 25) and (columns[0], columns[-1]) == (10, 17)


def test_nothing_to_read():
    """A plain picture has no letters, and nothing is written over it."""
    picture = Image.new("RGB", (200, 150), "orange")
    page = find_page(picture)
    assert page.lines == () and np.array_equal(
        np.asarray(write_over(picture, page, "no")), np.asarray(picture)
    )


def test_translation_is_written_where_the_text_was():
    """Beyond the board nothing changes; on it the letters do, in its two colours."""
    sign = draw_sign("Guten Morgen", np.random.default_rng(3), ("DejaVuSans-Bold",), capitals=0)
    picture = Image.fromarray(sign.image)
    page = find_page(picture)
    changed = (
        np.abs(np.asarray(write_over(picture, page, "Good morning")).astype(int) - sign.image).max(
            axis=2
        )
        > 40
    )
    rows, columns = np.nonzero(changed)
    low, high = sign.corners.min(axis=0) - 3, sign.corners.max(axis=0) + 3
    assert changed.mean() > 0.005
    assert (
        columns.min() > low[0]
        and rows.min() > low[1]
        and columns.max() < high[0]
        and rows.max() < high[1]
    )


def test_cuts_are_where_little_ink_is():
    """Two bars that touch by a thin bridge are cut at the bridge."""
    ink = np.zeros((40, 60), np.float32)
    ink[5:35, 5:22] = ink[5:35, 38:55] = 1
    ink[18:21, 22:38] = 1
    assert 20 <= find_cuts(ink, (5, 5, 55, 35))[0] <= 40


def test_signs_break_lines():
    """No line is longer than 16 signs unless a word is."""
    assert break_lines("Ich bin mir nicht ganz sicher") == ["Ich bin mir", "nicht ganz", "sicher"]
    assert break_lines("Geschwindigkeitsbegrenzung") == ["Geschwindigkeitsbegrenzung"]


# words


def test_lexicon_mends_letters():
    """Look-alikes, one letter wrong and two letters read as one are mended; what is like no word
    stays unknown.
    """
    lexicon = make_lexicon(["Ich bin hier", "Straße", "Morgen", "Morgen"])
    assert look_up(be_sure("lch"), lexicon) == "Ich"
    assert look_up(be_sure("Morqen"), lexicon) == "Morgen"
    assert (
        look_up(be_sure("STRASSE"), lexicon) == "Strasse"
        and look_up(be_sure("Straße"), lexicon) == "Straße"
    )
    assert look_up(be_sure("Mogen"), lexicon) == "Morgen"
    assert look_up(be_sure("xyz"), lexicon) is None and look_up(be_sure("Q"), lexicon) is None
    assert fold("Grüß Gott!") == "grüßgott"


def test_case_by_neighbours_and_height():
    """S in a word of small letters is small; O of small height is o; words in capitals stay so."""
    assert spell_letters(be_sure("HauS"), [10, 7, 7, 7], 10) == "Haus"
    assert spell_letters(be_sure("2u"), [7, 7], 10) == "2u"
    assert (
        spell_letters(be_sure("ZU"), [7, 7], 10) == "zu"
        and spell_letters(be_sure("zu"), [10, 10], 10) == "ZU"
    )
    assert spell_letters(be_sure("EXlT"), [10] * 4, 10) == "EXIT"
    assert spell_letters(be_sure("W0rt"), [10, 7, 7, 9], 10) == "Wort"
    assert spell_letters(be_sure("1984"), [10] * 4, 10) == "1984"
    assert spell_like("straße", "STRABE") == "STRASSE" and spell_like("ich", "lch") == "Ich"
    assert spell_like("haus", "haus") == "haus" and spell_like("haus", "Hans") == "Haus"


def test_distances_by_hand():
    """Edit distance and common words of pairs worked out by hand."""
    assert find_distance("kitten", "sitting") == 3 and find_distance("", "abc") == 3
    assert count_common(["ich", "bin", "nicht", "da"], ["ich", "bin", "da"]) == 3


# translation


def test_bleu_by_hand():
    """Papineni's own example of clipping: 2 of 7; and a corpus worked out by hand."""
    references = [
        ["the", "cat", "is", "on", "the", "mat"],
        ["there", "is", "a", "cat", "on", "the", "mat"],
    ]
    counts = count_matches(["the"] * 7, references)
    assert counts[0] == 2 and counts[4] == 7 and counts[8:].tolist() == [7, 7]
    said = ["a", "b", "c", "d", "e"]
    counts = count_matches(said, [["a", "b", "c", "d", "x", "y"]])
    assert counts[:8].tolist() == [4, 3, 2, 1, 5, 4, 3, 2]
    wanted = np.exp(1 - 6 / 5) * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert find_bleu(counts) == pytest.approx(wanted)
    assert (
        find_bleu(count_matches(said, [said])) == 1
        and find_bleu(count_matches(["a"], [["b"]])) == 0
    )


def test_bleu_is_sacrebleus():
    """Where sacrebleu is installed: the same figure for a corpus of many references."""
    sacrebleu = pytest.importorskip(
        "sacrebleu", reason="sacrebleu is not installed; BLEU is checked by hand above"
    )
    rng = np.random.default_rng(0)
    said, known = (
        [[str(w) for w in rng.integers(0, 6, rng.integers(4, 9))] for _ in range(40)]
        for _ in range(2)
    )
    other = [[str(w) for w in rng.integers(0, 6, rng.integers(4, 9))] for _ in range(40)]
    counts = sum(count_matches(a, [b, c]) for a, b, c in zip(said, known, other, strict=True))
    streams = [[" ".join(row) for row in rows] for rows in (known, other)]
    theirs = sacrebleu.corpus_bleu(
        [" ".join(row) for row in said], streams, tokenize="none", smooth_method="none"
    )
    assert 100 * find_bleu(counts) == pytest.approx(theirs.score, abs=1e-6)


def test_unknown_words_never_match():
    """A word that was said as unknown is no match for an unknown word of a reference."""
    said = np.array([UNKNOWN, 7, END, PAD])
    counts = count_translation(said, np.array([[UNKNOWN, 7, END, PAD], [0, 0, 0, 0]]))
    assert counts[:2].tolist() == [1, 0] and counts[8:].tolist() == [2, 2]


def test_pairs_are_parted_by_sentence():
    """No sentence of either language, case and punctuation aside, is in two parts."""
    pairs = [(f"say {n // 3}", f"sag {n % 40}!") for n in range(300)] + [
        (f"go {n}", f"geh {n}") for n in range(200)
    ]
    parts = split_pairs(pairs)
    assert sum(map(len, parts)) == len(pairs) and all(parts)
    for side in (0, 1):
        sides = [{strip(pair[side]) for pair in part} for part in parts]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_vocabulary_round_trip():
    """Words come back as written within a sentence; names keep their capital; unknown letters are
    said to be so.
    """
    pairs = [
        ("I'm here.", "Ich bin da."),
        ("It's Tom.", "Das ist Tom."),
        ("Here I am, Tom!", "Da bin ich, Tom!"),
    ]
    vocabulary = make_vocabulary(pairs)
    tokens = vocabulary.encode_target("I'm Tom, here!")
    assert join_words(vocabulary.decode_target(tokens)) == "I'm Tom, here!"
    assert UNKNOWN in vocabulary.encode_source("xyz") and UNKNOWN not in vocabulary.encode_source(
        "Tom ist da"
    )
    assert UNKNOWN in vocabulary.encode_target("There")
    assert spell_source(" Die  STRASSE: 'groß'. ") == "die strasse gross" and part_words(
        "Don’t!"
    ) == ["don't", "!"]


def test_word_by_word_learns_its_partners():
    """IBM model 1 tells apart words that always come together with others; unseen words are
    copied.
    """
    words = {"hund": "dog", "katze": "cat", "haus": "house", "rot": "red"}
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(40):
        chosen = rng.choice(list(words), 2, replace=False)
        pairs.append(([words[w] for w in chosen[::-1]], list(chosen)))
    assert translate_words(["rot", "haus", "neu"], align_words(pairs)) == ["red", "house", "neu"]


def test_token_loss_leaves_padding_out():
    """It is the mean over the tokens that are there, whatever the padding says and however much of
    it there is.
    """
    torch.manual_seed(0)
    logits, tokens = torch.randn(2, 4, 6), torch.tensor([[3, 4, 2, 0], [5, 2, 0, 0]])
    kept = tokens != 0
    wanted = F.cross_entropy(logits[kept], tokens[kept])
    assert token_loss(logits, tokens, smoothing=0).item() == pytest.approx(wanted.item(), rel=1e-5)
    assert token_loss(logits[:, :3], tokens, smoothing=0).item() == pytest.approx(
        wanted.item(), rel=1e-5
    )


def test_translator_ignores_padding():
    """More PAD behind a source changes neither logits nor what is said; many beams find what is at
    least as likely.
    """
    torch.manual_seed(0)
    net = Translator(source_words=30, target_words=20, hidden=16).eval()
    source, target = torch.randint(4, 30, (3, 6)), torch.randint(4, 20, (3, 5))
    source[1, 4:] = PAD
    longer = F.pad(source, (0, 7))
    with torch.inference_mode():
        assert torch.allclose(net(source, target), net(longer, target), atol=1e-6)
    assert torch.equal(
        net.translate(source, beams=3, longest=8), net.translate(longer, beams=3, longest=8)
    )

    def weigh(said: torch.Tensor) -> torch.Tensor:
        begun = F.pad(said, (1, 0), value=1)[:, :-1]
        with torch.no_grad():
            logits = net(source, begun)
        logits[..., [PAD, 1, UNKNOWN]] = float("-inf")
        gain = logits.log_softmax(-1).gather(2, said[..., None])[..., 0]
        return torch.where(said == PAD, 0.0, gain).sum(dim=1)

    greedy, wide = net.translate(source, longest=2), net.translate(source, longest=2, beams=20)
    assert (weigh(wide) >= weigh(greedy) - 1e-5).all()


# data


def test_emnist_sheet(tmp_path):
    """Glyphs and labels come back in their order; parts are disjoint and hold each class in its
    share.
    """
    write_reading(tmp_path)
    images, truth = read_emnist(tmp_path / "emnist")
    assert images.shape == (len(truth), 1, 28, 28)
    parts = split_classes(truth)
    assert sorted(np.concatenate(parts)) == list(range(len(truth)))
    merge = merge_classes()
    assert (
        len(set(merge[:62])) == 47
        and SIGNS[merge[SIGNS.index("s")]] == "S"
        and SIGNS[merge[SIGNS.index("a")]] == "a"
    )
    (tmp_path / "emnist" / "labels.csv").write_text("index,char\n0,€\n")
    with pytest.raises(InputError, match="labels"):
        read_emnist(tmp_path / "emnist")


def test_hostile_pairs(tmp_path):
    """Tables without tabs, without lines, of bytes that are no text."""
    for body in (b"", b"a\tb\n", b"no tab\n" * 20, b"\xff\xfe\x00" * 50):
        (tmp_path / "pairs.tsv").write_bytes(body)
        with pytest.raises(InputError):
            read_pairs(tmp_path / "pairs.tsv")


def test_real_data_if_there():
    """EMNIST's 16,129 glyphs of 62 classes, and 10,000 pairs that no split tears apart."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not (folder / "emnist").is_dir() or not (folder / "words").is_dir():
        pytest.skip(
            "EMNIST and the pairs are not here (../shared/data/emnist, ../shared/data/words)"
        )
    images, truth = read_emnist(folder / "emnist")
    assert len(images) == 16_129 and len(np.unique(truth)) == 62
    assert [SIGNS[label] for label in truth[:6]] == list("Ia03XU")
    assert [len(part) for part in split_classes(truth)] == [12_904, 813, 2_412]
    parts = split_pairs(read_pairs(next((folder / "words").glob("*.tsv"))))
    assert sum(map(len, parts)) == 10_000
    german = [{strip(pair[1]) for pair in part} for part in parts]
    assert not (german[0] & german[1] or german[0] & german[2] or german[1] & german[2])
    assert len(json.loads((folder / "words" / "de.json").read_text())["words"]) == 1000
