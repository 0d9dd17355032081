"""A step that fails changes nothing: the model goes on as if it had never begun."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Layer, MaxPool
from sora_np.losses import MeanSquaredError
from sora_np.metrics import Metric
from sora_np.models import Sequential
from sora_np.optimizers import SGD


class Trouble:
    """Raises at the third call of ``now``."""

    def __init__(self, error):
        self.error, self.calls = error, 0

    def now(self):
        self.calls += 1
        if self.calls == 3:
            raise self.error


class Fragile(Layer):
    """y = x, with trouble on the way."""

    def __init__(self, forward=None, backward=None, **options):
        super().__init__(**options)
        self.on_way = forward, backward

    def forward(self, x, *, training=False):
        if training and self.on_way[0]:
            self.on_way[0].now()
        if training:
            self.remember(x)
        return self.check_input(x).copy()

    def backward(self, dy):
        if self.on_way[1]:
            self.on_way[1].now()
        return self.recall(dy)[0].copy()


class FragileLoss(MeanSquaredError):
    def __init__(self, trouble):
        super().__init__()
        self.trouble = trouble

    def dlosses(self, y_true, y_pred):
        self.trouble.now()
        return super().dlosses(y_true, y_pred)


class FragileOptimizer(SGD):
    def __init__(self, trouble):
        super().__init__(0.1, 0.9)
        self.trouble = trouble

    def update(self, p, g, **slots):
        self.trouble.now()
        super().update(p, g, **slots)


class FragileMetric(Metric):
    def __init__(self, trouble):
        super().__init__("fragile")
        self.trouble = trouble

    def values(self, y_true, y_pred):
        self.trouble.now()
        return np.zeros(len(y_pred))


def model_with(layer=None, loss=None, optimizer=None, metrics=None, fuse=True):
    layers = [
        *(Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)), MaxPool(2)),
        *(BatchNormalization(), layer or Fragile(), Flatten(), Dense(2)),
    ]
    model = Sequential(layers)
    model.compile(optimizer or SGD(0.1, 0.9), loss or "mse", metrics=metrics, fuse=fuse)
    return model


PLACES = {
    "forward": lambda trouble: {"layer": Fragile(forward=trouble)},
    "backward": lambda trouble: {"layer": Fragile(backward=trouble)},
    "loss": lambda trouble: {"loss": FragileLoss(trouble)},
    "optimizer": lambda trouble: {"optimizer": FragileOptimizer(trouble)},
}
ERRORS = [ValueError("oh"), KeyboardInterrupt(), MemoryError("more")]


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_failed_step_moves_no_weight(place, error, fuse, rng):
    """Two steps, a third that fails, then another fit: as two steps and that fit."""
    x, y = rng.standard_normal((12, 8, 8, 1)), rng.standard_normal((12, 2))
    options = {"batch_size": 3, "shuffle": False, "verbose": 0}
    model = model_with(**place(Trouble(error)), fuse=fuse)
    with pytest.raises(type(error)):
        model.fit(x, y, **options)
    twin = model_with(fuse=fuse)
    twin.fit(x[:6], y[:6], **options)
    params = [layer.params for layer in (*model.layers, *twin.layers)]
    for mine, theirs in zip(params[:6], params[6:], strict=True):
        for name in mine:
            assert_array_equal(mine[name], theirs[name])
    twin.layers[2].state.update(model.layers[2].state)  # the third batch's statistics
    assert not any(layer._caches for layer in model.layers)
    for one in (model, twin):
        one.fit(x, y, epochs=2, **options)
    assert_array_equal(model.flat.values, twin.flat.values)
    assert_array_equal(model.predict(x, verbose=0), twin.predict(x, verbose=0))


def test_an_exception_in_a_metric_comes_after_the_step(rng):
    x, y = rng.standard_normal((12, 8, 8, 1)), rng.standard_normal((12, 2))
    model = model_with(metrics=[FragileMetric(Trouble(ValueError("oh")))])
    with pytest.raises(ValueError, match="oh"):
        model.fit(x, y, 3, verbose=0)
    model.fit(x, y, 3, verbose=0)
    assert np.isfinite(model.predict(x, verbose=0)).all()


def test_an_exception_in_prediction(rng):
    class Once(Dropout):
        failed = False

        def forward(self, x, *, training=False):
            if not self.failed:
                self.failed = True
                raise ZeroDivisionError
            return super().forward(x, training=training)

    model = Sequential([Dense(3, input_shape=(4,)), Once(0.5)])
    with pytest.raises(ZeroDivisionError):
        model.predict(np.ones((2, 4)), verbose=0)
    assert model.predict(np.ones((2, 4)), verbose=0).shape == (2, 3)
