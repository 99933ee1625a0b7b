"""The tables that the lecture prints (LMU, Deep Learning, chapter 4), to be compared with what is
computed.

Two later copies of IMAGE in the lecture's text differ from this one, see `slips/filters.py`; only
this first one gives FEATURE_MAP.
"""

from __future__ import annotations

import numpy as np


def parse_table(text: str) -> np.ndarray:
    """Rows of whole numbers → (rows, columns) int64."""
    return np.array([[int(word) for word in line.split()] for line in text.strip().splitlines()])


IMAGE = parse_table("""
0 0 0 0 255 255 0 0 0 0
0 0 0 255 255 255 255 0 0 0
0 0 0 0 255 255 0 0 0 0
255 0 0 255 255 255 255 0 0 0
0 0 255 255 255 255 255 255 0 0
0 255 0 255 255 255 255 0 255 0
0 0 0 255 255 255 255 0 0 0
0 0 0 255 255 255 255 0 0 0
0 0 0 255 0 0 255 0 0 255
0 0 255 255 0 0 255 255 0 0
""")

SOBEL_X = parse_table("""
-1 0 1
-2 0 2
-1 0 1
""")

FEATURE_MAP = parse_table("""
0 0 0 0 255 255 -255 -255 0 0 0 0
0 0 0 255 765 510 -510 -765 -255 0 0 0
0 0 0 510 1020 510 -510 -1020 -510 0 0 0
255 0 -255 510 1020 510 -510 -1020 -510 0 0 0
510 0 -255 765 765 255 -255 -765 -765 -255 0 0
255 255 255 765 510 0 0 -510 -765 -510 -255 0
0 510 255 510 765 0 0 -765 -510 -255 -510 0
0 255 0 765 1020 0 0 -1020 -765 0 -255 0
0 0 0 1020 765 -255 255 -765 -1020 255 0 -255
0 0 255 1020 0 -765 765 0 -1020 255 0 -510
0 0 510 765 -510 -765 765 510 -765 -255 0 -255
0 0 255 255 -255 -255 255 255 -255 -255 0 0
""")

NORMALISED_MAP = parse_table("""
128 128 128 128 159 159 96 96 128 128 128 128
128 128 128 159 223 191 64 32 96 128 128 128
128 128 128 191 255 191 64 0 64 128 128 128
159 128 96 191 255 191 64 0 64 128 128 128
191 128 96 223 223 159 96 32 32 96 128 128
159 159 159 223 191 128 128 64 32 64 96 128
128 191 159 191 223 128 128 32 64 96 64 128
128 159 128 223 255 128 128 0 32 128 96 128
128 128 128 255 223 96 159 32 0 159 128 96
128 128 159 255 128 32 223 128 0 159 128 64
128 128 191 223 64 32 223 191 32 96 128 96
128 128 159 159 96 96 159 159 96 96 128 128
""")

# the two later copies, with the column too many of the first left out
IMAGE_COPY_2 = parse_table("""
0 0 0 0 255 255 0 0 0 0
0 0 0 255 255 255 255 0 0 0
0 0 0 0 255 255 0 0 0 0
255 0 0 255 255 255 255 0 0 0
0 0 255 255 255 255 255 255 0 0
0 255 0 255 255 255 255 0 255 0
0 0 0 255 255 255 255 0 0 0
0 0 0 255 0 255 255 0 0 0
0 0 0 0 255 0 255 0 0 0
0 0 255 255 0 0 255 0 0 0
""")

IMAGE_COPY_3 = parse_table("""
0 0 0 0 255 255 0 0 0 0
0 0 0 255 255 255 255 0 0 0
0 0 0 0 255 255 0 0 0 0
255 0 0 255 255 255 255 0 0 0
0 0 255 255 255 255 255 255 0 0
0 255 0 255 255 255 255 0 255 0
0 0 0 255 255 255 255 0 0 0
0 0 0 255 0 255 0 0 0 0
0 0 0 0 255 0 255 0 0 255
0 0 255 255 0 255 255 0 0 0
""")

POOLED_INPUT = parse_table("""
1 3 6 2
3 8 1 1
2 9 2 1
5 1 3 1
""")

POOLED_ROTATED = parse_table("""
5 2 3 1
1 9 8 3
3 2 1 6
1 1 1 2
""")

POOLED_BLURRED = parse_table("""
2 1 5 3
2 7 2 2
1 8 3 2
6 2 2 2
""")

LETTERS = (
    "abc",
    "def",
    "ghi",
)  # the 3×3 input of the 2D convolution, the sparse interactions and backpropagation

# the listing 'CNN in MXNet', its assignments and uses
MXNET_LISTING = """
conv1 = mx.symbol.Convolution(data, kernel = c(5, 5), num_filter = 64)
act1 = mx.symbol.Activation(conv1, "relu")
pool1 = mx.symbol.Pooling(act1, pool_type = "max", kernel = c(2, 2), stride = c(2, 2))
conv2 = mx.symbol.Convolution(pool1, kernel = c(5, 5), num_filter = 128)
act2 = mx.symbol.Activation(conv2, "relu")
pool2 = mx.symbol.Pooling(act2, pool_type = "max", kernel = c(2, 2), stride = c(2, 2))
flatten = mx.symbol.Flatten(data = pool2)
fc1 = mx.symbol.FullyConnected(flatten, 1024)
act3 = mx.symbol.Activation(fc1, "relu")
dropout1 = mx.symbol.Dropout(act3, p = 0.4)
fc2 = mx.symbol.FullyConnected(dropout1, 10)
softmax = mx.symbol.SoftmaxOutput(data = fc3)
"""

TEST_PRECISION, TEST_RECALL, TEST_F1 = (
    0.7830,
    0.7177,
    0.7439,
)  # of the road project, over 40 test images
