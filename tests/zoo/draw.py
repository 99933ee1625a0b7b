"""Small data sets, drawn: what each recipe's real data look like, with an answer that is plain to
see.
"""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.io import wavfile


def draw_digit(digit: int, rng: np.random.Generator) -> Image.Image:
    """A digit in light grey on black, 28 × 28 px."""
    image = Image.new("L", (28, 28))
    at = tuple(int(n) for n in rng.integers(-1, 2, 2) + (7, 2))
    ImageDraw.Draw(image).text(
        at, str(digit), fill=int(rng.integers(180, 256)), font=ImageFont.load_default(20)
    )
    return image


def write_idx(path: Path, array: np.ndarray) -> None:
    """LeCun's format, gzipped."""
    magic = {1: 2049, 3: 2051}[array.ndim]
    head = struct.pack(f">{1 + array.ndim}I", magic, *array.shape)
    path.write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes(), 1))


def write_mnist(folder: Path, train: int = 600, test: int = 80) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
        labels = rng.integers(0, 10, count)
        write_idx(
            folder / f"{part}-images-idx3-ubyte.gz",
            np.stack([np.asarray(draw_digit(n, rng)) for n in labels]),
        )
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)


def draw_road(angle: float, rng: np.random.Generator) -> Image.Image:
    """A grey ground with a light strip that leans as the wheel is turned."""
    image = Image.fromarray(rng.integers(60, 110, (120, 160, 3)).astype(np.uint8))
    ImageDraw.Draw(image).line([(80, 119), (80 + 75 * angle, 40)], fill=(250, 250, 240), width=9)
    return image


def make_angles(count: int) -> np.ndarray:
    """A winding drive, some seven seconds a bend."""
    at = np.arange(count)
    return np.round(0.8 * np.sin(at / 21) + 0.2 * np.sin(at / 5), 4)


def write_drive(folder: Path, count: int = 200, form: str = "records", step_ms: int = 200) -> None:
    """A drive in one of the three forms, a frame every `step_ms`."""
    images = folder / ("IMG" if form == "udacity" else "images")
    images.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows = []
    for at, angle in enumerate(make_angles(count)):
        draw_road(float(angle), rng).save(images / f"{at}.jpg")
        rows.append((f"{at}.jpg", float(angle), 1_600_000_000_000 + step_ms * at))
    if form == "records":
        lines = [
            "image,angle,throttle,timestamp_ms",
            *(f"{name},{angle},0.5,{time}" for name, angle, time in rows),
        ]
        (folder / "records.csv").write_text("\n".join(lines))
    elif form == "tub":
        records = [
            {"cam/image_array": n, "user/angle": a, "_timestamp_ms": t, "user/mode": "user"}
            for n, a, t in rows
        ]
        (folder / "catalog_0.catalog").write_text(
            "\n".join(json.dumps(record) for record in records)
        )
    else:
        lines = [
            f"C:\\Users\\me\\IMG\\{name}, IMG/l.jpg, IMG/r.jpg, {angle}, 0.5, 0, 20"
            for name, angle, _ in rows
        ]
        (folder / "driving_log.csv").write_text("\n".join(lines))


