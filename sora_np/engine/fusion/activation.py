"""Activation functions, entry by entry, as a layer or after a convolution or Dense."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from sora_np.activations import SELU, options_in
from sora_np.kernels.activations.activations import (
    elu_dx_tasks,
    elu_tasks,
    gelu_dx_tasks,
    gelu_tasks,
    hard_sigmoid_dx_tasks,
    hard_sigmoid_tasks,
    hard_silu_dx_tasks,
    hard_silu_tasks,
    mish_dx_tasks,
    mish_tasks,
    silu_dx_tasks,
    silu_tasks,
)
from sora_np.kernels.activations.relu import relu_dx_tasks, relu_tasks
from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.layers import ELU, LeakyReLU, ReLU
from sora_np.layers import Activation as ActivationLayer

from .stage import Site, Stage, Work, is_plain


class Entrywise(NamedTuple):
    """A function as tasks.

    Attributes
    ----------
    forward : (z, y) -> tasks that write y
    backward : (dy, z or y, dz) -> tasks that write dz
    takes_z : whether ``backward`` takes z, and not y
    """

    forward: Callable[[Array, Array], list[Task]]
    backward: Callable[[Array, Array, Array], list[Task]]
    takes_z: bool = True


def bent(slope: float, threshold: float, ceiling: float) -> Entrywise:
    """Return a ReLU with a slope, a threshold and a ceiling."""
    bends = slope, threshold, ceiling
    return Entrywise(
        lambda z, y: relu_tasks(z, *bends, y),
        lambda dy, z, dz: relu_dx_tasks(dy, z, *bends, dz),
    )


def exponential_below(alpha: float, scale: float = 1.0) -> Entrywise:
    """Return ELU, or SELU."""
    return Entrywise(
        lambda z, y: elu_tasks(z, alpha, scale, y),
        lambda dy, y, dz: elu_dx_tasks(dy, y, alpha, scale, dz),
        takes_z=False,
    )


def gelu(approximate: bool) -> Entrywise:
    """Return GELU, exact or approximate."""
    return Entrywise(
        lambda z, y: gelu_tasks(z, approximate, y),
        lambda dy, z, dz: gelu_dx_tasks(dy, z, approximate, dz),
    )


FUNCTIONS = {  # by the names of activations
    "relu": bent(0, 0, math.inf),
    "relu6": bent(0, 0, 6),
    "leaky_relu": bent(0.2, 0, math.inf),
    "elu": exponential_below(1.0),
    "selu": exponential_below(*SELU),
    "gelu": gelu(False),
    "gelu_approximate": gelu(True),
    "silu": Entrywise(silu_tasks, silu_dx_tasks),
    "mish": Entrywise(mish_tasks, mish_dx_tasks),
    "hard_silu": Entrywise(hard_silu_tasks, hard_silu_dx_tasks),
    "hard_sigmoid": Entrywise(hard_sigmoid_tasks, hard_sigmoid_dx_tasks, False),
}


def by_name(name: str) -> Entrywise | None:
    """Return the function of that name, or of one such as "elu(0.5)"."""
    function, numbers = options_in(name) or ("", [])
    if function == "relu" and len(numbers) == 3:
        return bent(*numbers)
    if function == "elu" and len(numbers) == 1:
        return exponential_below(*numbers)
    return FUNCTIONS.get(name)


def function_of(layer: Any) -> Entrywise | None:
    """Return the function that a layer computes, if there are tasks for it."""
    if is_plain(layer, ReLU):
        return bent(*layer._bends)
    if is_plain(layer, LeakyReLU):
        return bent(layer.negative_slope, 0, math.inf)
    if is_plain(layer, ELU):
        return exponential_below(layer.alpha)
    if is_plain(layer, ActivationLayer):
        return by_name(layer.activation.name)
    return None


class EntrywiseStage(Stage):
    """y = f(x)."""

    def forward(self, x: Array, y: Array, training: bool) -> Work:
        return [*self.function.forward(x, y)]

    def backward(self, x: Array, y: Array, dy: Array, dx: Array | None) -> Work:
        if dx is None:
            return []
        return [*self.function.backward(dy, x if self.function.takes_z else y, dx)]

    @property
    def function(self) -> Entrywise:
        """The function that the layer computes."""
        found = function_of(self.layer)
        assert found is not None  # ``match`` has checked
        return found


def match(site: Site, k: int) -> Stage | None:
    """Return the stage of node k if there are tasks for its function, else None."""
    found = function_of(site.layer(k))
    return None if found is None else site.stage(EntrywiseStage, k)
