"""One page about a trained model, in one file that needs no network.

``sora-np train --report run.html`` writes it, and so does `write`.
"""

from .write import write

__all__ = ["write"]
