"""All parameters of a model as one vector, all gradients as another."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sora_np.kernels.machine.arrays import Array, empty
from sora_np.layers import Layer
from sora_np.layers.held import rebind


def regularized(layers: Sequence[Layer]) -> list[tuple[Layer, str, Any]]:
    """Return (layer, name, regulariser) of the parameters that have one.

    The regulariser of ``params[name]`` is the layer's attribute ``NAME_regularizer``.
    """
    return _having(layers, "regularizer")


def constrained(layers: Sequence[Layer]) -> list[tuple[Layer, str, Any]]:
    """Return (layer, name, constraint) in the same way, from ``NAME_constraint``."""
    return _having(layers, "constraint")


def _having(layers: Sequence[Layer], what: str) -> list[tuple[Layer, str, Any]]:
    named = [(layer, name) for layer in layers for name in layer.params]
    found = [(la, name, getattr(la, f"{name}_{what}", None)) for la, name in named]
    return [one for one in found if one[2] is not None]


class FlatParameters:
    """All parameters of some layers as one vector, all their gradients as another.

    ``layer.params[name]`` and ``layer.grads[name]`` become views of these vectors, with
    the same values.  So the optimiser makes a step, or a copy is taken, in one call.

    Attributes
    ----------
    values, grads : (P,)
    names : of the parameters, such as "kernel", in order
    is_plain : whether no parameter has a regulariser or a constraint, and no layer
        adds to the loss
    """

    def __init__(self, layers: Sequence[Layer], dtype: DTypeLike) -> None:
        self.layers = layers
        size = sum(p.size for layer in layers for p in layer.params.values())
        self.values, self.grads = empty(size, dtype), empty(size, dtype)
        self.grads[...] = 0
        self.places: list[tuple[Layer, slice]] = []
        self.names: list[str] = []
        self._before: list[weakref.ref[Array]] = []  # the arrays in params before
        self._penalties: list[tuple[Layer, Any, Array, Callable[[], float]]] = []
        end = 0
        for layer in layers:
            for name, param in layer.params.items():
                place = slice(end, end := end + param.size)
                self._before.append(weakref.ref(param))
                view = self.values[place].reshape(param.shape)
                rebind(layer, layer.params, name, view)
                if name not in layer.grads:
                    layer.grads[name] = np.zeros_like(param)
                view = self.grads[place].reshape(param.shape)
                rebind(layer, layer.grads, name, view)
                self.places.append((layer, place))
                self.names.append(name)
        for layer, name, regularizer in regularized(layers):
            w, dw = layer.params[name], layer.grads[name]
            add = regularizer.bind(w, dw)
            self._penalties.append((layer, regularizer, w, add))
        self._constraints = [
            (layer, constraint, layer.params[name])
            for layer, name, constraint in constrained(layers)
        ]
        # layers such as ActivityRegularization add their own term to the loss
        self._added: list[Any] = [la for la in layers if hasattr(la, "added_loss")]
        self.is_plain = not (self._penalties or self._constraints or self._added)

    def hold(self, layers: Sequence[Layer]) -> bool:
        """Whether these are the same layers, and no other model has taken one."""
        memory = self.values.base  # None in a deep copy, where views become copies
        return (
            memory is not None
            and self.layers == layers
            and all([p.base is memory for la in layers for p in la.params.values()])
        )

    def trainable_ranges(self) -> tuple[slice, ...]:
        """Return the parts of ``values`` that are trainable, one per parameter."""
        return tuple([place for layer, place in self.places if layer.trainable])

    def penalty(self) -> float:
        """Return the sum of the penalties of all trainable parameters.

        It includes what layers added to the loss in the last forward pass.
        """
        return self._given() + sum(
            regularizer(param)
            for layer, regularizer, param, _ in self._penalties
            if layer.trainable
        )

    def penalise(self) -> float:
        """Return ``penalty()``, and add its gradient to ``grads``."""
        own = sum(add() for layer, *_, add in self._penalties if layer.trainable)
        return self._given() + own

    def _given(self) -> float:
        return sum(layer.added_loss for layer in self._added)

    def constrain(self) -> None:
        """Project the trainable parameters that have a constraint."""
        for layer, constraint, param in self._constraints:
            if layer.trainable:
                constraint.apply(param)

    @property
    def parts(self) -> list[slice]:
        """The parts of ``values``, one per parameter."""
        return [place for _, place in self.places]

    def places_of(self, array: Any) -> list[int]:
        """Return the numbers of the parameters that were this same array before."""
        return [k for k, ref in enumerate(self._before) if ref() is array]
