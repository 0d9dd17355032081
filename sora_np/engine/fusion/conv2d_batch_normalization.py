"""In prediction: a convolution, its BatchNormalization and a ReLU as one.

With the moving statistics, y = gamma (z - mean) / sqrt(variance + epsilon) + beta is
linear in z, and z = x * w + b is linear in w and b.  So y is the convolution with other
filters and another bias, which ``kernels/convolutional/fold.py`` writes before every
prediction.

Source: Jacob et al. (2018), arXiv:1712.05877, section 3.2.
"""

from sora_np.engine.graph import Node
from sora_np.kernels.convolutional.fold import fold_task
from sora_np.kernels.machine.arrays import Array, empty
from sora_np.layers import BatchNormalization

from .affine import CONVOLUTIONS, ConvStage
from .stage import Site, Stage, Work, is_plain, relu_of


class FoldedStage(ConvStage):
    """A convolution whose filters include the normalisation after it."""

    def __init__(self, *nodes: Node) -> None:
        super().__init__(*nodes[:1], nodes[-1])
        self.nodes, self.norm = nodes, nodes[1].layer
        self.relu = len(nodes) > 2

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        norm = self.norm
        gamma, beta = norm._gamma_beta()  # type: ignore[attr-defined]
        mean, variance = norm.state["moving_mean"], norm.state["moving_variance"]
        w, bias = self.kernel(self.layer.params), self._bias(y)
        folded, shift = empty(w.shape, w.dtype), empty(bias.shape, w.dtype)
        epsilon = norm._epsilon  # type: ignore[attr-defined]
        statistics = gamma, beta, mean, variance, epsilon
        fold = fold_task(w, bias, *statistics, folded, shift)
        return [fold, *self.affine(x, folded, shift, y, self.relu)]


def match(site: Site, k: int) -> Stage | None:
    """Return the stage that starts with node k, if it is such a convolution."""
    layer, after = site.layer(k), site.follower(k)
    if site.training or not any(is_plain(layer, kind) for kind in CONVOLUTIONS):
        return None
    norm = site.layer(after)
    if layer.activation.name != "linear" or not is_plain(norm, BatchNormalization):
        return None
    if norm.axis not in (-1, len(site.nodes[k].output_shape)):
        return None
    last = site.follower(after)
    relu = last if relu_of(site.layer(last)) is not None else None
    return site.stage(FoldedStage, k, after, relu)
