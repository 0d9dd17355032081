"""Subclasses of Model with several outputs, compiled before ``call`` was traced."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np.layers import Dense
from sora_np.models import Model

X, Y = np.ones((4, 3)), np.ones((4, 2))


class Two(Model):
    def __init__(self, named=False):
        super().__init__()
        self.named = named
        self.a = Dense(2, kernel_initializer="ones")
        self.b = Dense(1, kernel_initializer="ones")

    def call(self, x):
        a, b = self.a(x), self.b(x)
        return {"p": a, "q": b} if self.named else (a, b)


CASES = {  # compile, y, the loss, and the step of a kernel's entry: Keras 3.15's
    "lists": (False, {"loss": ["mse", "mse"], "loss_weights": [1.0, 0.5]}, 6.0),
    "one loss": (False, {"loss": "mse", "loss_weights": [1.0, 0.5]}, 6.0),
    "names": (
        True,
        {"loss": {"p": "mse", "q": "mse"}, "loss_weights": {"q": 0.5}},
        6.0,
    ),
    "no weights": (False, {"loss": "mse"}, 8.0),
}


@pytest.mark.parametrize("use", ["fit", "train_on_batch", "test_on_batch", "build"])
@pytest.mark.parametrize("named, given, loss", CASES.values(), ids=CASES)
def test_weights_of_losses(named, given, loss, use):
    """All outputs are 3 instead of 1: 4 is each loss, and 2 and 4 w its slopes."""
    model, y = Two(named), {"p": Y, "q": Y[:, :1]} if named else [Y, Y[:, :1]]
    model.compile("sgd", **given)
    if use == "fit":
        found = model.fit(X, y, verbose=0).history["loss"][0]
    elif use == "build":
        model.build((None, 3))
        found = model.train_on_batch(X, y)[0]
    else:
        found = getattr(model, use)(X, y)[0]
    assert found == pytest.approx(loss)
    if use != "test_on_batch":
        weight = 0.5 if "loss_weights" in given else 1.0
        assert_allclose(model.a.kernel, 1 - 0.01 * 2, rtol=1e-6)
        assert_allclose(model.b.kernel, 1 - 0.01 * 4 * weight, rtol=1e-6)


def test_metrics_of_outputs():
    model = Two(named=True)
    metrics = {"p": ["mae"], "q": ["mse", "mae"]}
    model.compile("sgd", "mse", metrics=metrics, fuse=False)
    logs = model.evaluate(X, {"p": Y, "q": Y[:, :1]}, verbose=0, return_dict=True)
    assert {"loss", "p_loss", "q_loss", "p_mae", "q_mse", "q_mae"} == {*logs}
    assert not model.runner.fuse


def test_weighted_metrics_of_outputs():
    """Two samples of four are wrong by 2 and weigh 1; the others weigh nothing."""
    model = Two(named=True)
    metrics = {"p": ["mae"]}, {"q": ["mae"]}
    model.compile("sgd", "mse", metrics=metrics[0], weighted_metrics=metrics[1])
    wrong = np.array([[1.0], [1.0], [0.0], [0.0]])
    y = {"p": np.tile(3 - 2 * wrong, 2), "q": 3 - 2 * wrong}
    given = {"verbose": 0, "return_dict": True, "sample_weight": wrong[:, 0]}
    logs = model.evaluate(X, y, **given)
    assert (logs["p_mae"], logs["q_mae"]) == pytest.approx((1.0, 2.0))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_copy_waits_too(copied):
    model = Two()
    model.compile("sgd", ["mse", "mse"], loss_weights=[1.0, 0.5])
    twin = copied(model)
    assert twin.train_on_batch(X, [Y, Y[:, :1]])[0] == pytest.approx(6.0)
    assert not model.built


def test_what_does_not_fit_the_outputs_is_refused_each_time():
    model = Two()
    model.compile("sgd", ["mse", "mse", "mae"])
    for use in (model.fit, model.train_on_batch, model.evaluate):
        with pytest.raises(ValueError, match="loss"):
            use(X, [Y, Y[:, :1]])
    model.compile("sgd", ["mse", "mse"])
    model.fit(X, [Y, Y[:, :1]], verbose=0)
    with pytest.raises(ValueError, match="unknown loss 'mze'"):
        Two().compile("sgd", "mze")


def test_a_compile_of_the_users_own_is_called_once():
    calls = []

    class Own(Two):
        def compile(self, optimizer, factor):
            calls.append(factor)
            super().compile(optimizer, "mse", loss_weights=[1.0, factor])

    model = Own()
    model.compile("sgd", 0.5)
    assert model.train_on_batch(X, [Y, Y[:, :1]])[0] == pytest.approx(6.0)
    assert calls == [0.5]
