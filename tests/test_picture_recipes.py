"""Recipes whose networks answer with a picture, as the command runs them."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import load_model, recipes
from sora_np.__main__ import main
from sora_np.datasets.idx import DataFileError
from sora_np.datasets.pictures import installed, nuclei, trees
from sora_np.recipes.pictures import Pictures
from sora_np.vision import average_precision, center_targets, mask_dice, mask_iou

SIDE = 32
BOX = [8, 4, 24, 20]
UPPER, LOWER = [330, 20, 370, 60], [40, 400, 80, 460]


def _discs(count, seed):
    """Bright discs on dark noise, and their masks: micrographs, as it were."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    x, y = np.empty((2, count, SIDE, SIDE, 1), np.float32)
    for n, (i, j) in enumerate(rng.uniform(8, 24, (count, 2))):
        y[n, ..., 0] = (rows - i) ** 2 + (columns - j) ** 2 < 36
        x[n] = 0.2 * rng.random((SIDE, SIDE, 1)) + 0.6 * y[n]
    return x, y


@pytest.fixture
def small(monkeypatch):
    """Let both recipes find small pictures in the place of their data."""
    x, y = _discs(24, 0)
    x_test, y_test = _discs(4, 1)
    discs = Pictures(x, y, x_test, y_test, [*(y_test[..., 0] > 0)])
    images = np.zeros((24, SIDE, SIDE, 3), np.uint8)
    images[:, BOX[1] : BOX[3], BOX[0] : BOX[2]] = 200
    maps = np.stack([center_targets([BOX], 8, 8, 4)] * 24)
    boxes = Pictures(images, maps, images[:3], maps[:3], [np.array([BOX])] * 3)
    for name, data in (("nuclei-unet", discs), ("trees-centers", boxes)):
        changed = recipes.get(name)._replace(load=lambda path, data=data: data)
        monkeypatch.setitem(recipes.RECIPES, name, changed)
    return {"nuclei-unet": discs, "trees-centers": boxes}


def _scores(out):
    lines = [line for line in out.splitlines() if line.startswith("Test ")]
    pairs = [line.removeprefix("Test ").rpartition(": ") for line in lines]
    return {name: float(value) for name, _, value in pairs}


def test_nuclei_are_found_and_shown(small, tmp_path, capsys):
    saved, page = tmp_path / "m.npz", tmp_path / "run.html"
    options = ["--epochs", "8", "--batch-size", "1", "--save", str(saved)]
    options += ["--report", str(page)]
    assert main(["train", "--recipe", "nuclei-unet", *options]) == 0
    scores = _scores(capsys.readouterr().out)
    data, model = small["nuclei-unet"], load_model(saved)
    found = model.predict(data.x_test, verbose=0) >= 0.5
    assert scores["Dice"] == pytest.approx(mask_dice(data.y_test, found), abs=1e-4)
    assert scores["IoU"] == pytest.approx(mask_iou(data.y_test, found), abs=1e-4)
    assert scores["Dice"] > 0.6
    assert scores["IoU by Otsu's threshold"] == 1  # the discs are much brighter
    text = page.read_text()
    assert text.count('class="pixels"') == 3 * len(data.x_test)
    alone = mask_dice(data.y_test[3], found[3]), mask_iou(data.y_test[3], found[3])
    assert "test picture 3: Dice {:.3f}, IoU {:.3f}".format(*alone) in text
    for name in ("image", "truth", "prediction"):
        assert f"<figcaption>{name}</figcaption>" in text


def test_trees_are_found_and_shown(small, tmp_path, capsys):
    page = tmp_path / "run.html"
    options = ["--epochs", "12", "--batch-size", "4", "--report", str(page)]
    assert main(["train", "--recipe", "trees-centers", *options]) == 0
    scores = _scores(capsys.readouterr().out)
    assert scores["average precision in all, at an IoU of 0.5"] > 0.5
    assert scores["true boxes in all"] == 3
    text = page.read_text()
    assert text.count('class="pixels"') == 9
    assert "test picture 2: 1 trees, " in text
    assert "Largest errors" not in text  # of the map's numbers: they say nothing


