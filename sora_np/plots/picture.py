"""A figure that a notebook shows, with fonts for every name."""

import io
import warnings
from typing import Any

from matplotlib.figure import Figure

from . import fonts


class Picture(Figure):
    """A matplotlib figure that needs no pyplot.

    IPython shows figures of matplotlib only after an import of pyplot, which sora_np
    does not do.  So a picture returns a PNG itself.  After an import of pyplot, IPython
    shows the picture in the format that the user chose.
    """

    _boxes: frozenset[str] = frozenset()  # characters that no installed font has

    def make_legible(self) -> "Picture":
        """Add fonts for characters that the texts' fonts lack; return the picture.

        Warn, once for a picture, of characters that no installed font has.
        """
        boxes = fonts.complete(self)
        if not boxes <= self._boxes:
            fonts.warn_of(boxes - self._boxes)
            self._boxes |= boxes
        return self

    def draw(self, renderer: Any) -> None:
        """Draw, with fonts also for texts added after ``make_legible``."""
        self.make_legible()
        with warnings.catch_warnings():
            if self._boxes:  # matplotlib warns of each of them
                warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()
