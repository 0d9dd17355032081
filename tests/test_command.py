import os
import subprocess
import sys

import numpy as np
import pytest

from sora_np.__main__ import main
from sora_np.callbacks import BackupAndRestore
from sora_np.layers import (
    BatchNormalization,
    Dense,
    Flatten,
    MinMaxScaling,
    Normalization,
    Rescaling,
)
from sora_np.models import Sequential, load_model


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "sora_np", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Write bright and dark squares, bytes and one-hot rows."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    x = (rng.integers(0, 80, (40, 12, 12)) + 170 * labels[:, None, None]).astype("u1")
    path = tmp_path_factory.mktemp("data") / "squares.npz"
    one_hot = np.eye(2)[labels]
    np.savez(path, x_train=x, y_train=one_hot, x_test=x[:10], y_test=labels[:10], x=x)
    return path


@pytest.fixture(scope="module")
def trained(data):
    model = data.with_name("model.npz")
    result = run(
        "train", "--data", data, "--epochs", 8, "--batch-size", 4, "--save", model
    )
    assert result.returncode == 0, result.stderr
    return model, result.stdout


def test_train_reports(trained, data):
    _, text = trained
    assert "training: x (40, 12, 12, 1)" in text
    assert "Total params: " in text and "Epoch 8/8" in text
    assert "Test accuracy: 1.0000" in text
    for word in ("precision", "recall", "f1", "Confusion matrix"):
        assert word in text
    assert "\x1b" not in text  # no terminal, no escape codes


