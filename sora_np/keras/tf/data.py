"""TensorFlow's ``tf.data``, a Dataset of arrays in stages; and the method ``numpy``.

>>> dataset = Dataset.from_tensor_slices(([[1.0], [2.0], [3.0]], [0, 1, 0]))
>>> for x, y in dataset.map(lambda x, y: (2 * x, y)).batch(2):
...     print(x.ravel(), y)
[2. 4.] [0 1]
[6.] [0]

``fit``, ``evaluate`` and ``predict`` take one that was cut by ``batch``.  The stages
are those of ``sora_np.datasets.pipeline``.

What a model, an activation or a loss returns to a program that calls it has the method
``numpy``, as TensorFlow's tensors have it.  It is an array, or a number, all the same.
"""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from sora_np.activations import Activation
from sora_np.datasets.pipeline import Batch, Stages
from sora_np.layers.symbol import Symbol
from sora_np.losses import Loss
from sora_np.models import Model


def _element(value: Any) -> Any:
    """Return an element whose arrays have the method ``numpy``."""
    if isinstance(value, tuple):
        return tuple(map(_element, value))
    return np.asarray(value).view(Batch)


class Dataset(Stages):
    """Elements that start anew with every ``iter``: see the module's docstring."""

    def __init__(self, start: Callable[[], Iterable[Any]], count: int | None) -> None:
        self._start, self._count = start, count

    def __iter__(self) -> Iterator[Any]:
        return map(_element, self._start())

    def __len__(self) -> int:
        if self._count is None:
            raise TypeError("how many elements there are is not known")
        return self._count

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> "Dataset":
        """Return the samples of an array, or of arrays (x, y) of one length.

        Raises TypeError for a dictionary, ValueError for arrays of different lengths.
        """
        if isinstance(tensors, dict):
            raise TypeError(
                "from_tensor_slices takes an array or a tuple of arrays, got a "
                "dictionary: give fit the dictionary itself"
            )
        if not isinstance(tensors, tuple):
            array = np.asarray(tensors)
            return cls(lambda: array, len(array))
        arrays = [np.asarray(part) for part in tensors]
        lengths = [len(array) for array in arrays]
        if len(set(lengths)) != 1:
            raise ValueError(f"arrays must have one length, got {lengths}")
        return cls(lambda: zip(*arrays, strict=True), lengths[0])

    @classmethod
    def from_tensors(cls, tensors: Any) -> "Dataset":
        """Return a dataset of one element."""
        return cls(lambda: [tensors], 1)

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,
        args: tuple[Any, ...] = (),
        output_signature: Any = None,
    ) -> "Dataset":
        """Return what a function yields; its types and shapes are not checked."""
        return cls(lambda: generator(*args), None)

    @classmethod
    def range(cls, *limits: int) -> "Dataset":
        """Return whole numbers, as Python's ``range`` has them.

        >>> [int(k) for k in Dataset.range(3)]
        [0, 1, 2]
        """
        return cls(lambda: range(*limits), len(range(*limits)))

    @classmethod
    def zip(cls, datasets: tuple[Iterable[Any], ...]) -> "Dataset":
        """Return tuples with an element of each, as many as the shortest has."""
        return cls(lambda: zip(*datasets, strict=False), None)


# --- model(x).numpy() -------------------------------------------------------------


class Number(float):
    """A number that has the method ``numpy``.

    >>> Number(0.5).numpy()
    np.float64(0.5)
    """

    def numpy(self) -> np.float64:
        """Return a plain number of NumPy."""
        return np.float64(self)


def with_numpy(value: Any) -> Any:
    """Return an array or a number with the method ``numpy``, anything else as it is."""
    if type(value) is np.ndarray or isinstance(value, np.generic):
        return np.asarray(value).view(Batch)
    if type(value) is float:
        return Number(value)
    if type(value) in (list, tuple):
        return type(value)(map(with_numpy, value))
    return value


class SymbolShape(tuple[int | None, ...]):
    """The shape of a symbol, which TensorFlow's programs ask for a list.

    >>> SymbolShape((None, 3)).as_list()
    [None, 3]
    """

    def __getitem__(self, place: Any) -> Any:
        """Return a size, or the shape of some axes."""
        found = super().__getitem__(place)
        return SymbolShape(found) if isinstance(place, slice) else found

    def as_list(self) -> list[int | None]:
        """Return the sizes; None is that of the batch."""
        return list(self)


def _shape(symbol: Symbol) -> SymbolShape:
    return SymbolShape((None, *symbol.sample_shape))


def serve_numpy() -> None:
    """Let what models, activations and losses return when called have ``numpy``.

    Shapes of symbols get ``as_list``, and symbols ``get_shape``.
    """
    setattr(Symbol, "shape", property(_shape))  # noqa: B010
    setattr(Symbol, "get_shape", _shape)  # noqa: B010
    for cls in (Model, Activation, Loss):
        setattr(cls, "__call__", returning_numpy(cls.__call__))  # noqa: B010


def returning_numpy(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose results have the method ``numpy``."""

    @functools.wraps(call)
    def called(*args: Any, **options: Any) -> Any:
        return with_numpy(call(*args, **options))

    return called
