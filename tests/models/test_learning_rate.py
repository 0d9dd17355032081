"""LearningRateScheduler, ReduceLROnPlateau, and schedules in a model."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.callbacks import LearningRateScheduler, ReduceLROnPlateau
from sora_np.models import load_model
from sora_np.optimizers import SGD, Adam
from sora_np.optimizers.schedules import CosineDecay, LearningRateSchedule, OneCycle
from sora_np.saving import register

NAN = float("nan")


def rates(model):
    return model.history.history["learning_rate"]


# --- LearningRateScheduler ---------------------------------------------------------

SCHEDULES = {  # follow begins with a rate of 0.1
    "of-both": (lambda epoch, rate: rate / 2 if epoch else rate, [0.1, 0.05, 0.025]),
    "of-the-epoch": (lambda epoch: 1 / (epoch + 1), [1, 1 / 2, 1 / 3]),
    "numpy": (lambda epoch, rate: np.float32(0.5), [0.5] * 3),
    "whole": (lambda epoch, rate: 1, [1] * 3),
    "schedule": (CosineDecay(0.5, 2), [0.5, 0.25, 0]),
}


@pytest.mark.parametrize("schedule, wanted", SCHEDULES.values(), ids=SCHEDULES)
def test_scheduled_rates(follow, schedule, wanted):
    model = follow([0, 0, 0], LearningRateScheduler(schedule))
    assert_allclose(rates(model), wanted, atol=1e-15)
    assert model.optimizer.learning_rate == pytest.approx(wanted[-1])


def test_what_the_scheduler_says(follow, capsys):
    follow([0, 0], LearningRateScheduler(lambda epoch: 0.5, verbose=1))
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: LearningRateScheduler setting learning rate to 0.5.",
        "Epoch 2: LearningRateScheduler setting learning rate to 0.5.",
    ]


@pytest.mark.parametrize(
    "schedule, text",
    [
        (lambda epoch: None, "schedule must return a number, got None for epoch 0"),
        (lambda epoch: -1, "learning_rate must be finite and not negative"),
        (lambda epoch: NAN, "learning_rate must be finite and not negative"),
    ],
    ids=["none", "negative", "nan"],
)
def test_odd_schedules(follow, schedule, text):
    with pytest.raises(ValueError, match=text):
        follow([0], LearningRateScheduler(schedule))


def test_a_rate_is_no_schedule():
    with pytest.raises(TypeError, match="^schedule must be a function .*, got 0.1$"):
        LearningRateScheduler(0.1)


def test_an_error_within_the_schedule_is_its_own(follow):
    """Not taken for a function of one argument."""
    with pytest.raises(TypeError, match="unsupported operand"):
        follow([0], LearningRateScheduler(lambda epoch, rate: rate + "a"))


# --- ReduceLROnPlateau -------------------------------------------------------------

PLATEAUS = {  # options, numbers, rates (at the end of each epoch, before it is changed)
    "patience": ({"patience": 2}, [3, 3, 3, 3, 3], [1, 1, 1, 0.5, 0.5]),
    "at-once": ({"patience": 0}, [3, 2, 2, 2], [1, 1, 1, 0.5]),
    "better": ({"patience": 2}, [3, 3, 2, 2, 2, 2], [1] * 5 + [0.5]),
    "cooldown": (
        {"patience": 1, "cooldown": 2},
        *([3] * 7, [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]),
    ),
    "lowest": ({"patience": 1, "min_lr": 0.4}, [3] * 5, [1, 1, 0.5, 0.4, 0.4]),
    "delta": ({"patience": 1, "min_delta": 1}, [3, 2.5, 1, 1], [1, 1, 0.5, 0.5]),
    "max": ({"patience": 1, "mode": "max"}, [1, 2, 2, 2], [1, 1, 1, 0.5]),
    "nan": ({"patience": 2}, [NAN, 3, NAN, 2, NAN, NAN, 9], [1] * 6 + [0.5]),
}


@pytest.mark.parametrize("options, values, wanted", PLATEAUS.values(), ids=PLATEAUS)
def test_plateaus(follow, options, values, wanted):
    first = LearningRateScheduler(lambda epoch, rate: rate if epoch else 1.0)
    plateau = ReduceLROnPlateau("script", 0.5, **{"mode": "min", **options})
    model = follow(values, [first, plateau])
    assert_allclose(rates(model), wanted)


def test_what_the_plateau_says(follow, capsys):
    plateau = ReduceLROnPlateau("script", 0.5, 1, 1, "min")
    follow([1, 1], plateau)
    line = "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.05."
    assert capsys.readouterr().out.splitlines() == [line]


def test_absent_numbers_are_warned_of(make_model, images):
    text = (
        "^Learning rate reduction is conditioned on metric `val_loss` which is not "
        "available. Available metrics are: loss,accuracy,learning_rate; fit was given"
    )
    with pytest.warns(UserWarning, match=text):
        make_model().fit(*images, callbacks=ReduceLROnPlateau(), verbose=0)


def test_factor_is_below_1():
    with pytest.raises(ValueError, match="factor must be below 1 and not negative"):
        ReduceLROnPlateau(factor=1.0)


@pytest.mark.parametrize("name", ["patience", "cooldown", "min_delta"])
def test_numbers_of_the_plateau(name):
    with pytest.raises(TypeError, match=f"^{name} must be .*, got None$"):
        ReduceLROnPlateau(**{name: None})


@pytest.mark.parametrize(
    "callback",
    [LearningRateScheduler(lambda epoch: 1.0), ReduceLROnPlateau("loss")],
    ids=["scheduler", "plateau"],
)
def test_a_rate_that_follows_a_schedule_is_said_before_training(
    make_model, images, callback
):
    model = make_model(SGD(CosineDecay(0.1, 10)))
    before = model.get_weights()
    with pytest.raises(TypeError, match="follows CosineDecay and cannot be set"):
        model.fit(*images, callbacks=callback, verbose=0)
    assert_array_equal(model.get_weights()[0], before[0])


# --- schedules in a model ----------------------------------------------------------


def test_a_schedule_is_followed_batch_by_batch(make_model, images):
    """As if the rate had been set by hand before every batch."""
    schedule = OneCycle(0.3, total_steps=10)
    model, plain = make_model(SGD(schedule, 0.9)), make_model(SGD(0.0, 0.9))
    model.fit(*images, 10, epochs=2, shuffle=False, verbose=0)
    for step in range(10):
        plain.optimizer.learning_rate = schedule(step)
        part = slice(step % 5 * 10, step % 5 * 10 + 10)
        plain.train_on_batch(images[0][part], images[1][part])
    assert_array_equal(model.flat.values, plain.flat.values)


@register
class Halves(LearningRateSchedule):
    def __init__(self, first=0.1):
        self.first = first

    def __call__(self, step):
        return self.first / 2**step


@pytest.mark.parametrize("schedule", [CosineDecay(0.1, 8), Halves(0.2)])
def test_a_saved_model_goes_on_in_its_schedule(make_model, images, tmp_path, schedule):
    """And with what was gathered and averaged, in the middle of both."""
    options = {"gradient_accumulation_steps": 3, "use_ema": True, "weight_decay": 0.1}
    model = make_model(Adam(schedule, **options))
    for _ in range(4):
        model.train_on_batch(*images)
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", {"Halves": Halves})
    assert again.optimizer.learning_rate == schedule(4)
    for one in (model, again):
        one.fit(*images, 10, shuffle=False, verbose=0)
    assert_array_equal(again.flat.values, model.flat.values)
    assert again.optimizer.iterations == model.optimizer.iterations == 3


def test_fit_ends_with_the_average(make_model, images):
    """Taken over the steps by hand; evaluation within fit is of the last weights."""
    kind = {"use_ema": True, "ema_momentum": 0.75}
    model, plain = make_model(SGD(0.1, **kind)), make_model(SGD(0.1))
    average = None
    for k in range(5):
        part = slice(k * 10, k * 10 + 10)
        plain.train_on_batch(images[0][part], images[1][part])
        now = plain.flat.values.astype(np.float64)
        average = now if average is None else 0.75 * average + 0.25 * now
    model.fit(*images, 10, shuffle=False, verbose=0)
    assert_allclose(model.flat.values, average, rtol=1e-5, atol=1e-7)
    assert np.abs(model.flat.values - plain.flat.values).max() > 1e-3
