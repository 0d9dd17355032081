"""A figure that a notebook shows, and in which every name can be read."""

import io
import warnings
from typing import Any

from matplotlib.figure import Figure

from . import fonts


class Picture(Figure):
    """A matplotlib figure that needs no pyplot.

    Matplotlib teaches IPython to show figures when pyplot is imported, which nothing
    here does; so a picture brings its own PNG.  Where IPython has learnt it, IPython's
    way comes first, in the format that the user chose.
    """

    _boxes: frozenset[str] = frozenset()  # characters that no installed font has

    def make_legible(self) -> "Picture":
        """Give texts further fonts where theirs lack characters; return the picture.

        Warn, once a picture, of characters that no installed font has.
        """
        boxes = fonts.complete(self)
        if not boxes <= self._boxes:
            fonts.warn_of(boxes - self._boxes)
            self._boxes |= boxes
        return self

    def draw(self, renderer: Any) -> None:
        """Draw, with fonts for what was written since ``make_legible``, too."""
        self.make_legible()
        with warnings.catch_warnings():
            if self._boxes:  # matplotlib warns of each of them
                warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()
