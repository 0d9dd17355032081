"""One page about a trained model, in one file that needs no network.

``sora-np train --report run.html`` writes it, and so does `write`.  ``write.py`` puts
the page together: ``page.html`` is its frame and style, ``classes.py``,
``regression.py`` and ``pictures.py`` its parts by the type of model, ``looks.py`` where
a classifier of images looks, ``markup.py`` its forms.
"""

from .write import write

__all__ = ["write"]
