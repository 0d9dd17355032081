"""What runs the nodes of a model: plans, kept for some batch sizes, or a plain list."""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from sora_np.common.changes import CHANGES, are_same
from sora_np.engine.parameters import FlatParameters
from sora_np.kernels.arrays import Shape
from sora_np.kernels.tasks import hold_while_forking

from . import graph
from .graph import Node
from .plan import Plan, can_plan, traits

# A model keeps plans for so many batch sizes: fit needs four, with a shorter last batch
# in training and in validation
MOST_PLANS = 6
_PLANNING = threading.RLock()  # several threads may predict with one model
hold_while_forking(_PLANNING)


class Layers(Protocol):
    """What a runner asks of a network: see there."""

    nodes: list[Node]
    input_shape: Shape | None
    dtype: np.dtype[Any]

    @property
    def flat(self) -> FlatParameters: ...


class Runner:
    """Runs the nodes of one network.

    Attributes
    ----------
    fuse : whether plans are made; else layer after layer is run
    plans : (samples, whether the nodes are all, training) -> plan, the last used last
    """

    def __init__(self, network: Layers) -> None:
        self.network, self.fuse = network, True
        self.plans: dict[tuple[int, bool, bool], Plan] = {}
        self._made_of: list[Any] = []  # what the plans depend on
        self._is_chain = False
        self._latest, self._nodes = -1, list[Node]()  # the last change that was seen
        self._looked = False  # whether the plans were held against it
        # (whether the nodes are all, training) -> what is run one by one
        self._lists: dict[tuple[bool, bool], tuple[Any, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: not what holds addresses of arrays."""
        return {"network": self.network, "fuse": self.fuse}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Runner.__init__(self, state["network"])
        self.fuse = state["fuse"]

    def run(self, nodes: Sequence[Node], samples: int, *, training: bool) -> Any:
        """Return the plan of nodes for a batch, or else the list of layers.

        Both predict by ``load`` and ``forward``, and train by ``prepare``, ``load``,
        ``value_and_gradient``, ``backward`` and ``activated``, in this order.
        """
        network = self.network
        key = samples, nodes is network.nodes, training
        with _PLANNING:
            if not self.can_plan():
                if key[1:] not in self._lists:
                    self._lists[key[1:]] = graph.listed(nodes)
                return graph.List(*self._lists[key[1:]], network.dtype, training)
            plan = self.plans.pop(key, None)
            if plan is None:
                assert network.input_shape is not None
                shape, dtype = network.input_shape, network.dtype
                plan = Plan(nodes, shape, dtype, samples, training)
            self.plans[key] = plan
            if len(self.plans) > MOST_PLANS:
                del self.plans[next(iter(self.plans))]
            return plan

    def can_plan(self) -> bool:
        """Whether plans are made; those of what has changed since are dropped."""
        network = self.network
        with _PLANNING:
            if CHANGES.latest != self._latest or network.nodes != self._nodes:
                self._latest, self._nodes = CHANGES.latest, network.nodes[:]
                self._lists, self._looked = {}, False
            if self.fuse and not self._looked:
                now = [network.flat, *traits(network.nodes)]
                if not are_same(now, self._made_of):
                    self.plans, self._made_of = {}, now
                    self._is_chain = can_plan(network.nodes)
                self._looked = True
            return self.fuse and self._is_chain

    def forget(self) -> None:
        """Let go of the data that batches were drawn from."""
        for plan in self.plans.values():
            plan.forget()
