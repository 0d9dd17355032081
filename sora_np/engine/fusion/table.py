"""The table of patterns, by the class of the layer that each starts with."""

from collections.abc import Callable

from sora_np.engine.graph import Graph
from sora_np.layers import (
    ELU,
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv1DTranspose,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    Flatten,
    GroupNormalization,
    Identity,
    Layer,
    LayerNormalization,
    LeakyReLU,
    ReLU,
    Reshape,
    UpSampling2D,
    ZeroPadding2D,
)
from sora_np.layers.preprocessing.warp import JoinedWarps, Warp

from . import (
    activation,
    affine,
    batch_normalization,
    conv2d_batch_normalization,
    conv2d_relu_maxpool2d,
    merging,
    normalization,
    pooling,
    sampling,
    transposed,
    view,
    warp,
)
from .stage import Site, Stage

Match = Callable[[Site, int], Stage | None]
# in the order in which they are tried
PATTERNS: dict[type[Layer], tuple[Match, ...]] = {
    **dict.fromkeys((Flatten, Identity, Reshape), (view.match,)),
    **dict.fromkeys((Warp, JoinedWarps), (warp.match,)),
    **dict.fromkeys(pooling.KINDS, (pooling.match,)),
    **dict.fromkeys((Activation, ELU, LeakyReLU, ReLU), (activation.match,)),
    BatchNormalization: (batch_normalization.match,),
    **dict.fromkeys(
        affine.CONVOLUTIONS,
        (
            conv2d_relu_maxpool2d.match,
            conv2d_batch_normalization.match,
            affine.match,
        ),
    ),
    Dense: (affine.match,),
    **dict.fromkeys((Conv1DTranspose, Conv2DTranspose), (transposed.match,)),
    **dict.fromkeys((Add, Concatenate), (merging.match,)),
    **dict.fromkeys((LayerNormalization, GroupNormalization), (normalization.match,)),
    **dict.fromkeys((UpSampling2D, ZeroPadding2D, Cropping2D), (sampling.match,)),
}


def stages_of(graph: Graph, training: bool) -> list[Stage]:
    """Return the stages that run a graph, in order."""
    site, found = Site(graph, training), list[Stage]()
    for k in range(len(graph.nodes)):
        if k in site.taken:
            continue
        kinds = type(site.layer(k)).__mro__
        matches = next((PATTERNS[kind] for kind in kinds if kind in PATTERNS), ())
        stages = (match(site, k) for match in matches)
        found.append(next(filter(None, stages), None) or site.stage(Stage, k))
    return found
