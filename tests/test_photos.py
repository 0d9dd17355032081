"""From a folder of mixed photos to a model, a page and predictions, by the command."""

import csv
from pathlib import Path

import numpy as np
import pytest

from sora_np import load_model, plots, sanity
from sora_np.__main__ import main
from sora_np.command.photos import training_folders

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

CLASSES = {"Bäume": (40, 160, 60), "Äpfel": (200, 40, 40), "天空": (60, 120, 220)}
COUNTS = {"Bäume": 20, "Äpfel": 28, "天空": 12}
MODES = ("RGB", "RGBA", "P", "CMYK", "L", "LA")
SUFFIXES = {
    "RGB": "jpg",
    "CMYK": "jpg",
    "RGBA": "png",
    "P": "gif",
    "L": "bmp",
    "LA": "png",
}
BROKEN = {"leer.jpg": b"", "Text.png": b"no image", "halb.jpg": None}


def photo(colour, k, rng):
    """Return a noisy picture of one colour, with a mode and a size of its own."""
    size = 40 + 7 * (k % 5), 56 - 5 * (k % 4)
    pixels = rng.normal(colour, 25, (*size, 3)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert(MODES[k % len(MODES)])


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """60 photos, three broken files, a hidden folder, and some that is no photo."""
    root = tmp_path_factory.mktemp("Fotos 照片")
    rng = np.random.default_rng(1)
    for name, colour in CLASSES.items():
        (root / name).mkdir()
        for k in range(COUNTS[name]):
            image = photo(colour, k, rng)
            path = root / name / f"Bild {k:02} 图.{SUFFIXES[image.mode]}"
            image.save(path)
    whole = (root / "Äpfel" / "Bild 00 图.jpg").read_bytes()
    for name, content in BROKEN.items():
        (root / "Bäume" / name).write_bytes(whole[:900] if content is None else content)
    (root / ".thumbnails").mkdir()
    photo((0, 0, 0), 0, rng).save(root / ".thumbnails" / "1.jpg")
    (root / "天空" / "notes.txt").write_text("?")
    return root


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    """Train once, and return the model's file, the page, and what was said."""
    out = tmp_path_factory.mktemp("out")
    save, page = out / "m.npz", out / "seite.html"
    arguments = ["train", "--data", photos, "--size", 16, "--epochs", 25, "--augment"]
    arguments += ["--class-weight", "balanced", "--batch-size", 8, "--seed", 2]
    arguments += ["--save", save, "--report", page]
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr(
            "builtins.print", lambda *a, **k: said.append(" ".join(map(str, a)))
        )
        assert main([*map(str, arguments)]) == 0
    return save, page, "\n".join(said)


def test_training(trained):
    save, page, said = trained
    assert "60 images, 1 other files" in said
    assert "passed over 1 hidden folders" in said
    for name in BROKEN:
        assert f"skipped Bäume/{name}: " in said
    assert "training: x (48, 16, 16, 3), y (48,)" in said
    assert "test: x (12, 16, 16, 3)" in said
    assert "bytes are given as they are" in said
    accuracy = float(said.split("Test accuracy: ")[1].split()[0])
    assert accuracy > 0.7  # a sixth of each class is grey
    model = load_model(save)
    assert model.class_names == [*CLASSES]
    assert [layer.name for layer in model.layers[:3]] == [
        *("rescaling", "random_flip", "random_rotation")
    ]
    text = page.read_text(encoding="utf-8")
    assert "Bild 0" in text and "天空" in text and "Class weight" in text


def test_evaluation(photos, trained, tmp_path, capsys):
    assert main(["evaluate", str(trained[0]), "--data", str(photos)]) == 0
    out, err = capsys.readouterr()
    assert float(out.split("Test accuracy: ")[1].split()[0]) > 0.7
    assert "skipped Bäume/leer.jpg: it is empty" in err
    # some of the classes, which then have their own labels
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "天空").symlink_to(photos / "天空")
    assert main(["evaluate", str(trained[0]), "--data", f"{tmp_path}/some"]) == 0
    matrix = capsys.readouterr().out.split("Confusion matrix")[1].splitlines()
    rows = [[*map(int, row.split()[2:])] for row in matrix[2:5]]
    assert [sum(row) for row in rows] == [0, 0, 12] and rows[2][2] >= 8
    (tmp_path / "some" / "Meer").symlink_to(photos / "天空")
    assert main(["evaluate", str(trained[0]), "--data", f"{tmp_path}/some"]) == 2
    text = "has the folder 'Meer', and the model knows the classes Bäume, Äpfel, 天空"
    assert text in capsys.readouterr().err


