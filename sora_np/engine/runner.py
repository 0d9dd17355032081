"""What runs the graph of a model: plans, kept for some batch sizes, or its layers."""

import contextlib
import threading
from typing import Any, Protocol

import numpy as np

from sora_np.common.changes import CHANGES, are_same
from sora_np.engine.parameters import FlatParameters
from sora_np.kernels.machine.rungs import rung
from sora_np.kernels.machine.tasks import hold_while_forking

from .graph import Graph
from .layer_by_layer import LayerByLayer, listed
from .plan import Plan, traits

# A model keeps plans for so many batch sizes: fit needs four, with a shorter last batch
# in training and in validation
MOST_PLANS = 6
_PLANNING = threading.RLock()  # several threads may predict with one model
hold_while_forking(_PLANNING)


class Layers(Protocol):
    """What a runner asks of a network: see there."""

    dtype: np.dtype[Any]

    @property
    def graph(self) -> Graph: ...
    @property
    def flat(self) -> FlatParameters: ...


class Runner:
    """Runs the graph of one network.

    Attributes
    ----------
    fuse : whether plans are made; else layer after layer is run
    kernels : which rung of every operation these layers run, see
        ``kernels/machine/rungs.py``; plans are for "fast" alone
    plans : (samples, whether the graph is whole, training) -> plan, the last used last
    """

    def __init__(self, network: Layers) -> None:
        self.network, self.fuse, self.kernels = network, True, "fast"
        self.plans: dict[tuple[int, bool, bool], Plan] = {}
        self._made_of: list[Any] = []  # what the plans depend on
        self._latest = -1
        self._graph: Graph | None = None  # the last change that was seen
        self._looked = False  # whether the plans were held against it
        # whether the graph is whole -> it, and what is run one by one
        self._listed: dict[bool, tuple[Graph, Graph, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: not what holds addresses of arrays."""
        return {name: vars(self)[name] for name in ("network", "fuse", "kernels")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Runner.__init__(self, state["network"])
        self.fuse = state["fuse"]
        self.kernels = state.get("kernels", "fast")  # not in older pickles

    def run(self, graph: Graph, samples: int, *, training: bool) -> Any:
        """Return the plan of a graph for a batch, or else its layers one by one.

        Both predict by ``load`` and ``forward``, and train by ``prepare``, ``load``,
        ``value_and_gradient``, ``backward`` and ``activated``, in this order.
        """
        network = self.network
        key = samples, graph is network.graph, training
        with _PLANNING:
            if not self.can_plan():
                if key[1] not in self._listed or self._listed[key[1]][0] is not graph:
                    self._listed[key[1]] = graph, *listed(graph)
                how: Any = network.dtype, training, self.on_rung
                return LayerByLayer(*self._listed[key[1]][1:], *how)
            plan = self.plans.pop(key, None)
            if plan is None or (plan.given is not graph and plan.given != graph):
                plan = Plan(graph, network.dtype, samples, training)
            self.plans[key] = plan
            if len(self.plans) > MOST_PLANS:
                del self.plans[next(iter(self.plans))]
            return plan

    def on_rung(self) -> contextlib.AbstractContextManager[None]:
        """Return the context in which layers and losses run: that of ``kernels``.

        With "fast" it is the caller's, which :func:`rung` may have set.
        """
        if self.kernels == "fast":
            return contextlib.nullcontext()
        return rung(self.kernels)

    def can_plan(self) -> bool:
        """Whether plans are made; those of what has changed since are dropped."""
        graph = self.network.graph
        with _PLANNING:
            if CHANGES.latest != self._latest or graph is not self._graph:
                self._latest, self._graph = CHANGES.latest, graph
                self._listed, self._looked = {}, False
            if self.fuse and not self._looked:
                now = [self.network.flat, *traits(graph)]
                if not are_same(now, self._made_of):
                    self.plans, self._made_of = {}, now
                self._looked = True
            return self.fuse

    def forget(self) -> None:
        """Let go of the data that batches were drawn from."""
        for plan in self.plans.values():
            plan.forget()
