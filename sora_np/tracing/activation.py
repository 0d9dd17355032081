"""The number of an activation with its formula: y = f(z), and dz = dy f'(z)."""

from typing import Any

import numpy as np

from sora_np import activations
from sora_np.activations import Activation
from sora_np.kernels.machine.arrays import Array

from .writing import Index, Line, Operand, Term, at, factor, number, plainly, product

# f(z) as a formula, and as a Python expression for a number
FORWARD: dict[str, tuple[str, str]] = {
    "relu": ("max(0, z)", "max(0, {z})"),
    "relu6": ("min(max(0, z), 6)", "min(max(0, {z}), 6)"),
    "leaky_relu": ("max(z, 0.2 z)", "max({z}, 0.2 * {f})"),
    "sigmoid": ("1 / (1 + e^-z)", "1 / (1 + exp(-{f}))"),
    "tanh": ("tanh(z)", "tanh({z})"),
    "exponential": ("e^z", "exp({z})"),
    "softplus": ("log(1 + e^z)", "log(1 + exp({z}))"),
    "silu": ("z / (1 + e^-z)", "{z} / (1 + exp(-{f}))"),
}
# f'(z), as a function of y
BACKWARD: dict[str, tuple[str, str]] = {
    "sigmoid": ("y (1 - y)", "{y} * (1 - {y})"),
    "tanh": ("1 - y^2", "(1 - {y} ** 2)"),
    "exponential": ("y", "{y}"),
}
STEPS = {"relu", "relu6", "leaky_relu"}  # f'(z) is piecewise constant


def forward(
    function: Activation, z: Array, y: Array, index: Index, names: tuple[str, str]
) -> tuple[Line, list[Operand]]:
    """Return y = f(z) at an index, and its operands; names are those of z and y."""
    left, value = at(names[1], index), y[index]
    if function.name == "softmax":
        return _softmax(z, y, index, names)
    letters, written = FORWARD.get(
        function.name, (f"{function.name}(z)", f"{function.name}({{z}})")
    )
    if function.name == "linear":
        letters, written = "z", "{z}"
    text = written.format(z=number(z[index]), f=factor(z[index]))
    letters = letters.replace("z", names[0]) if names[0] != "z" else letters
    operand = Operand(names[0], index, z[index])
    return Line(left, letters, [Term(text, value)], value), [operand]


def backward(
    function: Activation, arrays: dict[str, Array], index: Index, names: tuple[str, ...]
) -> tuple[Line, list[Operand]]:
    """Return dz = dy f'(z) at an index; names are those of z, y, dy and dz."""
    z, y, dy, dz = (arrays[name] for name in names)
    operands = [Operand(names[2], index, dy[index])]
    left, value = at(names[3], index), dz[index]
    if function.name == "softmax":
        return _softmax_dx(y, dy, dz, index, names)
    if function.name == "linear":
        return Line(left, names[2], [plainly(dy[index])], value), operands
    if function.name in BACKWARD:
        letters, written = BACKWARD[function.name]
        operands.append(Operand(names[1], index, y[index]))
        text = f"{factor(dy[index])} * {written.format(y=factor(y[index]))}"
        letters = f"{names[2]} {letters.replace('y', names[1])}"
        return Line(left, letters, [Term(text, value)], value), operands
    slope = function.backward(np.ones_like(dy), z if function.takes_z else y)[index]
    operands.append(Operand(names[0], index, z[index]))
    letters = f"{names[2]} {function.name}'({names[0]})"
    if function.name in STEPS:
        letters += f", {number(slope)} at {names[0]} = {number(z[index])}"
    return Line(left, letters, [product(dy[index], slope)], value), operands


def _softmax(
    z: Array, y: Array, index: Index, names: tuple[str, str]
) -> tuple[Line, list[Operand]]:
    *row, k = index
    logits = z[tuple(row)]
    largest = logits.max()  # subtracting it leaves y unchanged, and avoids overflow
    terms = [
        Term(f"exp({number(a)} - {factor(largest)})", np.exp(a - largest))
        for a in logits
    ]
    over = f"{terms[k]} / ("
    letters = f"e^({names[0]}[k] - m) / sum_l e^({names[0]}[l] - m), m the largest"
    operands = [Operand(names[0], (*row, n), a) for n, a in enumerate(logits)]
    line = Line(at(names[1], index), letters, terms, y[index], over, tail=")")
    return line, operands


def _softmax_dx(
    y: Array, dy: Array, dz: Array, index: Index, names: tuple[str, ...]
) -> tuple[Line, list[Operand]]:
    *row, _ = index
    given = [*zip(dy[tuple(row)], y[tuple(row)], strict=True)]
    head = f"{factor(y[index])} * ({number(dy[index])} - ("
    letters = "{1}[k] ({2}[k] - sum_l {2}[l] {1}[l])".format(*names)
    operands = [
        Operand(name, (*row, n), pair[side])
        for n, pair in enumerate(given)
        for side, name in enumerate((names[2], names[1]))
    ]
    terms = [product(*pair) for pair in given]
    return Line(
        at(names[3], index), letters, terms, dz[index], head, tail="))"
    ), operands


def is_known(function: Any) -> bool:
    """Return whether it is an activation of this package, whose text is written."""
    return isinstance(function, Activation) and (
        activations.ACTIVATIONS.get(function.name) is function
    )
