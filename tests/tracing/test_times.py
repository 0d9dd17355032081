"""The table of what every rung costs."""

import copy

import numpy as np
import pytest

from sora_np import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Sequential, tracing
from sora_np.tracing import times


@pytest.fixture
def model():
    layers = [Conv2D(2, 3, activation="relu"), MaxPooling2D(2), Flatten()]
    model = Sequential([*layers, Dropout(0.5), Dense(3, "softmax")], seed=1)
    model.build((None, 6, 6, 1))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


BATCH = np.ones((2, 6, 6, 1), np.float32), np.array([0, 2])
LAYERS = "conv2d", "max_pooling2d", "flatten", "dropout", "dense"


def test_rows_and_columns(model):
    found = tracing.rung_times(model, *BATCH, repeats=1)
    assert [*found] == ["fast", "numpy", "reference"]
    step, plan = "a step, layer by layer", "a step, fused plan"
    assert [*found["fast"]] == [*LAYERS, step, plan]
    assert [*found["numpy"]] == [*found["reference"]] == [*LAYERS, step]
    assert all(0 < t < 60 for times_ in found.values() for t in times_.values())
    text = str(found).splitlines()
    assert text[0] == "sequential: a training step of 2 samples, float32"
    assert text[1].split() == ["ms", "fast", "numpy", "reference"]
    assert len(text) == 2 + len(LAYERS) + 2 and repr(found) == str(found)
    page = found._repr_html_()
    assert page.count("<tr>") == 1 + len(LAYERS) + 2 and "conv2d" in page


def test_each_rung_runs_its_own(model, monkeypatch):
    """A clock that counts calls of the loops: they take all of the time."""
    from sora_np.kernels.convolutional import conv2d

    (table,) = (
        cell.cell_contents
        for cell in conv2d.conv2d.__closure__
        if isinstance(cell.cell_contents, dict)
    )
    now, itself = [0.0], table["reference"]

    def slow(*given):
        now[0] += 100
        return itself(*given)

    monkeypatch.setitem(table, "reference", slow)
    monkeypatch.setattr(times, "perf_counter", lambda: now[0])
    found = tracing.rung_times(model, *BATCH, repeats=1)
    assert found["reference"]["conv2d"] == 100
    assert found["reference"]["a step, layer by layer"] == 100
    assert sum(sum(one.values()) for one in found.values()) == 200


def test_the_model_is_left_alone(model):
    before = copy.deepcopy(model)
    tracing.rung_times(model, *BATCH, ["numpy"], repeats=1)
    assert model.runner.kernels == "fast" and model.runner.fuse
    for a, b in zip(model.get_weights(), before.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    after = model.train_on_batch(*BATCH)
    assert after == before.train_on_batch(*BATCH)


def test_mistakes(model):
    with pytest.raises(ValueError, match="got 'slow'"):
        tracing.rung_times(model, *BATCH, ["slow"])
    with pytest.raises(ValueError, match="repeats"):
        tracing.rung_times(model, *BATCH, repeats=0)
    with pytest.raises(RuntimeError, match="compile the model first"):
        tracing.rung_times(Sequential([Dense(1, input_shape=(2,))]), [[1, 2]], [1])
