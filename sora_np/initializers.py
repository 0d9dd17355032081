"""Weight initialisers: callables (rng, shape, dtype) -> array.

``shape`` is (*receptive_field, inputs, outputs), as of Dense and Conv2D kernels.  Where
numbers are drawn, ``seed=`` lets them depend on it alone; else they come from ``rng``,
the layer's own generator.
"""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from sora_np.common.arguments import as_count, as_finite, as_generator, as_rate
from sora_np.common.configured import Configured
from sora_np.common.names import by_name, from_config, look_up, takes
from sora_np.kernels.machine.arrays import Array, Shape

# the standard deviation of a unit normal cut off at 2 sigma
_TRUNCATED_STD = 0.87962566103423978


def _as_seed(seed: int | None) -> int | None:
    """Return a seed as it is used, or None."""
    return None if seed is None else as_count(seed, "seed", 0)


class Initializer(Protocol):
    """Anything that makes an array of a shape."""

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array: ...


class _CalledByShape(Configured):
    """An initialiser that is also called as Keras's, with a shape and a dtype.

    Without a seed of its own, every such call draws other numbers.

    >>> RandomNormal(seed=1)((2, 3), dtype="float32").shape
    (2, 3)
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Let ``__call__`` of a class of this file also take (shape, dtype)."""
        super().__init_subclass__(**options)
        if "__call__" in vars(cls) and cls.__module__ == __name__:
            setattr(cls, "__call__", _by_shape(vars(cls)["__call__"]))  # noqa: B010


def _by_shape(function: Any) -> Callable[..., Array]:
    """Return a ``__call__`` that takes (rng, shape, dtype), or (shape, dtype)."""

    def keras(self: Any, shape: Any, dtype: Any = None) -> Any:
        rng = np.random.default_rng()
        return function(self, rng, tuple(shape), dtype or np.float32)

    @functools.wraps(function)
    def call(self: Any, *args: Any, **given: Any) -> Any:
        first = args[0] if args else None if "rng" in given else given.get("shape")
        is_shape = isinstance(first, (tuple, list))
        return (keras if is_shape else function)(self, *args, **given)

    return call


class Zeros(_CalledByShape):
    """All zeros."""

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        return np.zeros(shape, dtype)


class Ones(_CalledByShape):
    """All ones."""

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        return np.ones(shape, dtype)


class Constant(_CalledByShape):
    """All ``value``."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        return np.full(shape, self.value, dtype)


class RandomNormal(_CalledByShape):
    """Normal with ``mean`` and ``stddev``."""

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None
    ) -> None:
        self.seed = _as_seed(seed)
        self.mean, self.stddev = as_finite(mean, "mean"), as_rate(stddev, "stddev")

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        rng = as_generator(self.seed, rng)
        return rng.normal(self.mean, self.stddev, shape).astype(dtype)


class RandomUniform(_CalledByShape):
    """Uniform on [minval, maxval)."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        self.seed = _as_seed(seed)
        self.minval = as_finite(minval, "minval")
        self.maxval = as_finite(maxval, "maxval")
        if not self.minval <= self.maxval:
            raise ValueError(
                f"minval must be at most maxval, got {minval!r} and {maxval!r}"
            )

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        rng = as_generator(self.seed, rng)
        return rng.uniform(self.minval, self.maxval, shape).astype(dtype)


class TruncatedNormal(_CalledByShape):
    """Normal with ``mean`` and ``stddev``, drawn again beyond two deviations."""

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None
    ) -> None:
        self.seed = _as_seed(seed)
        self.mean, self.stddev = as_finite(mean, "mean"), as_rate(stddev, "stddev")

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        rng = as_generator(self.seed, rng)
        return (self.mean + self.stddev * _truncated(rng, shape)).astype(dtype)


class VarianceScaling(_CalledByShape):
    """Draws whose variance is ``scale / n``, n by ``mode`` from the fans of the shape.

    fan_in = inputs * receptive field, fan_out = outputs * receptive field.

    Parameters
    ----------
    scale : the factor, positive
    mode : "fan_in", "fan_out" or "fan_avg" (their mean)
    distribution : "uniform" on +-sqrt(3 scale / n); "truncated_normal" with the
        deviation corrected for the cut; "untruncated_normal"

    Source: Glorot & Bengio (2010), eq. 16; He et al. (2015), eq. 10; LeCun et al.
    (1998), 4.6.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        self.seed = _as_seed(seed)
        if as_rate(scale, "scale") == 0:
            raise ValueError(f"scale must be positive, got {scale!r}")
        look_up(_FANS, mode, "mode")
        look_up(_DRAWS, distribution, "distribution")
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        rng = as_generator(self.seed, rng)
        variance = self.scale / max(1.0, _FANS[self.mode](*fans(shape)))
        return (math.sqrt(variance) * _DRAWS[self.distribution](rng, shape)).astype(
            dtype
        )


class GlorotUniform(VarianceScaling):
    """U(-a, a) with a = sqrt(6 / (fan_in + fan_out)); Glorot & Bengio (2010), eq. 16.

    >>> w = GlorotUniform()(np.random.default_rng(0), (3, 3, 16, 32), "float32")
    >>> bool(abs(w).max() <= 0.11785), w.shape, w.dtype
    (True, (3, 3, 16, 32), dtype('float32'))
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Truncated normal, variance 2 / (fan_in + fan_out); Glorot & Bengio (2010)."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """U(-a, a) with a = sqrt(6 / fan_in); He et al. (2015), arXiv:1502.01852."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """Truncated normal, variance 2 / fan_in; He et al. (2015), arXiv:1502.01852."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """U(-a, a) with a = sqrt(3 / fan_in); LeCun et al. (1998), section 4.6."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Truncated normal, variance 1 / fan_in; LeCun et al. (1998), section 4.6."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


