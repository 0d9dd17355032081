"""Pictures of training, mistakes and layers; they need the extra ``plot`` (matplotlib).

=========================  =========================================================
`History.plot()`           loss and metrics by epoch, the best one marked
`plot_confusion_matrix`    which classes are mistaken for which
`plot_mistakes`            the wrong predictions with the largest probabilities
`plot_filters`             the filters of a convolution
`plot_feature_maps`        an image, layer by layer
`plot_model`               the layers, and how they are connected
`plot_augmented`           samples before and after, in `sora_np.preprocessing`
=========================  =========================================================

Each returns a ``matplotlib.figure.Figure``, which a notebook shows and
``figure.savefig("name.png")`` writes.  They do not use pyplot, so no window opens and
no figure stays in memory.

Open ``curves.py`` first.  It, ``classes.py``, ``layers.py`` and ``graph.py`` make the
pictures; ``figure.py`` has what they share, ``picture.py`` shows figures in notebooks,
and ``fonts.py`` finds fonts for any script.  Users, ``report/`` and ``explain/`` call
these files; they call ``engine/network.py`` for the outputs of layers.
"""

from .classes import plot_confusion_matrix, plot_mistakes
from .graph import plot_model
from .layers import plot_feature_maps, plot_filters

__all__ = [
    "plot_confusion_matrix",
    "plot_feature_maps",
    "plot_filters",
    "plot_mistakes",
    "plot_model",
]
