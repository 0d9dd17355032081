"""What a plan runs as one: one pattern of layers a file.

``stage.py`` is one layer as it is, and what every pattern is made of; ``table.py``
tries the patterns in order.
"""

from .stage import Stage, Work
from .table import stages_of

__all__ = ["Stage", "Work", "stages_of"]
