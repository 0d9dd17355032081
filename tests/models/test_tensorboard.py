"""TensorBoard, read back by tensorboard's own EventAccumulator."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np import Dense, Sequential
from sora_np.callbacks import TensorBoard
from sora_np.metrics import F1Score

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)


def test_without_tensorboard():
    """The error names the extra; hidden in a process of its own."""
    code = (
        "import sys; sys.modules['tensorboard'] = None\n"
        "from sora_np.callbacks import TensorBoard\n"
        "try: TensorBoard()\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "sora-np[tensorboard]" in done.stdout


def fitted(folder, **options):
    model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    metrics = ["accuracy", F1Score()]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
    board = TensorBoard(folder, **options)
    held_out = (X[:8], Y[:8])
    model.fit(X, Y, 8, 2, 0, [board], validation_data=held_out)
    return model, board


def read(folder):
    """Return tag -> (steps, values) of the scalars, and the other tags."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    from tensorboard.util import tensor_util

    events = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    found = {}
    for tag in events.Tags()["tensors"]:
        some = events.Tensors(tag)
        values = [tensor_util.make_ndarray(event.tensor_proto) for event in some]
        plugin = events.SummaryMetadata(tag).plugin_data.plugin_name
        found[tag] = [event.step for event in some], values, plugin
    return found


def test_scalars_as_keras_writes_them(tmp_path):
    """The tags, folders and steps of Keras 3.15.1 for this fit; values of History."""
    pytest.importorskip("tensorboard")
    model, _ = fitted(tmp_path / "logs")
    train, held_out = read(tmp_path / "logs/train"), read(tmp_path / "logs/validation")
    assert train.keys() == {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"}
    ours = {"epoch_loss", "epoch_accuracy", "evaluation_loss_vs_iterations"}
    assert held_out.keys() == ours | {"evaluation_accuracy_vs_iterations"}
    for name in ("loss", "accuracy"):
        for found, key in ((train, name), (held_out, f"val_{name}")):
            steps, values, plugin = found[f"epoch_{name}"]
            assert steps == [0, 1] and plugin == "scalars"
            assert_allclose(values, model.history.history[key], rtol=1e-6)
    assert held_out["evaluation_loss_vs_iterations"][0] == [3, 6]
    assert_allclose(train["epoch_learning_rate"][1], 0.01, rtol=1e-6)


def test_batches_and_histograms(tmp_path):
    pytest.importorskip("tensorboard")
    options = {"update_freq": 2, "histogram_freq": 1, "write_steps_per_second": True}
    model, _ = fitted(tmp_path, **options)
    train = read(tmp_path / "train")
    assert train["batch_loss"][0] == [2, 4, 6]
    assert train["epoch_steps_per_second"][0] == [0, 1]
    steps, values, plugin = train["dense/kernel/histogram"]
    assert steps == [0, 1] and plugin == "histograms"
    kernel = model.layers[0].get_weights()[0]
    assert values[-1][:, 2].sum() == kernel.size  # left, right, count
    assert_allclose([values[-1][0, 0], values[-1][-1, 1]], [kernel.min(), kernel.max()])


def test_an_evaluation_alone(tmp_path):
    pytest.importorskip("tensorboard")
    model, _ = fitted(tmp_path / "fit")
    board = TensorBoard(tmp_path / "alone")
    loss = model.evaluate(X, Y, verbose=0, callbacks=[board])[0]
    steps, values, _ = read(tmp_path / "alone/validation")[
        "evaluation_loss_vs_iterations"
    ]
    assert steps == [6]
    assert_allclose(values, [loss], rtol=1e-6)


def test_what_it_does_not_write(tmp_path):
    pytest.importorskip("tensorboard")
    with pytest.warns(UserWarning, match="ignores write_images, profile_batch"):
        TensorBoard(tmp_path, write_images=True, profile_batch=2)
    for wrong in ({"update_freq": "step"}, {"histogram_freq": -1}, {"log_dir": 3}):
        with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
            TensorBoard(**wrong)
