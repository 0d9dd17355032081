"""NHWC images in a flat array, and their padding."""

from typing import NamedTuple

from ..machine.arrays import jit
from ..machine.tile import VECTOR_BYTES, tile_load, tile_rows, tile_store


class Images(NamedTuple):
    """NHWC images in a flat array, with the padding that they need."""

    height: int
    width: int
    channels: int
    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    @property
    def line(self) -> int:
        """The number of numbers in a padded line."""
        return (self.left + self.width + self.right) * self.channels

    @property
    def padded_size(self) -> int:
        """The number of numbers in a padded image; 0 if no image needs padding."""
        if not (self.top or self.bottom or self.left or self.right):
            return 0
        return (self.top + self.height + self.bottom) * self.line


@jit()
def pad(x, n, images, first, last, padded):
    """Copy the lines first .. last - 1 of the padded image n of x into ``padded``."""
    line = (images.left + images.width + images.right) * images.channels
    for h in range(first, last):
        pad_line(x, n, images, h, padded, h * line)


@jit()
def pad_line(x, n, images, h, padded, to):
    """Copy the line h of the padded image n of x to padded[to], padded[to + 1], ..."""
    height, width, channels, top, _, left, right = images
    before, inside, after = left * channels, width * channels, right * channels
    if h < top or h >= top + height:
        _fill(padded, to, before + inside + after)
        return
    _fill(padded, to, before)
    source = x[(n * height + h - top) * inside :]
    target = padded[to + before :]
    for k in range(inside):
        target[k] = source[k]
    _fill(padded, to + before + inside, after)


@jit()
def pad_line_in_vectors(x, n, images, h, padded):
    """Copy the line h of the padded image n of x into ``padded`` (C / L, H, W, L).

    This is one image per vector of L channels; unused channels of the last are 0.
    """
    height, width, channels, top, bottom, left, right = images
    lanes = VECTOR_BYTES // x.itemsize
    line = (left + width + right) * lanes
    for c in range(0, channels, lanes):
        to = (c // lanes * (top + height + bottom) + h) * line
        if h < top or h >= top + height:
            _fill(padded, to, line)
            continue
        _fill(padded, to, left * lanes)
        to += left * lanes
        start = (n * height + h - top) * width * channels + c
        for _ in range(width):
            vector = tile_load(x, tile_rows(start, 0, 1), channels - c, 1)
            tile_store(padded, tile_rows(to, 0, 1), vector, lanes)
            start += channels
            to += lanes
        _fill(padded, to, right * lanes)


@jit()
def _fill(padded, start, count):
    """Write zeros."""
    # loops over a slice, from 0: an index that may be negative, which Python counts
    # from the end, prevents vectorisation (42 instead of 5 us per image)
    target = padded[start:]
    for k in range(count):
        target[k] = 0
