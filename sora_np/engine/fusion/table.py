"""Which patterns there are, in the order in which they are tried."""

from sora_np.engine.graph import Graph

from . import (
    affine,
    batch_normalization,
    conv2d_relu_maxpool2d,
    max_pooling2d,
    view,
    warp,
)
from .stage import Site, Stage

PATTERNS = (
    view.match,
    warp.match,
    max_pooling2d.match,
    batch_normalization.match,
    conv2d_relu_maxpool2d.match,
    affine.match,
)


def stages_of(graph: Graph, training: bool) -> list[Stage]:
    """Return the stages that run a graph, in order."""
    site, found = Site(graph, training), list[Stage]()
    for k in range(len(graph.nodes)):
        if k in site.taken:
            continue
        matches = (match(site, k) for match in PATTERNS)
        found.append(next(filter(None, matches), None) or site.stage(Stage, k))
    return found
