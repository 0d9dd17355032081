"""Schedules of the learning rate: numbers by hand, and in an optimiser."""

import math

import numpy as np
import pytest

from sora_np import optimizers
from sora_np.optimizers import SGD, Adam
from sora_np.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    LearningRateSchedule,
    OneCycle,
    PiecewiseConstantDecay,
)

HALF = (1 - math.sqrt(0.5)) / 2  # half a cosine at 3/4
BY_HAND = {  # schedule, step -> rate
    "exponential": (ExponentialDecay(0.1, 2, 0.25), {0: 0.1, 1: 0.05, 4: 0.00625}),
    "exponential-staircase": (
        ExponentialDecay(0.1, 2, 0.25, staircase=True),
        {0: 0.1, 1: 0.1, 2: 0.025, 3: 0.025},
    ),
    "piecewise": (
        PiecewiseConstantDecay([2, 5], [1.0, 0.5, 0.1]),
        {0: 1, 2: 1, 3: 0.5, 5: 0.5, 6: 0.1, 99: 0.1},
    ),
    "cosine": (CosineDecay(0.2, 4), {0: 0.2, 2: 0.1, 3: 0.2 * HALF, 4: 0, 9: 0}),
    "cosine-alpha": (CosineDecay(0.2, 4, alpha=0.5), {0: 0.2, 2: 0.15, 4: 0.1}),
    "cosine-warm-up": (
        CosineDecay(0.1, 4, alpha=0.5, warmup_target=0.5, warmup_steps=4),
        {0: 0.1, 1: 0.2, 3: 0.4, 4: 0.5, 6: 0.375, 8: 0.25, 99: 0.25},
    ),
    "cosine-no-target": (CosineDecay(0.2, 4, warmup_steps=3), {0: 0.2, 2: 0.1}),
    # Keras 3.15's numbers: a period begins at 0, 4, 8; in the next case at 0, 4, 12
    "restarts-equal": (
        CosineDecayRestarts(0.2, 4, t_mul=1.0, m_mul=0.5, alpha=0.1),
        {0: 0.2, 2: 0.11, 4: 0.11, 6: 0.065, 8: 0.065},
    ),
    "restarts-longer": (
        CosineDecayRestarts(0.2, 4, m_mul=0.5, alpha=0.1),
        {0: 0.2, 2: 0.11, 4: 0.11, 8: 0.065, 12: 0.065, 20: 0.0425, 28: 0.0425},
    ),
    "restarts": (CosineDecayRestarts(0.2, 4), {0: 0.2, 2: 0.1, 4: 0.2, 20: 0.1}),
    # as PyTorch's: the top at step 0.4 * 10 - 1, the end at step 9
    "one-cycle": (
        OneCycle(1.0, 10, pct_start=0.4, div_factor=5, final_div_factor=2),
        {0: 0.2, 1.5: 0.6, 3: 1, 6: 0.55, 9: 0.1, 50: 0.1},
    ),
    "one-cycle-no-rise": (OneCycle(1.0, 4, pct_start=0, div_factor=2), {50: 5e-5}),
    "one-cycle-no-fall": (OneCycle(1.0, 4, pct_start=1, div_factor=2), {0: 0.5, 3: 1}),
}


@pytest.mark.parametrize("schedule, rates", BY_HAND.values(), ids=BY_HAND)
def test_by_hand(schedule, rates):
    for step, rate in rates.items():
        np.testing.assert_allclose(schedule(step), rate, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("schedule, rates", BY_HAND.values(), ids=BY_HAND)
def test_configuration_makes_an_equal_one(schedule, rates):
    optimizer = SGD(schedule)
    config = {"class_name": "SGD", "config": optimizer.get_config()}
    again = optimizers.get(config)
    assert again.get_config() == optimizer.get_config()
    assert [again._learning_rate(k) for k in rates] == [schedule(k) for k in rates]


def test_a_step_takes_the_rate_of_its_number():
    p, optimizer = np.zeros(1), SGD(PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.1]))
    rates = []
    for wanted in (-1, -1.5, -1.6):
        rates.append(optimizer.learning_rate)
        optimizer.step(p, np.ones(1))
        np.testing.assert_allclose(p, wanted)
    assert rates == [1, 0.5, 0.1]


def test_batches_that_are_gathered_count_as_in_keras():
    """The rate of the step is that of its last batch."""
    p = np.zeros(1)
    rate = PiecewiseConstantDecay([0], [1.0, 0.5])
    optimizer = SGD(rate, gradient_accumulation_steps=2)
    for _ in range(2):
        optimizer.step(p, np.ones(1))
    assert p == -0.5


def test_a_rate_that_follows_a_schedule_cannot_be_set():
    optimizer = Adam(CosineDecay(0.1, 10))
    text = "the learning rate of adam follows CosineDecay and cannot be set"
    with pytest.raises(TypeError, match=text):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = ExponentialDecay(0.5, 1, 0.5)  # another schedule may
    assert optimizer.learning_rate == 0.5


def test_a_schedule_of_ones_own_is_checked_at_every_step():
    class Odd(LearningRateSchedule):
        def __call__(self, step):
            return [0.1, float("nan")][step]

    optimizer = SGD(Odd())
    optimizer.step(np.zeros(1), np.ones(1))
    with pytest.raises(ValueError, match="what Odd returns must be finite"):
        optimizer.step(np.zeros(1), np.ones(1))


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: CosineDecay(0.1, 0), ValueError, "decay_steps must be a positive"),
        (lambda: CosineDecay(-0.1, 9), ValueError, "initial_learning_rate must be fin"),
        (lambda: CosineDecay(0.1, 9, warmup_steps=-1), ValueError, "warmup_steps must"),
        (lambda: ExponentialDecay(0.1, 2.5, 0.5), TypeError, "decay_steps must be a p"),
        (
            lambda: PiecewiseConstantDecay([1], [0.1]),
            ValueError,
            "one value more than boundaries, got 1 v",
        ),
        (
            lambda: PiecewiseConstantDecay([2, 1], [1, 2, 3]),
            *(ValueError, "increasing order, got"),
        ),
        (lambda: OneCycle(0.1, 9, pct_start=2), ValueError, "pct_start must be at mos"),
        (lambda: OneCycle(0.1, 9, div_factor=0), ValueError, "div_factor must be posi"),
        (lambda: SGD(lambda step: 0.1), TypeError, "learning_rate must be a number"),
        (
            lambda: SGD({"class_name": "CosineDecy", "config": {}}),
            *(
                ValueError,
                "unknown learning rate sched.*did you mean 'CosineDecay'",
            ),
        ),
    ],
)
def test_mistakes(make, error, text):
    with pytest.raises(error, match=text):
        make()