def test_prediction(photos, trained, tmp_path, capsys):
    table = tmp_path / "Ergebnis.csv"
    arguments = ["predict", str(trained[0]), str(photos), "--csv", str(table)]
    assert main(arguments) == 1  # three files are broken, and cost themselves alone
    out, err = capsys.readouterr()
    assert out == f"60 predictions written to {table}\n"
    assert len(err.splitlines()) == 3 and "leer.jpg: it is empty" in err
    with open(table, encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == 63
    assert [*rows[0]] == ["file", "class", "share", "error", *CLASSES]
    broken = {Path(row["file"]).name for row in rows if row["error"]}
    assert broken == {*BROKEN}
    good = [row for row in rows if not row["error"]]
    right = [Path(row["file"]).parent.name == row["class"] for row in good]
    assert np.mean(right) > 0.7
    for row in good:
        shares = [float(row[name]) for name in CLASSES]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
        assert float(row["share"]) == max(shares) == float(row[row["class"]])
    one = photos / "天空" / "Bild 00 图.jpg"
    assert main(["predict", str(trained[0]), str(one)]) == 0
    share = next(row["share"] for row in good if row["file"] == str(one))
    shown = capsys.readouterr().out
    assert shown.startswith(f"{one}: ") and f"{float(share):.1%}" in shown
    assert main(["predict", str(trained[0]), str(photos / "Bäume" / "leer.jpg")]) == 2


@pytest.mark.filterwarnings("ignore:pictures show boxes")  # without such fonts
def test_a_folder_is_looked_at(photos, trained):
    """Sanity check, page and picture take a folder, and name the files."""
    model = load_model(trained[0])
    train, test = training_folders(photos, 16, 0.2, 2)
    leaking = train.split(0.5)[1]
    findings = sanity.check(model, train, x_test=leaking)
    text = findings["test samples in x"].diagnosis
    assert f"{leaking.file_paths[0]} is equal to {leaking.file_paths[0]}" in text
    assert sanity.check(model, train, x_test=test)["test samples in x"].verdict == "ok"
    wrong = np.roll(np.eye(3), 1, axis=1)[test.labels]
    figure = plots.plot_mistakes(test, None, wrong, count=2)
    title = figure.axes[0].get_title()
    assert title == f"Äpfel 100.0%\nis Bäume\n{test.file_paths[0].name}"


def test_another_seed_tests_by_others(photos):
    (_, test), (_, again), (_, other) = (
        training_folders(photos, 16, 0.2, seed) for seed in (1, 1, 2)
    )
    assert test.file_paths == again.file_paths != other.file_paths
    assert np.bincount(test.labels).tolist() == [4, 6, 2]


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["--size", "0"], "--size must be a positive whole number, got 0"),
        (["--validation-split", "1"], "the share must lie between 0 and 1, got 1.0"),
        (["--data", "EMPTY"], "has no folders: expected a folder for every class"),
    ],
)
def test_mistakes(arguments, text, photos, tmp_path, capsys):
    arguments = [a.replace("EMPTY", str(tmp_path)) for a in arguments]
    assert main(["train", "--data", str(photos), *arguments]) == 2
    assert text in capsys.readouterr().err