@pytest.mark.parametrize("name", ["nuclei-unet", "trees-centers"])
def test_weights_are_drawn_by_the_seed(name, small):
    shape = small[name].x_train.shape[1:]
    one, again, other = (recipes.get(name).make(shape, s, 100) for s in (1, 1, 2))
    for a, b, c in zip(*(m.get_weights() for m in (one, again, other)), strict=True):
        assert_array_equal(a, b)
        assert a.ndim < 2 or not np.array_equal(a, c)


def test_what_trees_are_judged_by(small):
    """The map of the truth finds every box; a picture without a true box counts."""
    data = small["trees-centers"]
    outputs = data.y_test.astype(float)
    outputs[..., 0] = 20 * outputs[..., 0] - 10
    outputs[:, 7, 7] = -1.5, 1, 1, 0, 0  # a wrong box, with a score of 0.18
    data = data._replace(truth=[*data.truth[:2], np.zeros((0, 4))])
    judged = recipes.get("trees-centers").judge(outputs, data)
    expected = average_precision(data.truth, [[BOX]] * 3, [[0.9]] * 3)
    assert judged.scores["average precision in all, at an IoU of 0.5"] == pytest.approx(
        expected.average_precision
    )
    assert judged.scores["precision in all, from a score of 0.3 on"] == pytest.approx(
        2 / 3
    )
    assert judged.scores["recall in all, from a score of 0.3 on"] == 1
    assert judged.rows[2][0] == "test picture 2: 0 trees, 1 boxes"
    none = recipes.get("trees-centers").judge(outputs - 30, data)
    assert none.scores["average precision in all, at an IoU of 0.5"] == 0
    assert none.scores["precision in all, from a score of 0.3 on"] == 0


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["--hold-out", "0.2"], "--hold-out does not go with --recipe nuclei-unet"),
        (["--dataset", "mnist"], "--dataset does not go with --recipe nuclei-unet"),
        (
            ["--augment"],
            "--augment does not go with --recipe nuclei-unet, whose data a",
        ),
        (["--epochs", "0"], "epochs must be a positive whole number, got 0"),
        (
            ["--save", "m.safetensors"],
            "--save: m.safetensors: a .safetensors file can hold",
        ),
    ],
)
def test_mistakes(arguments, text, small, capsys):
    assert main(["train", "--recipe", "nuclei-unet", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"sora-np: error: {text}")


# --- the data ------------------------------------------------------------------------


def test_without_the_package_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    for recipe, package in (
        ("nuclei-unet", "stardist"),
        ("trees-centers", "deepforest"),
    ):
        assert main(["train", "--recipe", recipe, "--epochs", "1"]) == 2
        extra = recipe.partition("-")[0]
        assert capsys.readouterr().err == (
            f"sora-np: error: these pictures come with the package {package}: pip "
            f'install "sora-np[{extra}]", or, for the files alone, pip install '
            f"--no-deps {package}\n"
        )


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Small files in packages of the right names, which raise when imported."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("stardist", "deepforest"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('imported')")
    folder = tmp_path / "stardist" / "data" / "images"
    folder.mkdir(parents=True)
    micrograph = rng.integers(0, 236, (512, 512)).astype(np.uint16)
    mask = np.zeros((512, 512), np.uint16)
    mask[100:120, 50:80], mask[200:210, 400:420] = 7, 300
    for name, a in (("img2d", micrograph), ("mask2d", mask)):
        image.fromarray(a).save(folder / f"{name}.tif")
    folder = tmp_path / "deepforest"
    (folder / "data").mkdir()
    box = "<object><bndbox>{}</bndbox></object>"
    sides = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
    some = [box.format(sides.format(*b)) for b in (UPPER, LOWER)]
    for name, shape, boxes in (
        (trees.WOOD, (1001, 560, 3), some),
        (trees.FOREST, (320, 640, 3), some[:1]),
    ):
        pixels = rng.integers(0, 256, shape).astype(np.uint8)
        image.fromarray(pixels).save(folder / f"{name}.png")
        (folder / f"{name}.xml").write_text(f"<a>{''.join(boxes)}</a>")
    monkeypatch.setattr(installed, "check_digest", lambda path, digest: None)
    return micrograph, mask


