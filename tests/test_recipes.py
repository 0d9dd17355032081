"""Recipes, by name and as the command runs them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import load_model, recipes
from sora_np.__main__ import main
from sora_np.command.reading import held_out
from sora_np.datasets import fashion_mini
from sora_np.layers import RandomFlip
from sora_np.optimizers import SGD, AdamW
from sora_np.sora_model import create_sora_model
from sora_np.utils import to_categorical


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """A file of bright and dark squares: 260 for training, 20 for testing."""
    labels = np.arange(280) % 2
    x = np.random.default_rng(0).integers(0, 80, (280, 12, 12))
    x = (x + 170 * labels[:, None, None]).astype(np.uint8)
    path = tmp_path_factory.mktemp("data") / "squares.npz"
    names = "x_train", "y_train", "x_test", "y_test"
    parts = x[:260], labels[:260], x[260:], labels[260:]
    np.savez(path, **dict(zip(names, parts, strict=True)))
    return path


def test_the_command_follows_a_recipe(squares, tmp_path, capsys):
    """Its batch size and schedule; --epochs, --seed and --save as ever."""
    arguments = ["train", "--recipe", "fashion-93", "--data", str(squares)]
    weights = []
    for seed in ("3", "3", "4"):
        saved = str(tmp_path / f"{seed}.npz")
        options = ["--epochs", "2", "--seed", seed, "--save", saved]
        assert main([*arguments, *options]) == 0
        model = load_model(saved)
        weights.append(model.get_weights())
    assert "Test accuracy: " in capsys.readouterr().out
    assert model.name == "fashion_93" and model.seed == 4
    assert isinstance(model.layers[0], RandomFlip)
    assert model.optimizer.batches == 2 * 3  # 260 samples in batches of 128
    assert model.optimizer.learning_rate < 1e-6  # the schedule is at its end
    for a, b, c in zip(*weights, strict=True):
        assert_array_equal(a, b)
        assert a.size < 100 or not np.array_equal(a, c)


def test_epochs_and_batch_size_come_before_the_recipes(squares, tmp_path):
    saved = str(tmp_path / "m.npz")
    options = ["--epochs", "1", "--batch-size", "100", "--save", saved]
    assert main(["train", "--data", str(squares), *options]) == 0
    model = load_model(saved)
    assert model.name == "sora_model" and model.optimizer.batches == 3


def test_the_default_is_the_source_documents_program():
    dataset, epochs, batch_size, make, watches = recipes.get("sora")
    assert (dataset, epochs, batch_size, watches) == ("fashion_mini", 10, 32, True)
    ours, theirs = make((28, 28, 1), 10, 5, 1), create_sora_model((28, 28, 1), seed=5)
    assert ours.get_config() == theirs.get_config()


def test_fashion_93_is_small_and_scheduled():
    recipe = recipes.get("fashion-93")
    model = recipe.make((28, 28, 1), 10, 0, 1000)
    assert model.count_params() <= 500_000
    assert isinstance(model.optimizer, AdamW)
    rate = model.optimizer._learning_rate
    assert max(map(rate, range(1000))) == pytest.approx(0.003, rel=1e-3)
    assert rate(999) < 1e-6


def test_fashion_resnet_is_drawn_by_the_seed_and_scheduled():
    recipe = recipes.get("fashion-resnet")
    one, again, other = (recipe.make((28, 28, 1), 10, seed, 1000) for seed in (1, 1, 2))
    for a, b, c in zip(*(m.get_weights() for m in (one, again, other)), strict=True):
        assert_array_equal(a, b)
        assert a.size < 100 or not np.array_equal(a, c)
    assert one.count_params() == 273_754
    assert isinstance(one.optimizer, SGD) and one.optimizer.nesterov
    rate = one.optimizer._learning_rate
    assert max(map(rate, range(1000))) == pytest.approx(0.1, rel=1e-3)
    assert rate(0) == pytest.approx(0.004) and rate(999) < 1e-6


def test_fashion_resnet_decays_kernels_alone():
    model = recipes.get("fashion-resnet").make((28, 28, 1), 10, 0, 1000)
    flat, optimizer = model.flat, model.optimizer
    decayed = optimizer.exclusion.decayed(flat.values, flat.parts, flat)
    kernels = [p for p in model.get_weights() if p.ndim > 1]
    assert len(decayed) == len(kernels) == 22  # 21 convolutions, and dense
    assert sum(part.stop - part.start for part in decayed) == sum(
        kernel.size for kernel in kernels
    )


def test_fashion_resnet_looks_at_test_data_once(squares, tmp_path, capsys):
    saved = str(tmp_path / "m.npz")
    options = ["--data", str(squares), "--epochs", "2", "--save", saved]
    assert main(["train", "--recipe", "fashion-resnet", *options]) == 0
    out = capsys.readouterr().out
    assert "val_accuracy" not in out and "Test accuracy: " in out
    assert load_model(saved).optimizer.batches == 2 * 5  # 260 samples, 64 at a time


def test_what_is_held_out_is_not_trained_on(squares, capsys):
    options = ["--data", str(squares), "--epochs", "1", "--hold-out", "0.1"]
    assert main(["train", "--batch-size", "117", *options]) == 0
    out = capsys.readouterr().out
    assert "training: x (234, 12, 12, 1), y (234,); held out of training: x (26," in out
    assert "Held-out accuracy: " in out and "Test accuracy" not in out


def test_every_class_is_held_out_alike_by_the_seed():
    y = np.arange(100) % 3 > 0
    x = np.arange(100)
    (x_kept, y_kept), (x_out, y_out) = held_out((x, y), 0.25, seed=1)
    assert sorted([*x_kept, *x_out]) == [*range(100)]
    assert_array_equal(y_out, y[x_out])
    assert_array_equal(y_kept, y[x_kept])
    assert np.bincount(y_out).tolist() == [8, 16]  # of 34 and 66
    again, other = (held_out((x, y), 0.25, seed=seed)[1][0] for seed in (1, 2))
    assert_array_equal(again, x_out)
    assert not np.array_equal(other, x_out)


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["--recipe", "fashion93"], "unknown recipe 'fashion93'; did you mean 'fashio"),
        (["--recipe", "cake"], "unknown recipe 'cake'. There are: fashion-93, fashion"),
        (["--hold-out", "1"], "--hold-out must lie between 0 and 1, got 1.0"),
        (["--hold-out", "1e-6"], "--hold-out 1e-06 of 10000 samples leaves one part"),
        (
            ["--recipe", "fashion-93", "--epochs", "0"],
            "epochs must be a positive",
        ),
        (["--batch-size", "-1"], "batch_size must be a positive whole number, got -1"),
    ],
    ids=["near", "far", "all", "nothing", "epochs", "batch-size"],
)
def test_mistakes(arguments, text, capsys):
    options = ["--dataset", "fashion_mini", *arguments]
    assert main(["train", *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"sora-np: error: {text}") and len(err.splitlines()) == 1


@pytest.mark.slow
def test_fashion_93_learns_more_from_a_sixth_of_the_data():
    """The source document's network reaches 0.8865 there, in 10 epochs."""
    (x, y), (x_test, y_test) = fashion_mini.load_data()
    x, x_test = (a[..., None] / np.float32(255) for a in (x, x_test))
    recipe = recipes.get("fashion-93")
    steps = recipe.epochs * -(-len(x) // recipe.batch_size)
    model = recipe.make((28, 28, 1), 10, 0, steps)
    options = {"epochs": recipe.epochs, "verbose": 0}
    model.fit(x, to_categorical(y, 10), recipe.batch_size, **options)
    assert model.evaluate(x_test, to_categorical(y_test, 10), verbose=0)[1] >= 0.9
