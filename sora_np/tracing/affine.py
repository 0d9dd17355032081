"""The numbers of Dense and Conv2D: a sum of products, and an activation."""

from typing import Any

import numpy as np

from sora_np.activations import Activation, linear
from sora_np.kernels.convolutional.conv2d import conv2d
from sora_np.kernels.core.dense import dense
from sora_np.kernels.machine.arrays import Array

from . import activation
from .base import Found, Pairs, Sums
from .writing import Index, Operand


class Affine(Sums):
    """The base of Dense and Conv2D: z is linear in x, and y = f(z)."""

    def __init__(self, layer: Any, arrays: dict[str, Array]) -> None:
        super().__init__(layer, arrays)
        self.function: Activation = layer.activation
        if self.function is linear:  # z is y
            self.z, self.dz = "y", "dy"
        else:
            self.z, self.dz = "z", "dz"
            arrays["z"] = z = self._forward()
            if "dy" in arrays:
                kept = z if self.function.takes_z else arrays["y"]
                arrays["dz"] = self.function.backward(arrays["dy"], kept)

    def lines(self, name: str, index: Index) -> Found:
        if name in ("dy", "x", "kernel", "bias"):
            raise ValueError(
                f"{name} is an input of {self.layer} and has no sum: explain another "
                "array"
            )
        if name == "y" != self.z:
            lines, operands, notes = self.lines("z", index)
            z, y = self.arrays["z"], self.arrays["y"]
            line, more = activation.forward(self.function, z, y, index, ("z", "y"))
            if self.function.name == "softmax":
                return [line], more, notes
            return [*lines, line], [*operands, *more], notes
        if name == "dz":
            names = "z", "y", "dy", "dz"
            line, operands = activation.backward(
                self.function, self.arrays, index, names
            )
            return [line], operands, []
        first = None
        if name == self.z and self.layer.use_bias:
            first = self._operand("bias", index[-1])
        line, operands = self._sum(name, index, self._pairs(name, index), first)
        return [line], operands, self._notes(name, operands)

    def _forward(self) -> Array:
        raise NotImplementedError

    def _pairs(self, name: str, index: Index) -> Pairs:
        """Yield the products in the sum of a number."""
        raise NotImplementedError

    def _notes(self, name: str, operands: list[Operand]) -> list[str]:
        return []

    def _bias(self) -> Array:
        layer, x = self.layer, self.arrays["x"]
        size = self.arrays["y"].shape[-1]
        return layer.params["bias"] if layer.use_bias else np.zeros(size, x.dtype)


class DenseSums(Affine):
    """z = x W + b, over the last axis of x."""

    def __init__(self, layer: Any, arrays: dict[str, Array]) -> None:
        super().__init__(layer, arrays)
        dz = self.dz
        plus = "bias[o] + " if layer.use_bias else ""
        self.letters = {
            self.z: f"{plus}sum_k x[n, k] kernel[k, o]",
            "dx": f"sum_o {dz}[n, o] kernel[k, o]",
            "dkernel": f"sum_n x[n, k] {dz}[n, o]",
            "dbias": f"sum_n {dz}[n, o]",
        }

    def _forward(self) -> Array:
        x = self.arrays["x"]
        rows = dense(
            x.reshape(-1, x.shape[-1]), self.layer.params["kernel"], self._bias()
        )
        return rows.reshape(self.arrays["y"].shape)

    def _pairs(self, name: str, index: Index) -> Pairs:
        inputs, outputs = self.arrays["kernel"].shape
        rows = np.ndindex(*self.arrays["x"].shape[:-1])
        take, dz = self._operand, self.dz
        *row, last = index
        if name == self.z:
            for k in range(inputs):
                yield take("x", *row, k), take("kernel", k, last)
        elif name == "dx":
            for o in range(outputs):
                yield take(dz, *row, o), take("kernel", last, o)
        elif name == "dkernel":
            for n in rows:
                yield take("x", *n, index[0]), take(dz, *n, last)
        else:
            for n in rows:
                yield (take(dz, *n, last),)


