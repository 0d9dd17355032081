"""What changes between two steps is noticed, though it is asked for once a step."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Dense, Flatten, Sequential
from sora_np.callbacks import LambdaCallback
from sora_np.layers import RandomFlip
from sora_np.losses import CategoricalCrossentropy, MeanSquaredError
from sora_np.metrics import CategoricalAccuracy
from sora_np.optimizers import SGD


class Own(CategoricalCrossentropy):
    """A user's loss, which keeps a factor to itself."""

    _factor = 1.0

    def losses(self, y_true, y_pred):
        return self._factor * super().losses(y_true, y_pred)

    def losses_and_dlosses(self, y_true, y_pred):
        return self.losses(y_true, y_pred), self.dlosses(y_true, y_pred)


def set_smoothing(model):
    model.loss.label_smoothing = 0.5


def set_private(model):
    model.loss._factor = 3.0


def set_reduction(model):
    model.loss.reduction = "sum"


def set_loss(model):
    model.loss = MeanSquaredError()


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize(
    "loss, change",
    [
        (CategoricalCrossentropy, set_smoothing),
        (CategoricalCrossentropy, set_reduction),
        (CategoricalCrossentropy, set_loss),
        (Own, set_private),
    ],
)
def test_a_change_of_the_loss(loss, change, fuse, rng):
    x, y = rng.standard_normal((6, 4)), np.eye(3)[[0, 1, 2, 0, 1, 2]]
    model = Sequential([Dense(3, "softmax", input_shape=(4,))], dtype="float64")
    model.compile(SGD(0.0), loss(), fuse=fuse)
    before = [model.train_on_batch(x, y) for _ in range(2)]
    change(model)
    after = model.train_on_batch(x, y)
    assert before[0] == before[1] and abs(after - before[0]) > 1e-3
    assert_allclose(after, model.loss(y, model.predict(x, verbose=0)), rtol=1e-9)


@pytest.mark.parametrize("fuse", [True, False])
def test_a_change_of_the_optimizer(fuse, rng):
    x, y = rng.standard_normal((6, 4)), rng.standard_normal((6, 3))
    model = Sequential([Dense(3, input_shape=(4,))])
    model.compile(SGD(0.1), "mse", fuse=fuse)
    model.train_on_batch(x, y)
    for change in (
        lambda: setattr(model.optimizer, "clipvalue", 0.0),
        lambda: setattr(model, "optimizer", SGD(0.0)),
        lambda: model.compile(SGD(0.0), "mse", fuse=fuse),
    ):
        change()
        before = model.get_weights()
        model.train_on_batch(x, y)
        for a, b in zip(before, model.get_weights(), strict=True):
            assert_array_equal(a, b)
        model.optimizer = SGD(0.1)
    model.train_on_batch(x, y)
    assert abs(model.get_weights()[0] - before[0]).max() > 1e-6


def test_two_models_that_share_a_layer_draw_for_their_own_samples(rng):
    """By turns, also batch by batch, each as if the layer were its own alone."""
    x, y = rng.random((9, 4, 4, 1)), rng.random((9, 1))

    def make(layer):
        model = Sequential([layer, Flatten(), Dense(1)])
        model.compile(SGD(0.1), "mse")
        return model

    shared = RandomFlip(seed=1)
    model, other, alone = make(shared), make(shared), make(RandomFlip(seed=1))
    between = LambdaCallback(
        on_train_batch_end=lambda *_: other.fit(x[:1], y[:1], verbose=0)
    )
    for callback in (None, between, None):
        other.fit(x, y, batch_size=3, verbose=0)
        model.fit(x, y, batch_size=4, verbose=0, callbacks=callback)
        alone.fit(x, y, batch_size=4, verbose=0)
        assert_array_equal(model.flat.values, alone.flat.values)


def test_a_callback_compiles_anew_between_two_batches(rng):
    x, y = rng.random((6, 3)), rng.random((6, 1))
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile(SGD(0.1), "mse")
    seen = []

    def stop(batch, logs):
        seen.append(model.get_weights()[0])
        if batch == 1:
            model.compile(SGD(0.0), "mse")

    callback = LambdaCallback(on_train_batch_begin=stop)
    model.fit(x, y, batch_size=2, verbose=0, callbacks=callback)
    assert abs(seen[1] - seen[0]).max() > 1e-4
    assert_array_equal(seen[2], seen[1])


def test_a_layer_may_hold_a_loss(rng):
    """Which notes changes, as a layer does, and has no parameters."""

    class Distilled(Flatten):
        def build(self, input_shape, rng, dtype):
            self.teacher = MeanSquaredError()
            return super().build(input_shape, rng, dtype)

    model = Sequential([Distilled(), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(rng.random((4, 3)), rng.random((4, 1)), verbose=0)


def test_a_metric_with_a_check_of_its_own_is_asked_at_every_batch(rng):
    class Even(CategoricalAccuracy):
        def check_targets(self, y_true, y_pred):
            if len(y_true) % 2:
                raise ValueError("an odd number of samples")

    model = Sequential([Dense(2, "softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[Even()])
    x, y = rng.random((4, 3)), np.eye(2)[[0, 1, 0, 1]]
    for _ in range(2):
        model.train_on_batch(x, y)
    with pytest.raises(ValueError, match="odd number"):
        model.train_on_batch(x[:3], y[:3])


def test_a_step_that_fails_leaves_nothing_behind(rng):
    x, y = rng.random((4, 3)), rng.random((4, 1))
    model = Sequential([Dense(2, "tanh"), Dense(1)])
    model.compile("sgd", "mse", fuse=False)
    model.train_on_batch(x, y)
    last = model.layers[-1]
    del last.grads["bias"]  # its backward pass has no place to write to
    last.grads.names = frozenset()
    with pytest.raises(ValueError, match="bias"):
        model.train_on_batch(x, y)
    assert [layer._caches for layer in model.layers] == [[], []]


def test_the_range_of_validation_data_is_checked_before_training(rng):
    x, y = rng.random((4, 3)), rng.random((4, 1))
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    model.build((None, 3))
    before = model.get_weights()
    with pytest.raises(ValueError, match="validation_data: x holds 1e\\+39"):
        model.fit(x, y, validation_data=(np.full((4, 3), 1e39), y), verbose=0)
    assert_array_equal(model.get_weights()[0], before[0])
