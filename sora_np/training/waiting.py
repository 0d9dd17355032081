"""What ``compile`` leaves in a subclass of Model whose ``call`` was not traced yet.

The first batch gives the shape of x, and the trace the number of outputs.  Only then
losses, metrics and weights of losses can be given to the outputs.
"""

from collections.abc import Mapping
from typing import Any

from sora_np.engine.network import Network
from sora_np.optimizers import Optimizer

from .several import one_output
from .step import Steps


def waiting(network: Network, optimizer: Optimizer, *given: Any) -> "Waiting":
    """Return the steps of a network without a graph.

    Raises ValueError for an unknown name of a loss or metric, if it is given as for a
    network with one output; in other forms ``build`` raises it.

    Parameters
    ----------
    given : loss, metrics, loss_weights and weighted_metrics, as for ``compile``
    """
    loss, metrics, weights, weighted = given
    steps: Waiting
    listed = isinstance(loss, (list, tuple, Mapping)) or weights is not None
    if listed or _by_output(metrics) or _by_output(weighted):
        steps = Waiting(network, optimizer, loss)
    else:
        one = loss, metrics, weights, weighted, Waiting
        steps = one_output(network, optimizer, *one)
    names = "loss", "metrics", "loss_weights", "weighted_metrics"
    steps.given = dict(zip(names, given, strict=True))
    return steps


def _by_output(metrics: Any) -> bool:
    """Whether metrics are given for each of several outputs."""
    if not isinstance(metrics, (list, tuple)):
        return isinstance(metrics, Mapping)
    parts = list, tuple, Mapping, type(None)
    return any(isinstance(one, parts) for one in metrics)


class Waiting(Steps):
    """The steps of a network without a graph: the first batch makes the graph.

    The network then calls ``compile`` again, which makes other steps.

    Attributes
    ----------
    given : the arguments of ``compile`` for the outputs
    """

    given: dict[str, Any]

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"given": self.given}

    def checked(self, x: Any, *others: Any, **options: Any) -> Any:
        """Build the network for x, and let its new steps check the batch."""
        network: Any = self.network
        network._inputs(x, in_range=False)
        if network._steps is self:  # the arguments did not fit: raise the error again
            network._compile_for_outputs()
        return network._steps.checked(x, *others, **options)