class Conv2DSums(Affine):
    """Equations (1) to (3) of ``kernels/convolutional/conv2d.py``."""

    def __init__(self, layer: Any, arrays: dict[str, Array]) -> None:
        super().__init__(layer, arrays)
        dz = self.dz
        (s, t), ((top, _), (left, _)), (d, e), self.groups = layer._window
        self.strides, self.before, self.dilation = (s, t), (top, left), (d, e)
        h, v = affine_letters("i", s, "p", d, top), affine_letters("j", t, "q", e, left)
        group = " (channels of o's group)" if self.groups > 1 else ""
        plus = "bias[o] + " if layer.use_bias else ""
        self.letters = {
            self.z: f"{plus}sum_pqc x[n, {h}, {v}, c] kernel[p, q, c, o]{group}",
            "dkernel": f"sum_nij x[n, {h}, {v}, c] {dz}[n, i, j, o]{group}",
            "dx": f"sum_pqo kernel[p, q, c, o] {dz}[n, i, j, o], "
            f"where h = {h}, v = {v}{group}",
            "dbias": f"sum_nij {dz}[n, i, j, o]",
        }

    def _forward(self) -> Array:
        kernel, window = self.layer.params["kernel"], self.layer._window
        return conv2d(self.arrays["x"], kernel, self._bias(), *window)

    def _pairs(self, name: str, index: Index) -> Pairs:
        if name == self.z:
            return self._of_z(*index)
        if name == "dkernel":
            return self._of_dkernel(*index)
        if name == "dx":
            return self._of_dx(*index)
        places = np.ndindex(*self.arrays[self.dz].shape[:3])
        return ((self._operand(self.dz, *nij, *index),) for nij in places)

    def _pixel(self, i: int, j: int, p: int, q: int) -> Index | None:
        """Return the pixel under a cell of a window, or None for padding."""
        (s, t), (d, e), (top, left) = self.strides, self.dilation, self.before
        h, v = i * s + p * d - top, j * t + q * e - left
        _, height, width, _ = self.arrays["x"].shape
        return (h, v) if 0 <= h < height and 0 <= v < width else None

    def _of_z(self, n: int, i: int, j: int, o: int) -> Pairs:
        kh, kw, cg, filters = self.arrays["kernel"].shape
        first = o // (filters // self.groups) * cg
        for p, q, c in np.ndindex(kh, kw, cg):
            if pixel := self._pixel(i, j, p, q):
                yield (
                    self._operand("x", n, *pixel, first + c),
                    self._operand("kernel", p, q, c, o),
                )

    def _of_dkernel(self, p: int, q: int, c: int, o: int) -> Pairs:
        _, _, cg, filters = self.arrays["kernel"].shape
        first = o // (filters // self.groups) * cg
        for n, i, j in np.ndindex(*self.arrays[self.dz].shape[:3]):
            if pixel := self._pixel(i, j, p, q):
                yield (
                    self._operand("x", n, *pixel, first + c),
                    self._operand(self.dz, n, i, j, o),
                )

    def _of_dx(self, n: int, h: int, v: int, c: int) -> Pairs:
        kh, kw, cg, filters = self.arrays["kernel"].shape
        g, og = c // cg, filters // self.groups
        _, rows, columns, _ = self.arrays[self.dz].shape
        for p, q in np.ndindex(kh, kw):
            i, across = divmod(
                h + self.before[0] - p * self.dilation[0], self.strides[0]
            )
            j, down = divmod(v + self.before[1] - q * self.dilation[1], self.strides[1])
            if across or down or not (0 <= i < rows and 0 <= j < columns):
                continue
            for o in range(g * og, g * og + og):
                yield (
                    self._operand("kernel", p, q, c % cg, o),
                    self._operand(self.dz, n, i, j, o),
                )

    def _notes(self, name: str, operands: list[Operand]) -> list[str]:
        cells = int(np.prod(self.arrays["kernel"].shape[:3]))
        seen = sum(one.array == "kernel" for one in operands)
        if name != self.z or seen == cells:
            return []
        return [f"{cells - seen} of {cells} cells lie in the padding, which is 0."]


def affine_letters(i: str, stride: int, p: str, dilation: int, before: int) -> str:
    """Return the formula for a pixel's index.

    >>> affine_letters("i", 1, "p", 1, 0), affine_letters("i", 2, "p", 3, 1)
    ('i + p', '2 i + 3 p - 1')
    """
    text = f"{'' if stride == 1 else f'{stride} '}{i} + "
    text += f"{'' if dilation == 1 else f'{dilation} '}{p}"
    return text + (f" - {before}" if before else "")