def make_voice(emotion: str, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """A second of tones: each emotion has its own height, each speaker a factor to it."""
    seconds = np.arange(16_000) / 16_000
    height = {"W": 2400, "F": 1300, "N": 600, "T": 250}[emotion] * pitch
    wave = np.sin(2 * np.pi * height * seconds) * (1 + 0.5 * np.sin(2 * np.pi * 4 * seconds))
    return np.int16(9000 * wave + 300 * rng.standard_normal(len(wave)))


def write_voices(folder: Path, speakers: int = 3, sentences: int = 2) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for speaker in range(speakers):
        for emotion in "WFNT":
            for sentence in range(sentences):
                wave = make_voice(emotion, 0.9 + 0.1 * speaker, rng)
                wavfile.write(folder / f"{speaker + 3:02d}a0{sentence}{emotion}a.wav", 16_000, wave)
    wavfile.write(
        folder / "03a01Lb.wav", 16_000, make_voice("N", 1, rng)
    )  # boredom: not among the four


def write_photos(folder: Path, each: int = 24) -> None:
    """Two classes: discs and squares, of any colour."""
    rng = np.random.default_rng(0)
    for part, count in (("train", each), ("val", 4)):
        for name in ("disc", "square"):
            (folder / part / name).mkdir(parents=True)
            for at in range(count):
                image = Image.new("RGB", (60, 48), tuple(int(c) for c in rng.integers(0, 120, 3)))
                draw = ImageDraw.Draw(image)
                shape = draw.ellipse if name == "disc" else draw.rectangle
                shape((16, 10, 44, 38), fill=tuple(int(c) for c in rng.integers(160, 256, 3)))
                image.save(folder / part / name / f"{at}.png")


def draw_object(label: int, rng: np.random.Generator) -> np.ndarray:
    """A disc on a ground, (3, 32, 32) uint8; the red and green of the disc say its class, of a
    hundred at most.
    """
    image = rng.integers(0, 40, (3, 32, 32)).astype(np.uint8)
    rows, columns = np.mgrid[:32, :32]
    inside = np.hypot(rows - rng.integers(12, 20), columns - rng.integers(12, 20)) < 11
    for band, value in enumerate((label % 10, label // 10, 5)):
        image[band][inside] = 60 + 20 * value
    return image


def make_records(labels: np.ndarray, rng: np.random.Generator, coarse: bool) -> bytes:
    """CIFAR's binary form: one label byte or two, then the image."""
    front = [bytes([label // 5, label] if coarse else [label]) for label in labels.tolist()]
    return b"".join(
        head + draw_object(n, rng).tobytes() for head, n in zip(front, labels.tolist(), strict=True)
    )


def write_cifar10(folder: Path, each: int = 40) -> None:
    """The published files, in the folder of the published archive."""
    root, rng = folder / "cifar-10-batches-bin", np.random.default_rng(0)
    root.mkdir(parents=True)
    for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"):
        (root / name).write_bytes(make_records(np.arange(each) % 10, rng, coarse=False))
    (root / "batches.meta.txt").write_text("".join(f"thing{n}\n" for n in range(10)) + "\n")


def write_cifar100(folder: Path) -> None:
    root, rng = folder / "cifar-100-binary", np.random.default_rng(0)
    root.mkdir(parents=True)
    for name, count in (("train", 300), ("test", 100)):
        (root / f"{name}.bin").write_bytes(make_records(np.arange(count) % 100, rng, coarse=True))
    (root / "fine_label_names.txt").write_text("".join(f"thing{n}\n" for n in range(100)))


def draw_street(rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """(photograph, labels) of 240 × 180 px: sky over buildings over a road, a car on it, a border
    that is void.
    """
    labels = Image.new("L", (240, 180), 0)
    draw = ImageDraw.Draw(labels)
    skyline, kerb = int(rng.integers(40, 70)), int(rng.integers(100, 120))
    draw.rectangle((0, skyline, 239, kerb), fill=1)
    draw.rectangle((0, kerb, 239, 179), fill=3)
    left = int(rng.integers(20, 160))
    draw.rectangle((left, kerb - 15, left + 60, kerb + 25), fill=8)
    draw.rectangle((0, 0, 239, 3), fill=11)
    colours = np.zeros((12, 3))
    colours[[0, 1, 3, 8, 11]] = [
        (150, 190, 240),
        (150, 70, 50),
        (90, 90, 95),
        (220, 210, 40),
        (0, 0, 0),
    ]
    photograph = colours[np.asarray(labels)] + rng.normal(0, 12, (180, 240, 3))
    return Image.fromarray(photograph.clip(0, 255).astype(np.uint8)), labels


def write_streets(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("val", 3), ("test", 4)):
        for kind in (part, f"{part}annot"):
            (folder / kind).mkdir(parents=True)
        for at in range(count):
            photograph, labels = draw_street(rng)
            photograph.save(folder / part / f"{at}.png")
            labels.save(folder / f"{part}annot" / f"{at}.png")


def draw_aerial(rng: np.random.Generator, side: int = 160) -> tuple[Image.Image, Image.Image]:
    """Dark green ground with two light streets, and the mask of the streets."""
    image = Image.fromarray((rng.integers(0, 40, (side, side, 3)) + (40, 70, 40)).astype(np.uint8))
    mask = Image.new("L", image.size)
    for _ in range(2):
        a, b = (int(n) for n in rng.integers(0, side, 2))
        ends = [(a, 0), (b, side)] if rng.random() < 0.5 else [(0, a), (side, b)]
        ImageDraw.Draw(image).line(ends, fill=(215, 210, 205), width=9)
        ImageDraw.Draw(mask).line(ends, fill=255, width=9)
    return image, mask


def write_aerials(
    folder: Path, counts: tuple[int, int, int] = (12, 4, 4), form: str = "table"
) -> None:
    """Pairs as a table or in Mnih's folders."""
    rng = np.random.default_rng(0)
    rows = ["set,name,image,mask,split"]
    images, masks = (
        ("i/{}/{}.png", "m/{}/{}.png")
        if form == "table"
        else ("tiff/{}/{}.tiff", "tiff/{}_labels/{}.tif")
    )
    for split, count in zip(("train", "val", "test"), counts, strict=True):
        for at in range(count):
            for name, picture in zip((images, masks), draw_aerial(rng), strict=True):
                path = folder / name.format(split, f"{split}{at}")
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.save(path)
            rows.append(
                f"drawn,{split}{at},{images.format(split, f'{split}{at}')},"
                f"{masks.format(split, f'{split}{at}')},{split}"
            )
    if form == "table":
        (folder / "pairs.csv").write_text("\n".join(rows))


def draw_meadow(rng: np.random.Generator, size: tuple[int, int] = (72, 54)) -> Image.Image:
    """A light blue sky over a dark green meadow: the lightness tells the colour."""
    width, height = size
    horizon = int(rng.integers(height // 3, 2 * height // 3))
    pixels = np.empty((height, width, 3))
    pixels[:horizon], pixels[horizon:] = (120, 190, 250), (40, 90, 20)
    return Image.fromarray((pixels + rng.normal(0, 8, pixels.shape)).clip(0, 255).astype(np.uint8))


def write_meadows(folder: Path, train: int = 12, test: int = 4) -> None:
    """Photographs in train/ and test/, one below a further folder."""
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("test", test)):
        (folder / part / "more").mkdir(parents=True)
        for at in range(count):
            draw_meadow(rng).save(folder / part / ("more" if at == 0 else "") / f"{at}.png")


def write_reading(folder: Path) -> None:
    """A sheet of 127 × 3 drawn glyphs with labels.csv; pairs and words that a small net can
    learn.
    """
    rng = np.random.default_rng(0)
    signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    (folder / "emnist").mkdir(parents=True)
    sheet = np.zeros((3 * 28, 127 * 28), np.uint8)
    rows = ["index,char"]
    for at in range(3 * 127):
        sign = signs[at % len(signs)]
        image = Image.new("L", (28, 28))
        place = tuple(int(n) for n in rng.integers(-1, 2, 2) + (8, 1))
        ImageDraw.Draw(image).text(place, sign, fill=255, font=ImageFont.load_default(20))
        top, left = at // 127 * 28, at % 127 * 28
        sheet[top : top + 28, left : left + 28] = np.asarray(image)
        rows.append(f"{at},{sign}")
    Image.fromarray(sheet).save(folder / "emnist" / "sheet.webp", lossless=True)
    (folder / "emnist" / "labels.csv").write_text("\n".join(rows))
    (folder / "words").mkdir()
    who, what = (
        ("Tom Tom", "Mary Maria", "He Er", "She Sie"),
        ("sees sieht", "hears hört", "likes mag", "knows kennt"),
    )
    whom = ("me mich", "you dich", "us uns", "Tom Tom", "nothing nichts", "it es")
    triples = [[pair.split() for pair in (a, b, c)] for a in who for b in what for c in whom]
    pairs = [
        tuple(" ".join(word[side] for word in triple) + "." for side in (0, 1))
        for triple in triples
    ]
    (folder / "words" / "pairs.tsv").write_text(
        "\n".join("\t".join(pair) for pair in pairs), encoding="utf-8"
    )
    words = [
        ("house", "Haus"),
        ("door", "Tür"),
        ("street", "Straße"),
        ("new", "neu"),
        ("old", "alt"),
    ]
    listed = [
        {"rank": n, "targetWord": german, "englishWord": english}
        for n, (english, german) in enumerate(words)
    ]
    (folder / "words" / "de.json").write_text(json.dumps({"words": listed}), encoding="utf-8")