class Orthogonal(_CalledByShape):
    """``gain`` times a matrix of orthonormal rows or columns, whichever are fewer.

    Of a kernel, the matrix has the outputs as columns.  It is the Q of a QR
    decomposition of normal numbers, with the signs of R's diagonal, so that every such
    matrix is as likely.

    Source: Saxe, McClelland & Ganguli (2014), arXiv:1312.6120; Mezzadri (2007), "How to
    Generate Random Matrices from the Classical Compact Groups", for the signs.

    Parameters
    ----------
    gain : the factor
    seed : see above

    Examples
    --------
    >>> w = Orthogonal()(np.random.default_rng(0), (3, 2), "float64")
    >>> np.allclose(w.T @ w, np.eye(2))
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = as_finite(gain, "gain")
        self.seed = _as_seed(seed)

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        if len(shape) < 2:
            raise ValueError(
                "Orthogonal makes arrays of two or more axes, such as kernels, got the "
                f"shape {shape}"
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        size = max(rows, columns), min(rows, columns)
        q, r = np.linalg.qr(as_generator(self.seed, rng).standard_normal(size))
        q *= np.where(np.diag(r) < 0, -1, 1)
        q = q if rows >= columns else q.T
        return np.ascontiguousarray(self.gain * q.reshape(shape), dtype)


class Identity(_CalledByShape):
    """``gain`` times the identity matrix, with zeros around if it is not square.

    >>> Identity(2)(np.random.default_rng(0), (2, 3), "float32")
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = as_finite(gain, "gain")

    def __call__(
        self, rng: np.random.Generator, shape: Shape, dtype: DTypeLike
    ) -> Array:
        if len(shape) != 2:
            raise ValueError(
                "Identity makes matrices, such as the kernel of Dense, got the shape "
                f"{shape}"
            )
        return np.asarray(self.gain * np.eye(*shape), dtype)


def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a kernel of ``shape``.

    >>> fans((3, 3, 16, 32)), fans((128, 10)), fans((7,))
    ((144, 288), (128, 10), (7, 7))
    """
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


def _truncated(rng: np.random.Generator, shape: Shape) -> Any:
    """Return unit normals, drawn again until none lies beyond 2."""
    z = rng.standard_normal(shape)
    while np.any(far := np.abs(z) > 2):
        z[far] = rng.standard_normal(np.count_nonzero(far))
    return z


_FANS: dict[str, Callable[[int, int], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}
# draws of variance 1
_DRAWS: dict[str, Callable[[np.random.Generator, Shape], Any]] = {
    "uniform": lambda rng, shape: rng.uniform(-math.sqrt(3), math.sqrt(3), shape),
    "truncated_normal": lambda rng, shape: _truncated(rng, shape) / _TRUNCATED_STD,
    "untruncated_normal": lambda rng, shape: rng.standard_normal(shape),
}
CLASSES: dict[str, type[Any]] = by_name(
    [
        *(Zeros, Ones, Constant, RandomNormal, RandomUniform, TruncatedNormal),
        *(VarianceScaling, GlorotUniform, GlorotNormal, HeUniform, HeNormal),
        *(LecunUniform, LecunNormal, Orthogonal, Identity),
    ],
    zero=Zeros,
    one=Ones,
    normal=RandomNormal,
    uniform=RandomUniform,
    IdentityInitializer=Identity,
    OrthogonalInitializer=Orthogonal,
)


class _OfShape:
    """A function of (shape, dtype=None), as Keras's programs write initialisers.

    Its random numbers are its own: the model's seed does not fix them.

    >>> _OfShape(np.ones)(np.random.default_rng(0), (2,), "float32")
    array([1., 1.], dtype=float32)
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, rng: Any, shape: Shape, dtype: DTypeLike) -> Array:
        takes_dtype = "dtype" in inspect.signature(self.function).parameters
        options = {"dtype": dtype} if takes_dtype else {}
        array: Array = np.asarray(self.function(shape, **options), dtype)
        return array


def get(identifier: str | dict[str, Any] | Initializer) -> Initializer:
    """Return the initialiser of that name or configuration, or the callable itself.

    >>> get("he_normal").scale, get("HeNormal").scale
    (2.0, 2.0)
    """
    if isinstance(identifier, type):
        return get(identifier())  # type: ignore[call-arg, arg-type]
    if callable(identifier):
        if takes(identifier, 3):
            return identifier
        if takes(identifier, 1) or takes(identifier, 2):
            return _OfShape(identifier)
        raise TypeError(
            "an initialiser is called with (rng, shape, dtype), which "
            f"{identifier} does not take: let it draw from rng, a NumPy Generator"
        )
    if isinstance(identifier, dict):
        made: Initializer = from_config(CLASSES, identifier, "initializer")
        return made
    initializer: Initializer = look_up(CLASSES, identifier, "initializer")()
    return initializer
