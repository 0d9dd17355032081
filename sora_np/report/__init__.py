"""One page about a trained model, in one file that needs no network.

``sora-np train --report run.html`` and `write` write it.  Open ``write.py`` first: it
puts the page together.  ``page.html`` is its frame and style; ``classes.py``,
``regression.py`` and ``pictures.py`` write the parts that depend on the type of model;
``looks.py`` shows where a classifier of images looks; ``markup.py`` makes the HTML.

It calls ``plots/``, ``explain/`` and ``metrics/``.
"""

from .write import write

__all__ = ["write"]