def test_train_writes_a_page(data, tmp_path):
    """Where the terminal knows ASCII alone, and through a pipe that is closed."""
    pytest.importorskip("matplotlib")  # the extra [plot]
    page = tmp_path / "run.html"
    arguments = f"train --data {data} --epochs 2 --batch-size 4 --report {page}"
    command = f"{sys.executable} -m sora_np {arguments} | head -n 1"
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    result = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=environment
    )
    assert result.stderr == "" and len(result.stdout.splitlines()) == 1
    result = run(*arguments.split(), PYTHONIOENCODING="ascii", LC_ALL="C", NO_COLOR="1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(f"report written to {page}\n")
    text = page.read_text(encoding="utf-8")
    for part in (
        *("sora_model on squares.npz", "Test accuracy", "Training without compiling"),
        *("<td>40</td>", "<td>10 of shape (12, 12, 1)</td>"),
    ):
        assert part in text, part
    assert str(tmp_path) not in text and "\x1b" not in text


def test_a_page_without_matplotlib(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # importing it fails
    page = tmp_path / "run.html"
    assert main(["train", "--data", str(data), "--report", str(page)]) == 2
    out, err = capsys.readouterr()
    assert 'pip install "sora-np[plot]"' in err and len(err.splitlines()) == 1
    assert "Epoch" not in out, "it is said before training"


def test_evaluate_and_predict(trained, data, capsys):
    model, _ = trained
    assert main(["evaluate", str(model), "--data", str(data)]) == 0
    assert "Test accuracy: 1.0000" in capsys.readouterr().out
    assert main(["predict", str(model), str(data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 40
    assert all(f": {k % 2} " in line for k, line in enumerate(lines))


def test_predict_an_image(trained, tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")  # the extra [image]
    model, _ = trained
    file = tmp_path / "bright.png"
    image.new("RGB", (30, 20), (220, 220, 220)).save(file)
    assert main(["predict", str(model), str(file)]) == 0
    assert capsys.readouterr().out.startswith(f"{file}: 1 ")
    file.write_text("no image")
    assert main(["predict", str(model), str(file)]) == 2
    assert "it is no image that Pillow reads" in capsys.readouterr().err


def test_an_image_without_pillow(trained, tmp_path, capsys, monkeypatch):
    model, _ = trained
    monkeypatch.setitem(sys.modules, "PIL", None)  # importing it fails
    assert main(["predict", str(model), str(tmp_path / "shoe.png")]) == 2
    error = (
        'sora-np: error: reading images needs Pillow: pip install "sora-np[image]"\n'
    )
    assert capsys.readouterr().err == error


def test_gradcheck(trained, capsys, monkeypatch):
    model, _ = trained
    assert main(["gradcheck", str(model), "--samples", "3"]) == 0
    text = capsys.readouterr().out
    sections = text.split("\n\n")
    assert [section.splitlines()[0] for section in sections[1:-1]] == [
        *("conv2d (Conv2D) alone", "max_pooling2d (MaxPooling2D) alone"),
        *("conv2d_1 (Conv2D) alone", "max_pooling2d_1 (MaxPooling2D) alone"),
        *("flatten (Flatten) alone", "dense (Dense) alone", "dense_1 (Dense) alone"),
        "the whole model",
        "the whole model as it trains: categorical_crossentropy, by the plan",
    ]
    assert sections[-1] == "all gradients agree\n"
    assert "\x1b" not in text
    right = Dense.backward
    monkeypatch.setattr(Dense, "backward", lambda self, dy: 3 * right(self, dy))
    assert main(["gradcheck", str(model), "--samples", "0"]) == 1
    text = capsys.readouterr().out
    assert "WRONG gradients" in text
    alone = text[text.index("dense_1 (Dense) alone") :]
    assert "\nx: 3 times what it should be\n" in alone
    assert "all before Dense 'dense_1' are wrong" in text


def test_info(capsys):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for name in ("numba", "threads", "threading layer", "vector width", "numba cache"):
        assert name in text
    assert "ready code" in text


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["evaluate", "missing.npz"], "missing.npz"),
        (["train", "--epochs", "0"], "epochs must be a positive"),
        (["train", "--save", "/dev/null/m.npz"], "--save: [Errno 20] Not a directory"),
        (["train", "--report", "/dev/null"], "but /dev/null is a device"),
        (["train", "--save", "."], "--save: [Errno 21] Is a directory"),
        (["train", "--save", "m.safetensors"], "--save: m.safetensors: a .safetensors"),
        (["predict", "m.npz", "x.npz", "--import", "no_such"], "--import no_such: Mod"),
    ],
    ids=[
        "missing-model",
        "epochs",
        "folder",
        "device",
        "is-folder",
        "suffix",
        "import",
    ],
)
def test_mistakes_are_one_line(arguments, text, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("sora-np: error: ") and text in err
    assert len(err.splitlines()) == 1


def test_data_without_its_arrays(tmp_path, capsys):
    np.savez(tmp_path / "d.npz", x_train=np.zeros(3))
    assert main(["train", "--data", str(tmp_path / "d.npz")]) == 2
    assert "it has no y_train, x_test, y_test" in capsys.readouterr().err


def test_ascii_output_and_a_closed_pipe(trained, data):
    model, _ = trained
    result = run("train", "--data", data, "--epochs", 1, PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
    assert "+----" in result.stdout
    command = f"{sys.executable} -m sora_np predict {model} {data} | head -n 1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert result.stderr == "" and len(result.stdout.splitlines()) == 1


def test_train_is_resumed(data, tmp_path, monkeypatch, capsys):
    """Interrupted and gone on with: the model of a straight run, and no folder left."""

    def train(*more):
        command = ["train", "--data", data, "--epochs", 3, "--batch-size", 8, *more]
        return main([str(word) for word in command])

    assert train("--save", tmp_path / "straight.npz") == 0
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:

        def fails(self, epoch, logs=None):
            saved(self, epoch, logs)
            raise OSError("no power")

        saved = BackupAndRestore.on_epoch_end
        patch.setattr(BackupAndRestore, "on_epoch_end", fails)
        assert train("--resume") == 2
    assert "sora-np: error: no power" in capsys.readouterr().err
    assert len(list((tmp_path / "sora-np-backup").iterdir())) == 2
    assert train("--resume", "--save", tmp_path / "resumed.npz") == 0
    said = capsys.readouterr().out
    assert "Continuing from sora-np-backup/epoch0001-batch000000.npz: epoch 2" in said
    assert "Epoch 1/3" not in said and "Epoch 2/3" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("resumed.npz", "straight.npz")
    ]
    first, second = (
        load_model(tmp_path / f"{name}.npz").get_weights()
        for name in ("straight", "resumed")
    )
    assert all(map(np.array_equal, first, second))


# --- what numbers the model takes -----------------------------------------------


def pictures():
    """Bytes (60, 6, 6), of three greys, and their labels."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    return (rng.integers(0, 60, (60, 6, 6)) + 90 * y[:, None, None]).astype("u1"), y


def adapted(layer, x):
    layer.adapt(x)
    return layer


FIRST = {  # the model's first layer, what Python gives to fit and predict
    "divided": (lambda x: None, lambda x: x / 255),
    "rescaling": (lambda x: Rescaling(1 / 255), lambda x: x),
    "rescaling-127": (lambda x: Rescaling(1 / 127.5, -1), lambda x: x),
    "rescaling-floats": (lambda x: Rescaling(1 / 255), lambda x: x.astype("f4")),
    "normalization": (lambda x: adapted(Normalization(None), x), lambda x: x),
    "normalization-of-shares": (
        lambda x: adapted(Normalization(None), x / 255),
        lambda x: x / 255,
    ),
    "min-max": (lambda x: adapted(MinMaxScaling(None), x), lambda x: x),
    "batch-normalization": (lambda x: BatchNormalization(), lambda x: x),
    "rescaling-of-shares": (lambda x: Rescaling(2, -1), lambda x: x / 255),
}


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "by-its-layers"])
@pytest.mark.parametrize("case", FIRST.values(), ids=FIRST)
def test_the_command_gives_what_python_gives(case, recorded, tmp_path, capsys):
    """The same numbers by model.predict and by sora-np, evaluate and predict."""
    first, given = case
    x, y = pictures()
    layer = first(x)
    model = Sequential([layer] if layer is not None else [], seed=1)
    model.add(Flatten(input_shape=(6, 6)))
    model.add(Dense(3, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(given(x), y, batch_size=10, epochs=3, verbose=0)
    expected = model.predict(given(x), verbose=0)
    if not recorded:  # a file of an earlier version
        model.input_range = None
    model.save(tmp_path / "m.npz")
    np.savez(tmp_path / "d.npz", x=x, x_test=x, y_test=y)
    assert main(["evaluate", f"{tmp_path}/m.npz", "--data", f"{tmp_path}/d.npz"]) == 0
    said = capsys.readouterr().out
    assert f"Test accuracy: {np.mean(expected.argmax(1) == y):.4f}" in said
    divided = given(x).max() <= 1
    assert ("bytes are divided by 255" in said) == divided
    assert ("bytes are given as they are" in said) == (not divided)
    assert main(["predict", f"{tmp_path}/m.npz", f"{tmp_path}/d.npz"]) == 0
    told, heard = capsys.readouterr()
    best = expected.argmax(1)
    for k, line in enumerate(told.splitlines()):
        assert f"[{k}]: {best[k]} {expected[k].max():.1%}" in line
    assert (heard == "") == recorded, "what is guessed is said"
    if layer is None or isinstance(layer, Rescaling) and recorded:
        assert main(["gradcheck", f"{tmp_path}/m.npz", "--samples", "0"]) == 0


def test_a_model_of_other_numbers_is_refused_not_guessed_at(tmp_path, capsys):
    x, y = pictures()
    model = Sequential([Flatten(input_shape=(6, 6)), Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x / 127.5 - 1, y, verbose=0)
    model.save(tmp_path / "m.npz")
    np.savez(tmp_path / "bytes.npz", x=x)
    np.savez(tmp_path / "floats.npz", x=x / 127.5 - 1)
    assert main(["predict", f"{tmp_path}/m.npz", f"{tmp_path}/bytes.npz"]) == 2
    text = "the model was trained on numbers from -1 to 0.87451. Let the model scale "
    assert text in capsys.readouterr().err
    assert main(["predict", f"{tmp_path}/m.npz", f"{tmp_path}/floats.npz"]) == 0
    np.savez(tmp_path / "floats.npz", x=x.astype("f4"))
    with pytest.warns(UserWarning, match="^x holds numbers from 0 to .*, but the mod"):
        main(["predict", f"{tmp_path}/m.npz", f"{tmp_path}/floats.npz"])


def test_what_the_command_trained_says_what_it_takes(trained, data):
    model = load_model(trained[0])
    x = np.load(data)["x_test"]
    assert model.input_range == (0, pytest.approx(1, abs=0.05))
    assert model.evaluate(x / 255, np.eye(2)[np.arange(10) % 2], verbose=0)[1] == 1
    assert "bytes are divided by 255: no layer of the model scales them" in trained[1]


# --- data that do not fit -------------------------------------------------------

GOOD = {"x_train": np.zeros((4, 12, 12)), "y_train": [0, 1, 0, 1]}
GOOD |= {"x_test": GOOD["x_train"], "y_test": GOOD["y_train"]}
WITH_NAN = np.where(np.arange(4)[:, None, None] == 2, np.nan, GOOD["x_train"])
DATA = {  # what is put in place of the good arrays, what is said
    "complex": (
        {"x_train": GOOD["x_train"] * 1j},
        "x_train: expected real numbers, got comp",
    ),
    "text": ({"x_train": np.full((4, 2), "a")}, "expected x_train of real numbers"),
    "objects": ({"x_train": np.array([{}] * 4)}, "Object arrays cannot be loaded"),
    "dates": (
        {"x_train": np.zeros((4, 2), "M8[D]")},
        "expected real numbers, got datetime64[D]",
    ),
    "nan": (
        {"x_test": WITH_NAN},
        "x_test holds NaN, infinity or numbers too large for float32 in 1 of 4 samples"
        ", the first of them 2",
    ),
    "too-large": ({"x_train": np.full((4, 12, 12), 1e300)}, "too large for float32"),
    "empty": (
        {"x_train": np.zeros((0, 12, 12)), "y_train": []},
        "shape (N, ...), got (0,",
    ),
    "one-axis": (
        {"x_train": np.zeros(4)},
        "expected x_train of the shape",
    ),
    "no-axis": ({"x_train": np.zeros(())}, "must hold equally many samples"),
    "flat": (
        {"x_train": np.zeros((4, 5)), "x_test": np.zeros((4, 5))},
        "Conv2D 'conv2d'",
    ),
    "two-shapes": ({"x_test": np.zeros((4, 9, 9))}, "must hold samples of one shape"),
    "lengths": ({"y_test": [0, 1]}, "must hold equally many samples"),
    "labels-between": ({"y_train": [0, 1, 0.5, 1]}, "got 0.5 as label 2"),
    "labels-negative": ({"y_train": [0, -1, 0, 1]}, "got -1 as label 1"),
    "labels-nan": ({"y_test": [0, 1, 0, np.nan]}, "got nan as label 3"),
    "labels-huge": (
        {"y_test": [0, 2**40, 0, 1]},
        "less than 10000, got 1099511627776",
    ),
    "labels-text": ({"y_train": [*"abab"]}, "np.unique(y_train, return_inverse=True)"),
    "labels-complex": (
        {"y_train": np.zeros(4, "c8")},
        "expected real numbers, got complex64",
    ),
    "two-hot": (
        {"y_train": np.ones((4, 2))},
        "must hold one-hot rows: one 1, th",
    ),
    "shares": ({"y_train": np.full((4, 2), 0.5)}, "must hold one-hot rows"),
    "cubes": ({"y_train": np.zeros((4, 2, 2))}, "got float64 (4, 2, 2)"),
}


@pytest.mark.parametrize("change, text", DATA.values(), ids=DATA)
def test_data_that_do_not_fit(change, text, tmp_path, capsys):
    np.savez(tmp_path / "d.npz", **GOOD | change)
    assert main(["train", "--data", str(tmp_path / "d.npz")]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("sora-np: error: ") and text in err
    assert len(err.splitlines()) == 1 and "Epoch" not in out


def test_whole_labels_may_be_floats_and_a_test_set_may_be_alone(trained, tmp_path):
    x = np.load(trained[0].with_name("squares.npz"))["x_test"]
    np.savez(tmp_path / "d.npz", x_test=x, y_test=np.arange(10.0)[:, None] % 2)
    assert main(["evaluate", str(trained[0]), "--data", f"{tmp_path}/d.npz"]) == 0


@pytest.mark.parametrize(
    "arrays, text",
    [
        (
            {"a": np.zeros((2, 12, 12)), "b": [1]},
            "it has no x, but a, b; np.savez(",
        ),
        (
            {"x": np.zeros((2, 9, 9))},
            "takes x of shape (N, 12, 12, 1), got (2, 9",
        ),
        (
            {"x": np.zeros((2, 12, 12), complex)},
            "x: expected real numbers, got complex128",
        ),
        ({"x": np.full((2, 12, 12), np.inf)}, "in 2 of 2 samples, the first of them 0"),
        ({"x": 3.0}, "expected x of the shape (N, ...), got ()"),
    ],
    ids=["no-x", "shape", "complex", "infinite", "number"],
)
def test_predict_takes_x_alone(arrays, text, trained, tmp_path, capsys):
    np.savez(tmp_path / "d.npz", **arrays)
    assert main(["predict", str(trained[0]), str(tmp_path / "d.npz")]) == 2
    assert text in capsys.readouterr().err


def test_labels_of_more_classes_than_the_model_has(trained, tmp_path, capsys):
    x = np.zeros((2, 12, 12), "u1")
    np.savez(tmp_path / "d.npz", x_test=x, y_test=[0, 7])
    assert main(["evaluate", str(trained[0]), "--data", f"{tmp_path}/d.npz"]) == 2
    assert "go up to 7, but the model has 2 classes" in capsys.readouterr().err


def test_models_of_one_output(tmp_path, capsys):
    """One sigmoid stands for two classes; other single numbers stand for none."""
    x = np.linspace(-1, 1, 8).reshape(4, 2)
    np.savez(tmp_path / "d.npz", x=x, x_test=x, y_test=[0, 0, 1, 1])
    for activation, loss in (("sigmoid", "binary_crossentropy"), (None, "mse")):
        model = Sequential([Dense(1, activation, input_shape=(2,))])
        model.set_weights([[[9.0], [9.0]], [0.0]])
        model.compile("sgd", loss)
        model.save(tmp_path / f"{loss}.npz")
    paths = [f"{tmp_path}/binary_crossentropy.npz", f"{tmp_path}/d.npz"]
    assert main(["evaluate", paths[0], "--data", paths[1]]) == 0
    assert "Test accuracy: 1.0000" in capsys.readouterr().out
    assert main(["predict", *paths]) == 0
    assert "[3]: 1 100.0%, 0 0.0%" in capsys.readouterr().out
    for command in (["evaluate", f"{tmp_path}/mse.npz", "--data", paths[1]],):
        assert main(command) == 2
        assert "gives outputs (N, 1), not one class a sam" in capsys.readouterr().err


def test_logits_are_not_shown_as_shares(tmp_path, capsys):
    model = Sequential([Dense(2, input_shape=(2,))])
    model.set_weights([[[3.0, 0], [0, 5.0]], [0.0, 0]])
    model.save(tmp_path / "m.npz")
    np.savez(tmp_path / "d.npz", x=[[1.0, 1.0]])
    assert main(["predict", f"{tmp_path}/m.npz", f"{tmp_path}/d.npz"]) == 0
    assert "[0]: 1 5, 0 3\n" in capsys.readouterr().out


OWN = """
from sora_np.layers import Layer
class Halved(Layer):
    def forward(self, x, *, training=False):
        return self.check_input(x) / 2
"""


def test_own_classes_are_imported_from_what_the_user_names(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "halving.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("raise SystemExit(0)")
    scope = {"__name__": "elsewhere"}
    exec(OWN, scope)
    model = Sequential([scope["Halved"](input_shape=(2,)), Dense(2, "softmax")])
    with pytest.warns(UserWarning, match="^never registered, .*: Halved"):
        model.save("m.npz")
    np.savez("d.npz", x=[[1.0, 2.0]])
    assert main(["predict", "m.npz", "d.npz"]) == 2
    assert "for sora-np: --import MODULE" in capsys.readouterr().err
    assert "halving" not in sys.modules
    path = sys.path[:]
    assert main(["predict", "m.npz", "d.npz", "--import", "halving"]) == 0
    assert sys.path == path
    for module, text in (
        ("broken", "--import broken: SystemExit: 0"),
        ("halving.py", "give its name as in import NAME, not the file"),
    ):
        assert main(["predict", "m.npz", "d.npz", "--import", module]) == 2
        assert text in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "halving")
