"""Runs the graph of a model, by plans for some batch sizes or layer by layer."""

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

# The number of plans, for different batch sizes, that a model keeps.  fit needs four,
# with a shorter last batch in training and in validation
MOST_PLANS = 6
_PLANNING = threading.RLock()  # several threads may predict with one model
hold_while_forking(_PLANNING)


class Layers(Protocol):
    """What a runner needs of a network; see ``network.py``."""

    dtype: np.dtype[Any]

    @property
    def graph(self) -> Graph: ...
    @property
    def flat(self) -> FlatParameters: ...


class Runner:
    """Runs the graph of one network.

    Attributes
    ----------
    fuse : whether to use plans; otherwise it runs layer after layer
    kernels : the rung on which these layers run, see ``kernels/machine/rungs.py``;
        plans exist only for "fast"
    plans : (samples, whether the graph is whole, training) -> plan, last used last
    """

    def __init__(self, network: Layers) -> None:
        self.network, self.fuse, self.kernels = network, True, "fast"
        self.plans: dict[tuple[int, bool, bool], Plan] = {}
        self._made_of: list[Any] = []  # what the plans depend on
        self._latest = -1  # the last change that was seen
        self._graph: Graph | None = None  # the graph at that change
        self._looked = False  # whether the plans were compared with it
        # whether the graph is whole -> the graph, and what ``listed`` returned for it
        self._listed: dict[bool, tuple[Graph, Graph, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy, without anything that holds array addresses."""
        return {name: vars(self)[name] for name in ("network", "fuse", "kernels")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Runner.__init__(self, state["network"])
        self.fuse = state["fuse"]
        self.kernels = state.get("kernels", "fast")  # older pickles lack it

    def run(self, graph: Graph, samples: int, *, training: bool) -> Any:
        """Return the plan of a graph for a batch, or its layers one by one.

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
        """Return the context for the rung ``kernels``, where layers and losses run.

        With "fast" it changes nothing, so that a caller may set another :func:`rung`.
        """
        if self.kernels == "fast":
            return contextlib.nullcontext()
        return rung(self.kernels)

    def can_plan(self) -> bool:
        """Whether to use plans; drops plans that no longer fit the layers."""
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
        """Release the data that batches were copied from."""
        for plan in self.plans.values():
            plan.forget()
