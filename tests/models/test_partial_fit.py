"""Data that keep coming, portion by portion."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.callbacks import History
from sora_np.optimizers import SGD


def portions(images, size):
    x, y = images
    return [(x[k : k + size], y[k : k + size]) for k in range(0, len(x), size)]


def test_portions_are_learnt_as_one_pass(make_model, images):
    """With the optimiser's memory, in the order given; bit for bit."""
    stream, whole = make_model(), make_model()
    for x, y in portions(images, 20):
        assert stream.partial_fit(x, y, batch_size=10) is stream
    whole.fit(*images, 10, shuffle=False, verbose=0)
    assert_array_equal(stream.flat.values, whole.flat.values)
    assert stream.optimizer.iterations == 5


def test_history_gains_an_epoch_a_portion(make_model, images):
    model = make_model(SGD(0.0))
    parts = portions(images, 20)
    for x, y in parts:
        model.partial_fit(x, y)
    assert isinstance(model.history, History) and model.history.epoch == [0, 1, 2]
    for k, (x, y) in enumerate(parts):
        loss, accuracy = model.evaluate(x, y, verbose=0)
        assert model.history.history["loss"][k] == pytest.approx(loss)
        assert model.history.history["accuracy"][k] == pytest.approx(accuracy)


def test_a_portion_is_measured_before_it_is_learnt(make_model, images):
    """So that a stream says how well the model does on what it has not seen."""
    model = make_model()
    before = model.evaluate(*images, verbose=0)[0]
    model.partial_fit(*images, batch_size=50)
    assert model.history.history["loss"] == [pytest.approx(before)]


def test_it_goes_on_after_fit(make_model, images):
    model = make_model()
    model.fit(*images, epochs=2, verbose=0)
    model.partial_fit(*images)
    assert model.history.epoch == [0, 1, 2]
    assert len(model.history.history["loss"]) == 3
    model.fit(*images, verbose=0)
    assert model.history.epoch == [0]


def test_single_samples_adapt_the_model(make_model, images):
    """The task turns: labels are exchanged, and the model follows."""
    (x, y), model = images, make_model(SGD(0.1))
    model.fit(x, y, 10, epochs=30, verbose=0)
    turned = (y + 1) % 3
    assert model.evaluate(x, turned, verbose=0)[1] < 0.5
    for _ in range(20):
        for k in range(len(x)):
            model.partial_fit(x[k : k + 1], turned[k : k + 1])
    assert model.evaluate(x, turned, verbose=0)[1] > 0.9


def test_weights_of_samples(make_model, images):
    x, y = images
    weights = np.linspace(0, 2, 50)
    one, other = make_model(), make_model()
    one.partial_fit(x, y, weights, batch_size=50)
    other.train_on_batch(x, y, weights)
    assert_array_equal(one.flat.values, other.flat.values)


def test_a_portion_that_does_not_fit_leaves_all_as_it_was(make_model, images):
    model = make_model()
    with pytest.raises(RuntimeError, match="compile the model first"):
        model.__class__(model.layers).partial_fit(*images)
    model.partial_fit(*images)
    history, before = model.history, model.get_weights()
    with pytest.raises(ValueError, match="labels from 0 to 2"):
        model.partial_fit(images[0], images[1] + 1)
    assert model.history is history and history.epoch == [0]
    assert_array_equal(model.get_weights()[0], before[0])
    model.partial_fit(*images)
    assert history.epoch == [0, 1]
