"""A cross-entropy behind softmax or sigmoid is taken from the logits before it.

Where the probability of the true class rounds to 0, its gradient would be lost.
"""

import copy
from collections.abc import Sequence

from sora_np import activations, losses
from sora_np.activations import Activation
from sora_np.graph import Node, split_activation
from sora_np.losses import Loss
from sora_np.warn import warn

_BEHIND = {  # activation at the end of a model: the losses that train from its logits
    "softmax": (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy),
    "sigmoid": (losses.BinaryCrossentropy,),
}


def as_trained(
    loss: Loss, nodes: Sequence[Node]
) -> tuple[Loss, Sequence[Node], Activation]:
    """Return the loss, the nodes that it is taken of, and what follows these."""
    before, activation = split_activation(nodes)
    if isinstance(loss, _BEHIND.get(activation.name, ())) and not loss.from_logits:
        loss = copy.copy(loss)
        loss.from_logits = True
        return loss, before, activation
    return loss, nodes, activations.linear


def warn_of_odd_loss(loss: Loss, nodes: Sequence[Node]) -> None:
    """Warn where the loss takes logits and gets probabilities, or the reverse."""
    _, activation = split_activation(nodes)
    last = nodes[-1].layer
    for name, classes in _BEHIND.items():
        if not isinstance(loss, classes):
            continue
        if loss.from_logits and activation.name == name:
            warn(
                f"{last} ends in {name}, but {loss.name} has from_logits=True: drop "
                "one of the two"
            )
        function = getattr(last, "activation", None)
        if not loss.from_logits and function == activations.linear:
            warn(
                f"{last} has no activation, but {loss.name} takes probabilities: give "
                f'it activation="{name}", or take {type(loss).__name__}'
                "(from_logits=True)"
            )