def test_tiles_of_nuclei(packages):
    micrograph, mask = packages
    (x, y), (x_test, y_test) = nuclei.load_data()
    assert_array_equal(np.concatenate([x, x_test], axis=1), micrograph)
    assert_array_equal(np.concatenate([y, y_test], axis=1), mask)
    assert x.shape == (512, 384) and y.max() == 7 and y_test.max() == 300
    data = recipes.get("nuclei-unet").load(None)
    assert data.x_train.shape == data.y_train.shape == (7 * 5 * 8, 128, 128, 1)
    assert data.x_test.shape == data.y_test.shape == (4, 128, 128, 1)
    assert_allclose(data.x_test[1, ..., 0], x_test[128:256] / np.float32(255))
    assert_array_equal(data.y_test[1, ..., 0], y_test[128:256] > 0)
    assert_array_equal(data.truth[1], y_test[128:256] > 0)
    assert_allclose(data.x_train[8, ..., 0], x[:128, 64:192] / np.float32(255))
    assert set(np.unique(data.y_train)) == {0, 1}


def test_tiles_of_trees(packages, monkeypatch):
    """Of 500 x 280 pixels the upper 180 rows are to train on, of 160 x 320 none."""
    monkeypatch.setattr(recipes.trees, "SQUARES", 40)
    monkeypatch.setattr(recipes.trees, "SIZES", (120, 180))
    (wood, boxes), (forest, others) = trees.load_data()
    assert wood.shape == (1001, 560, 3) and forest.shape == (320, 640, 3)
    assert boxes.tolist() == [UPPER, LOWER] and others.tolist() == [UPPER]
    data = recipes.get("trees-centers").load(None)
    assert data.x_train.shape == (40, 160, 160, 3)
    assert data.y_train.shape == (40, 40, 40, 5)
    assert data.x_test.shape == (2 + 2, 160, 160, 3)
    assert [*data.groups.values()] == [slice(0, 2), slice(2, None)]
    truth = [one.tolist() for one in data.truth]
    assert truth == [[[20, 20, 40, 50]], [], [], [[5, 10, 25, 30]]]
    middle = wood[2 * (180 + 160 + 7) :, 2 * 9 :][:2, :2].mean(axis=(0, 1))
    assert_allclose(data.x_test[1, 7, 9], middle, atol=0.5)


def test_squares_of_trees_are_where_their_boxes_are(rng, monkeypatch):
    """Boxes painted on a picture before it is cut, scaled and turned."""
    monkeypatch.setattr(recipes.trees, "SQUARES", 60)
    picture = np.zeros((300, 260, 3), np.uint8)
    boxes = np.array([[30, 40, 70, 90], [150, 120, 190, 150], [100, 220, 180, 280]])
    for left, top, right, bottom in boxes:
        picture[top:bottom, left:right] = 255
    images, found = recipes.trees._squares(picture, boxes, rng)
    sizes = [np.ptp(some[:, ::2], axis=1) for some in found if len(some)]
    assert len(images) == 60 and np.ptp(np.concatenate(sizes)) > 20
    for image, some in zip(images, found, strict=True):
        for left, top, right, bottom in some.round().astype(int):
            assert image[top + 2 : bottom - 2, left + 2 : right - 2].min() > 200
            assert right > left and bottom > top


def test_files_in_a_folder_and_other_files(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"img2d.tif is not there: it comes wi"):
        nuclei.load_data(tmp_path)
    (tmp_path / "img2d.tif").write_bytes(b"x")
    with pytest.raises(DataFileError, match="its SHA256 is .* expected f9ccc"):
        nuclei.load_data(tmp_path)
