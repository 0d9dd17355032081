"""Keras 2's ``keras.wrappers.scikit_learn``: models as scikit-learn's estimators.

They need scikit-learn, and this module is imported only by programs that use it.

>>> from sora_np import keras
>>> def made(units=4):
...     layers = [keras.layers.Dense(units, "relu", input_shape=(2,))]
...     model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")], seed=0)
...     model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
...     return model
>>> estimator = KerasClassifier(made, units=8, epochs=2, verbose=0)
>>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array(["no", "yes"])
>>> estimator.fit(x, y).epoch, estimator.predict(x).shape, estimator.classes_.tolist()
([0, 1], (2,), ['no', 'yes'])
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.callbacks import History
from sora_np.losses import CategoricalCrossentropy
from sora_np.models import Model, Sequential
from sora_np.utils import to_categorical

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
except ImportError as error:
    raise ImportError(
        "keras.wrappers needs scikit-learn: pip install scikit-learn"
    ) from error

__all__ = ["KerasClassifier", "KerasRegressor"]


class Wrapper(BaseEstimator):  # type: ignore[misc]
    """What the two estimators share.

    Parameters
    ----------
    build_fn : a function, or an object that is called, which returns a compiled model;
        None for a subclass that defines ``__call__``
    sk_params : arguments of ``build_fn``, and of ``fit``, ``predict`` and ``evaluate``

    Attributes
    ----------
    model : the model of the last ``fit``

    Raises
    ------
    ValueError : for an argument that none of these functions takes
    """

    model: Any = None

    def __init__(self, build_fn: Callable[..., Any] | None = None, **sk_params: Any):
        self.build_fn, self.sk_params = build_fn, sk_params
        self._check(sk_params)

    def _maker(self) -> Callable[..., Any]:
        made: Any = self.build_fn if self.build_fn is not None else type(self).__call__
        return made

    def _check(self, params: dict[str, Any]) -> None:
        known = {"build_fn"}
        for function in (self._maker(), Model.fit, Model.predict, Model.evaluate):
            parameters = inspect.signature(function).parameters.values()
            known |= {p.name for p in parameters}
            if any(p.kind is p.VAR_KEYWORD for p in parameters) and function is not (
                Model.fit
            ):
                return
        for name in params:
            if name not in {*known, "nb_epoch"}:
                raise ValueError(
                    f"{name} is no argument of build_fn, fit, predict or evaluate; "
                    f"there are: {', '.join(sorted(known - {'self'}))}"
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments that made the estimator."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> "Wrapper":
        """Set arguments; raise ValueError for an unknown one."""
        self._check(params)
        given = dict(params)
        self.build_fn = given.pop("build_fn", self.build_fn)
        self.sk_params.update(given)
        return self

    def _taken(self, function: Any, given: dict[str, Any]) -> dict[str, Any]:
        names = inspect.signature(function).parameters
        every = self.sk_params | given
        old = {"nb_epoch"} if "epochs" in names else set()
        return {n: value for n, value in every.items() if n in names or n in old}

    def fit(self, x: ArrayLike, y: ArrayLike, **options: Any) -> History:
        """Make a model and train it; return its history, as Keras 2 does."""
        maker = self._maker()
        given = {} if self.build_fn is not None else {"self": self}
        self.model = maker(**given, **self._taken(maker, {}))
        if isinstance(self.model.loss, CategoricalCrossentropy) and np.ndim(y) != 2:
            y = to_categorical(y)
        history: History = self.model.fit(x, y, **self._taken(Sequential.fit, options))
        return history

    def _predicted(self, x: ArrayLike, options: dict[str, Any]) -> Any:
        if self.model is None:
            raise RuntimeError("the estimator has no model yet: call fit first")
        return np.asarray(self.model.predict(x, **self._taken(Model.predict, options)))


class KerasClassifier(ClassifierMixin, Wrapper):  # type: ignore[misc]
    """A model as a classifier of scikit-learn: see the module's docstring.

    Attributes
    ----------
    classes_ : the labels of y, sorted
    """

    def fit(self, x: ArrayLike, y: ArrayLike, **options: Any) -> History:
        """Make a model and train it; y are labels (N,), or one-hot rows (N, K)."""
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] > 1:
            self.classes_ = np.arange(labels.shape[1])
        elif labels.ndim == 1 or labels.shape[1:] == (1,):
            self.classes_ = np.unique(labels)
            labels = np.searchsorted(self.classes_, labels)
        else:
            raise ValueError(f"y must be (N,) or (N, K), got shape {labels.shape}")
        return super().fit(x, labels, **options)

    def predict(self, x: ArrayLike, **options: Any) -> Any:
        """Return the label of every sample."""
        y = self._predicted(x, options)
        numbers = y.argmax(-1) if y.shape[-1] > 1 else (y[:, 0] > 0.5).astype(int)
        return self.classes_[numbers]

    def predict_proba(self, x: ArrayLike, **options: Any) -> Any:
        """Return the probability of every class, (N, K); two columns for a sigmoid."""
        y = self._predicted(x, options)
        return np.hstack([1 - y, y]) if y.shape[1] == 1 else y

    def score(self, x: ArrayLike, y: ArrayLike, **options: Any) -> float:
        """Return the share of samples whose label is predicted."""
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.shape[1] > 1:
            labels = labels.argmax(1)
        return float(np.mean(self.predict(x, **options) == labels.reshape(-1)))


class KerasRegressor(RegressorMixin, Wrapper):  # type: ignore[misc]
    """A model as a regressor of scikit-learn: see the module's docstring."""

    def predict(self, x: ArrayLike, **options: Any) -> Any:
        """Return y, (N,) for a model of one output."""
        y = self._predicted(x, options)
        return y[:, 0] if y.shape[1:] == (1,) else y

    def score(self, x: ArrayLike, y: ArrayLike, **options: Any) -> float:
        """Return the loss with its sign turned, as Keras 2 does: larger is better."""
        if self.model is None:
            raise RuntimeError("the estimator has no model yet: call fit first")
        given = self._taken(Model.evaluate, options)
        loss = self.model.evaluate(x, y, **given)
        return -float(loss[0] if isinstance(loss, (list, tuple)) else loss)
