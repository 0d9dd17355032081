import time

import pytest

from sora_np.callbacks import Stopwatch
from sora_np.common.compiling import COMPILING


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set forward."""
    clock = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    return clock


def test_what_the_first_steps_take_longer(clock):
    """Compiling 30 s in training, 8 s in validation; steps of 2 s and 1 s."""
    watch = Stopwatch()
    clock[0] += 50
    watch.on_train_begin()
    for epoch in range(2):
        for kind, seconds in (("train", 2), ("test", 1)):
            for batch in range(3):
                getattr(watch, f"on_{kind}_batch_begin")(batch)
                extra = {"train": 30, "test": 8}[kind] if epoch + batch == 0 else 0
                clock[0] += seconds + extra
                getattr(watch, f"on_{kind}_batch_end")(batch)
        clock[0] += 1  # between epochs
        watch.on_epoch_end(epoch)
    assert watch.seconds == 2 * (3 * 2 + 3 * 1 + 1) + 38
    assert watch.first == 38 and watch.step == 2 and watch.epochs == 2


def test_a_later_step_that_compiles(clock, monkeypatch):
    """The last batch of an epoch is smaller, and compiles for 4 s the first time."""
    watch = Stopwatch()
    for epoch in range(2):
        for batch, (seconds, compiled) in enumerate([(9, 5), (2, 0), (6, 1)]):
            watch.on_train_batch_begin(batch)
            if epoch == 0:
                monkeypatch.setattr(COMPILING, "count", COMPILING.count + compiled)
            clock[0] += seconds if epoch == 0 else 2
            watch.on_train_batch_end(batch)
        watch.on_epoch_end(epoch)
    assert (watch.first, watch.step) == (7 + 4, 2)


def test_another_fit_begins_anew(make_model, images):
    watch, model = Stopwatch(), make_model()
    for epochs in (3, 2):
        model.fit(*images, epochs=epochs, callbacks=watch, verbose=0)
        assert watch.epochs == epochs
        assert 0 <= watch.first <= watch.seconds
        assert 0 < watch.step < watch.seconds


def test_a_single_step(clock):
    watch = Stopwatch()
    watch.on_train_begin()
    watch.on_train_batch_begin(0)
    clock[0] += 3
    watch.on_train_batch_end(0)
    watch.on_epoch_end(0)
    assert (watch.seconds, watch.first, watch.step) == (3, 3, 0)
