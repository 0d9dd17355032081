import numpy as np
import pytest

from sora_np import (
    BatchNormalization,
    Conv1DTranspose,
    Conv2D,
    Dense,
    Flatten,
    Normalization,
    Sequential,
)
from sora_np.callbacks import (
    BackupAndRestore,
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
)
from sora_np.layers.windows import as_padding, plan, plan1d, plan_transposed
from sora_np.losses import BinaryCrossentropy
from sora_np.optimizers import SGD, Adam, RMSprop

SAME = [  # CONVENTIONS: size, window, stride -> pads before and after
    ((5, 2, 1), (0, 1)),
    ((6, 3, 2), (0, 1)),
    ((5, 3, 2), (1, 1)),
    ((7, 4, 1), (1, 2)),
    ((7, 4, 2), (1, 2)),
    ((4, 4, 1), (1, 2)),
    ((8, 5, 3), (1, 2)),
]


@pytest.mark.parametrize("problem, pads", SAME, ids=str)
def test_same_pads_are_keras(problem, pads):
    count, actual = plan1d(*problem, "same")
    assert actual == pads
    assert count == -(-problem[0] // problem[2])


@pytest.mark.parametrize(
    "size, window, stride, count", [(5, 3, 1, 3), (6, 3, 2, 2), (7, 7, 3, 1)]
)
def test_valid_counts(size, window, stride, count):
    assert plan1d(size, window, stride, "valid") == (count, (0, 0))


NO_PATHS = [None, 3, b"log", "", "  ", "a\0b", True]


@pytest.mark.parametrize("make", [BackupAndRestore, CSVLogger, ModelCheckpoint])
@pytest.mark.parametrize("path", NO_PATHS, ids=repr)
def test_what_is_no_path(make, path, tmp_path, monkeypatch):
    """Not the current folder, and no file that is named None."""
    monkeypatch.chdir(tmp_path)
    error = ValueError if isinstance(path, str) else TypeError
    with pytest.raises(error, match="^(backup_dir|filename|filepath) must be a path"):
        make(path)
    assert list(tmp_path.iterdir()) == []


def test_a_dilated_window_that_does_not_fit():
    with pytest.raises(ValueError, match="window of 5x3 pixels .* images of 4x9"):
        plan((4, 9), (3, 3), (1, 1), (2, 1), "valid")
    with pytest.raises(ValueError, match="window of 5 steps .* sequences of 4 steps"):
        plan((4,), (3,), (1,), (2,), "valid")


TRANSPOSED = [  # size, window, stride, padding, output_padding: size of y, pads
    ((4, 3, 1, "valid", None), (6, (0, 0))),
    ((4, 2, 5, "valid", None), (20, (0, 0))),
    ((4, 3, 2, "valid", 1), (10, (0, 0))),
    ((4, 3, 1, "same", None), (4, (1, 1))),
    ((4, 3, 2, "same", None), (8, (0, 1))),
    ((4, 4, 2, "same", None), (8, (1, 1))),
    ((4, 5, 3, "same", None), (12, (1, 1))),
    ((4, 2, 3, "same", None), (12, (0, 0))),
    ((4, 3, 2, "same", 0), (7, (1, 1))),
    ((4, 3, 3, "same", 2), (12, (0, 0))),
    ((4, 4, 2, "same", 1), (7, (1, 2))),
    ((4, 4, 2, "same", 0), (6, (2, 2))),
]


@pytest.mark.parametrize("problem, found", TRANSPOSED, ids=str)
def test_transposed_windows_lead_back(problem, found):
    """As many windows of that padding as there were, on what they make."""
    size, window, stride, *_ = problem
    count, pads = plan_transposed(*problem)
    assert (count, pads) == found
    assert (count + sum(pads) - window) // stride + 1 == size


def test_paddings():
    assert as_padding("SAME") == "same"
    with pytest.raises(ValueError, match='must be "valid" or "same", got \'causal\''):
        as_padding("causal")
    with pytest.raises(ValueError, match='must be "valid", "same" or "causal", got 3'):
        as_padding(3, ("valid", "same", "causal"))
    with pytest.raises(ValueError, match=r"got \(1, 1\): for .* ZeroPadding2D before"):
        Conv2D(4, 3, padding=(1, 1))  # as in PyTorch
    with pytest.raises(ValueError, match="got 1: to take .* put Cropping1D after"):
        Conv1DTranspose(4, 3, padding=1)


FLAGS = {  # argument: what takes it
    "use_bias": lambda **k: (Conv2D(2, 3, **k), Dense(2, **k)),
    "trainable": lambda **k: Flatten(**k),
    "center": lambda **k: BatchNormalization(**k),
    "scale": lambda **k: BatchNormalization(**k),
    "invert": lambda **k: Normalization(**k),
    "from_logits": lambda **k: BinaryCrossentropy(**k),
    "nesterov": lambda **k: SGD(**k),
    "amsgrad": lambda **k: Adam(**k),
    "centered": lambda **k: RMSprop(**k),
    "use_ema": lambda **k: SGD(**k),
    "restore_best_weights": lambda **k: EarlyStopping(**k),
    "save_best_only": lambda **k: ModelCheckpoint("x.npz", **k),
    "save_weights_only": lambda **k: ModelCheckpoint("x.npz", **k),
    "append": lambda **k: CSVLogger("x.csv", **k),
    "delete_checkpoint": lambda **k: BackupAndRestore("x", **k),
}


@pytest.mark.parametrize("name, make", FLAGS.items(), ids=FLAGS)
def test_a_flag_is_true_or_false(name, make):
    for value in ("no", "a", None, 2, 0.5, []):
        with pytest.raises(TypeError, match=f"^{name} must be True or False, got"):
            make(**{name: value})
    for value in (False, np.True_, 0, np.int64(1)):
        made = make(**{name: value})
        for thing in made if isinstance(made, tuple) else (made,):
            assert getattr(thing, name) is bool(value)


def test_fit_refuses_another_shuffle_before_it_trains(rng):
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(TypeError, match="^shuffle must be True or False, got 'x'"):
        model.fit(rng.standard_normal((4, 2)), np.ones((4, 1)), shuffle="x", verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
