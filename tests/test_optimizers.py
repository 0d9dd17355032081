import numpy as np
import pytest

from sora_np import optimizers
from sora_np.optimizers import SGD, Adam, RMSprop

STEPS = {  # by hand, for p = 0 and gradients 1, 1
    "sgd": (SGD(0.1), [-0.1, -0.2]),
    "momentum": (SGD(0.1, momentum=0.5), [-0.1, -0.25]),
    # v = -.1, p = .5 * -.1 - .1; v = -.15, p -= .5 * .15 + .1
    "nesterov": (SGD(0.1, 0.5, nesterov=True), [-0.15, -0.325]),
    # v = .1, .1 / sqrt(.1 + 0); v = .19
    "rmsprop": (
        RMSprop(0.1, epsilon=0),
        [-0.1 / 0.1**0.5, -0.1 / 0.1**0.5 - 0.1 / 0.19**0.5],
    ),
    # Keras's epsilon hat: -.1 * sqrt(.001) / .1 * .1 / (sqrt(.001) + 1)
    "adam": (Adam(0.1, epsilon=1), [-0.00306534]),
    # bias-corrected, the first step is the learning rate
    "adam-first": (Adam(0.1, epsilon=0), [-0.1, -0.2]),
    "adam-amsgrad": (Adam(0.1, epsilon=0, amsgrad=True), [-0.1, -0.2]),
}


@pytest.mark.parametrize("optimizer, expected", STEPS.values(), ids=STEPS)
def test_steps_by_hand(optimizer, expected, dtype):
    optimizer = type(optimizer)(**optimizer.get_config())
    p, g = np.zeros(1, dtype), np.ones(1, dtype)
    for wanted in expected:
        optimizer.step(p, g)
        np.testing.assert_allclose(p, wanted, rtol=1e-5)
    assert optimizer.iterations == len(expected)


def test_only_the_given_ranges_move():
    p = np.zeros(5)
    optimizer = Adam()
    optimizer.step(p, np.ones(5), [slice(1, 2), slice(3, 5)])
    np.testing.assert_array_equal(p != 0, [False, True, False, True, True])
    np.testing.assert_array_equal(optimizer.slots["m"] != 0, p != 0)


@pytest.mark.parametrize("rate", [-1, np.nan, np.inf])
def test_impossible_rates(rate):
    with pytest.raises(ValueError, match="learning_rate must be finite and not neg"):
        SGD(rate)
    optimizer = SGD()
    with pytest.raises(ValueError, match="learning_rate"):
        optimizer.learning_rate = rate
    assert optimizer.learning_rate == 0.01


def test_other_mistakes():
    with pytest.raises(TypeError, match="learning_rate must be a number, got 'fast'"):
        SGD("fast")
    with pytest.raises(ValueError, match="beta_1 must be below 1"):
        Adam(beta_1=1)
    with pytest.raises(ValueError, match="unknown optimizer 'addam'; did you mean"):
        optimizers.get("addam")
    optimizer = Adam()
    optimizer.step(np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="built for"):
        optimizer.step(np.zeros(3), np.zeros(3))


def test_rate_zero_and_whole_numbers():
    p = np.ones(1)
    SGD(0, momentum=0).step(p, p.copy())
    assert p == 1


@pytest.mark.parametrize("name", ["sgd", "SGD", "adam", "Adam", "rmsprop", "RMSprop"])
def test_names(name):
    assert type(optimizers.get(name)).__name__.lower() == name.lower()


def test_an_update_of_ones_own_is_what_runs():
    """Also in a subclass of an optimiser that prepares its steps."""

    class Halved(SGD):
        def update(self, p, g, **slots):
            super().update(p, g / 2, **slots)

    p = np.zeros(3)
    Halved(0.1).step(p, np.full(3, 2.0))
    np.testing.assert_allclose(p, -0.1)


def test_nesterov_may_be_set_between_steps():
    p, optimizer = np.zeros(1), SGD(0.1, momentum=0.5)
    g = np.ones(1)
    optimizer.step(p, g)  # v = -0.1
    optimizer.nesterov = True
    optimizer.step(p, g)  # v = -0.15, p = -0.1 + 0.5 v - 0.1
    np.testing.assert_allclose(p, -0.275)
