"""The digit net in the browser. Oracle: the shipped net in torch."""

from __future__ import annotations

import numpy as np
import torch

from mapsight.cnn.runtimes.torch_runtime import scale_images
from mapsight.cnn.shipped import DIGITS, read_shipped
from mapsight.web.lab.digit import describe_digit_net


def run_by_torch(pixels: np.ndarray) -> list[np.ndarray]:
    """The outputs of all ten steps for (28, 28) uint8, from the net's own layers; the last is what
    the net says.
    """
    net, card = read_shipped(DIGITS)
    x = scale_images(torch.from_numpy(pixels)[None, None], card)
    seen = []
    with torch.inference_mode():
        for layer, pooled in (
            (net.conv1, True),
            (net.conv2, True),
            (net.dense1, False),
            (net.dense2, False),
        ):
            x = layer(x)
            seen.append(x)
            if layer is not net.dense2:
                x = torch.relu(x)
                seen.append(x)
            if pooled:
                x = torch.nn.functional.max_pool2d(x, 2)
                seen.append(x)
            if layer is net.conv2:
                x = x.flatten(1)
        logits = net(scale_images(torch.from_numpy(pixels)[None, None], card))
    assert torch.equal(seen[-1], logits)
    return [part.numpy().ravel() for part in (*seen, logits.softmax(1))]


BODY = """
    const net = m.readNet(data.net);
    return data.pixels.map((pixels) => m.run(net, pixels).slice(1).map((volume) => volume.data));
"""


def test_every_value_equals_torch(javascript):
    """All values of all layers for noise, an empty page and a full one, within float32's
    rounding.
    """
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 256, (28, 28)), np.zeros((28, 28), int), np.full((28, 28), 255)]
    data = {"net": describe_digit_net(), "pixels": [image.ravel().tolist() for image in images]}
    for image, found in zip(images, javascript("digitnet.js", BODY, data), strict=True):
        expected = run_by_torch(image.astype(np.uint8))
        assert len(found) == len(expected) == 10
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-5 * max(1, np.abs(theirs).max()))


def test_examples_are_read_right(javascript):
    """The net names each of the ten example digits of the page."""
    pixels = javascript(
        "strokes.js", "return Array.from({ length: 10 }, (_, digit) => m.example(digit));", None
    )
    said = [
        int(run_by_torch(np.reshape(image, (28, 28)).astype(np.uint8))[-1].argmax())
        for image in pixels
    ]
    assert said == list(range(10))


def test_centring_moves_the_mass(javascript):
    """Ink in a corner comes to the middle, and none is lost."""
    image = np.zeros((28, 28), int)
    image[2:8, 3:5] = 200
    moved = np.reshape(
        javascript("strokes.js", "return m.centre(data);", image.ravel().tolist()), (28, 28)
    )
    rows, cols = np.nonzero(moved)
    assert moved.sum() == image.sum()
    assert abs(rows.mean() - 13.5) <= 0.5 and abs(cols.mean() - 13.5) <= 0.5
