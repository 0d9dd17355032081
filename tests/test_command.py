import os
import subprocess
import sys

import numpy as np
import pytest

from sora_np.__main__ import main
from sora_np.callbacks import BackupAndRestore
from sora_np.layers import Dense
from sora_np.models import load_model


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
    assert main(["gradcheck", str(model), "--samples", "5"]) == 0
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


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["evaluate", "missing.npz"], "missing.npz"),
        (["train", "--epochs", "0"], "epochs must be a positive"),
        (["train", "--save", "no/such/folder/m.npz"], "no folder"),
        (["train", "--report", "no/such/folder/r.html"], "--report: no folder"),
    ],
    ids=["missing-model", "epochs", "save-folder", "report-folder"],
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
    assert "Going on from sora-np-backup/epoch0001-batch000000.npz: epoch 2" in said
    assert "Epoch 1/3" not in said and "Epoch 2/3" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("resumed.npz", "straight.npz")
    ]
    first, second = (
        load_model(tmp_path / f"{name}.npz").get_weights()
        for name in ("straight", "resumed")
    )
    assert all(map(np.array_equal, first, second))
