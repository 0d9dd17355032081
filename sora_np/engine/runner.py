"""What runs the nodes of a model: plans, kept for some batch sizes, or a plain list."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sora_np.common.changes import are_same, latest_change
from sora_np.kernels.tasks import hold_while_forking

from . import graph
from .graph import Node
from .plan import Plan, can_plan, traits

if TYPE_CHECKING:
    from .network import Network

# A model keeps plans for so many batch sizes: fit needs four, with a shorter last batch
# in training and in validation
MOST_PLANS = 6
_PLANNING = threading.RLock()  # several threads may predict with one model
hold_while_forking(_PLANNING)


def runner(
    model: "Network", nodes: Sequence[Node], samples: int, *, training: bool
) -> Any:
    """Return the plan for a batch, or else the list of layers.

    Both have ``load(x, part)``, ``forward()`` and ``backward(dy)``.
    """
    if not model._fuse:
        return graph.List(nodes, model.dtype, training)
    assert model.input_shape is not None
    with _PLANNING:
        latest = latest_change()
        if (latest, model.nodes) != model._seen:
            _see(model)
            model._seen = latest, model.nodes[:]
        if not model._can_plan:
            return graph.List(nodes, model.dtype, training)
        key = samples, nodes is model.nodes, training
        plan = model._plans.pop(key, None)
        if plan is None:
            plan = Plan(nodes, model.input_shape, model.dtype, samples, training)
        model._plans[key] = plan  # the last used is the last
        if len(model._plans) > MOST_PLANS:
            del model._plans[next(iter(model._plans))]
        return plan


def _see(model: "Network") -> None:
    """Drop the plans where the parameters have moved, or a layer has changed."""
    now, before = [model.flat, *traits(model.nodes)], model._planned or []
    if not are_same(now, before):
        model._plans, model._planned = {}, now
        model._can_plan = can_plan(model.nodes)
