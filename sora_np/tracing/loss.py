"""The numbers of the loss: probabilities, the loss of each sample, the gradient."""

from typing import Any

import numpy as np

from sora_np.activations import Activation, linear
from sora_np.kernels.machine.arrays import Array
from sora_np.losses import (
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from sora_np.losses.base import MEANS

from .activation import forward
from .base import Found, Sums
from .writing import Index, Line, Term, at, factor, number, product

CROSSENTROPIES = CategoricalCrossentropy, SparseCategoricalCrossentropy


def arrays_of(
    loss: Loss, y_true: Any, outputs: Array, weights: Any, function: Activation
) -> dict[str, Array]:
    """Return the arrays of a loss by name, for logits z or predictions y.

    ``t`` are the targets in the form that the loss uses, ``losses`` those of every
    sample, and ``weight`` the factor of each in ``loss``, 1 / N for a mean.
    """
    name = "z" if getattr(loss, "from_logits", False) else "y"
    targets, given = loss._arrays(y_true, outputs)
    losses = loss.losses(targets, given)
    value, slope = loss.value_and_gradient(y_true, outputs, weights)
    factors = np.broadcast_to(loss._factors(losses, weights), losses.shape)
    if loss.reduction in MEANS:
        factors = factors / loss._count(targets, losses)
    found = {name: given, "t": targets}
    if function is not linear:
        found["p"] = function.forward(outputs)
    return found | {
        "losses": losses,
        "weight": np.array(factors, given.dtype),
        "loss": np.asarray(value),
        f"d{name}": slope.reshape(given.shape),
    }


class CrossentropySums(Sums):
    """Softmax and cross-entropy of logits: ``softmax_crossentropy.py`` in kernels/."""

    def lines(self, name: str, index: Index) -> Found:
        arrays = self.arrays
        if name in ("p", "losses", "dz"):
            row, k = (index, 0) if name == "losses" else (index[:-1], index[-1])
            z, p = arrays["z"], arrays["p"]
            if name == "p":
                line, operands = forward(self.layer, z, p, index, ("z", "p"))
                return [line], operands, []
            if name == "losses":
                return self._losses(row)
            first, operands = forward(self.layer, z, p, index, ("z", "p"))
            t, weight = arrays["t"][index], arrays["weight"][row]
            mass, dz = arrays["t"][row].sum(), arrays["dz"][index]
            share = factor(p[index]) + (f" * {factor(mass)}" if mass != 1 else "")
            line = Line(
                at("dz", index), "weight[n] (p[n, k] sum_l t[n, l] - t[n, k])",
                [Term(f"{factor(weight)} * ({share} - {factor(t)})", dz)], dz,
            )  # fmt: skip
            more = [self._operand("t", *index), self._operand("weight", *row)]
            return [first, line], [*operands, *more], [self._weighed(row)]
        return _loss(self, name, index)

    def _losses(self, row: Index) -> Found:
        z, t = self.arrays["z"][row], self.arrays["t"][row]
        largest = z.max()
        total = [f"exp({number(a)} - {factor(largest)})" for a in z]
        log_sum = f"(log({' + '.join(total)}) + {factor(largest)} - "
        amounts = t * (np.log(np.sum(np.exp(z - largest))) + largest - z)
        terms = [
            Term(f"{factor(t[k])} * {log_sum}{factor(z[k])})", amounts[k])
            for k in np.flatnonzero(t)
        ]
        letters = "sum_k t[n, k] (log sum_l e^z[n, l] - z[n, k]), with z - m for z"
        operands = [self._operand("z", *row, k) for k in range(len(z))]
        operands += [self._operand("t", *row, int(k)) for k in np.flatnonzero(t)]
        value = self.arrays["losses"][row]
        return [Line(at("losses", row), letters, terms, value)], operands, []

    def _weighed(self, row: Index) -> str:
        weight = number(self.arrays["weight"][row])
        return f"{at('weight', row)} = {weight} is what the loss multiplies losses by."


class SquaresSums(Sums):
    """The mean of (y - t)^2 over the outputs of a sample."""

    def lines(self, name: str, index: Index) -> Found:
        arrays = self.arrays
        y, t, size = arrays["y"], arrays["t"], arrays["y"].shape[-1]
        if name == "losses":
            terms = [
                Term(f"({number(a)} - {factor(b)}) ** 2", (a - b) ** 2)
                for a, b in zip(y[index], t[index], strict=True)
            ]
            letters = "sum_k (y[n, k] - t[n, k])^2 / K"
            places = [(*index, k) for k in range(size)]
            operands = [
                self._operand(one, *at_) for at_ in places for one in ("y", "t")
            ]
            value = arrays["losses"][index]
            return (
                [Line(at(name, index), letters, terms, value, "(", tail=f") / {size}")],
                operands,
                [],
            )
        if name == "dy":
            weight = arrays["weight"][index[:-1]]
            text = f"{factor(weight)} * 2 * ({number(y[index])} - {factor(t[index])})"
            letters = "weight[n] 2 (y[n, k] - t[n, k]) / K"
            operands = [self._operand("y", *index), self._operand("t", *index)]
            operands.append(self._operand("weight", *index[:-1]))
            line = Line(
                *(at(name, index), letters),
                [Term(f"{text} / {size}", arrays[name][index])],
                arrays[name][index],
            )
            return [line], operands, []
        return _loss(self, name, index)


def _loss(sums: Sums, name: str, index: Index) -> Found:
    """Return the sum of the losses of all samples."""
    if name != "loss":
        raise ValueError(
            f"{name} is an input of the loss and has no sum: explain another array"
        )
    losses = sums.arrays["losses"]
    places = [*np.ndindex(*losses.shape)]
    pairs = ((sums._operand("losses", *n), sums._operand("weight", *n)) for n in places)
    terms, operands = [], []
    for one, weight in pairs:
        terms.append(product(one.value, weight.value))
        operands += [one, weight]
    letters = "sum_n losses[n] weight[n]"
    return [Line("loss", letters, terms, sums.arrays["loss"][()])], operands, []


def sums_of_loss(
    loss: Any, arrays: dict[str, Array], function: Activation
) -> Sums | None:
    """Return the sums of a loss, or None if no text is written for it."""
    if type(loss) is MeanSquaredError and "y" in arrays:
        return SquaresSums(loss, arrays)
    is_softmax = type(loss) in CROSSENTROPIES and "z" in arrays and "p" in arrays
    if (
        is_softmax
        and function.name == "softmax"
        and loss.axis in (-1, arrays["z"].ndim - 1)
    ):
        return CrossentropySums(function, arrays)
    return None
