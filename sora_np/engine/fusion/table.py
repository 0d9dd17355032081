"""Which patterns there are: by the class of the layer that each begins with."""

from collections.abc import Callable

from sora_np.engine.graph import Graph
from sora_np.layers import (
    ELU,
    Activation,
    Add,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GroupNormalization,
    Identity,
    Layer,
    LayerNormalization,
    LeakyReLU,
    MaxPooling1D,
    MaxPooling2D,
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
CONVOLUTIONS = Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D
POOLINGS = (
    *(AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D),
    *(GlobalAveragePooling1D, GlobalAveragePooling2D),
    *(GlobalMaxPooling1D, GlobalMaxPooling2D),
)
PATTERNS: dict[
    type[Layer], tuple[Match, ...]
] = {  # in the order in which they are tried
    **dict.fromkeys((Flatten, Identity, Reshape), (view.match,)),
    **dict.fromkeys((Warp, JoinedWarps), (warp.match,)),
    **dict.fromkeys(POOLINGS, (pooling.match,)),
    **dict.fromkeys((Activation, ELU, LeakyReLU, ReLU), (activation.match,)),
    BatchNormalization: (batch_normalization.match,),
    **dict.fromkeys(
        CONVOLUTIONS,
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
