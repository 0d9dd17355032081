"""One page about a trained model, in one file that needs no network.

``sora-np train --report run.html`` writes it, and so does `write`.  Open ``write.py``
first: it puts the page together.  ``page.html`` is its frame and style;
``classes.py``, ``regression.py`` and ``pictures.py`` are its parts by the type of
model; ``looks.py`` is where a classifier of images looks; ``markup.py`` has its forms.

It calls ``plots/``, ``explain/`` and ``metrics/``.
"""

from .write import write

__all__ = ["write"]
