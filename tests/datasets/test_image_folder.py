"""Images in folders: every odd file is skipped or converted, and counted."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import Conv2D, Dense, Flatten, MaxPool, Rescaling, Sequential
from sora_np.datasets.idx import DataFileError
from sora_np.datasets.image import read_image
from sora_np.utils import image_dataset_from_directory

Image = pytest.importorskip("PIL.Image")


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def read(folder, **options):
    options = {"image_size": (6, 8), "shuffle": False} | options
    return image_dataset_from_directory(folder, **options)


@pytest.fixture
def folder(tmp_path, rng):
    """Two classes of ten images of 6x8, and what they hold."""
    x = rng.integers(0, 256, (20, 6, 8, 3), np.uint8)
    for k, image in enumerate(x):
        save(tmp_path / "pets" / ("cat", "dog")[k // 10] / f"{k:02}.png", image)
    return tmp_path / "pets", x


def test_what_it_yields(folder):
    source = read(folder[0], batch_size=8)
    assert len(source) == 3
    assert source.class_names == ["cat", "dog"]
    batches = [source[k] for k in range(3)]
    assert [len(x) for x, _ in batches] == [8, 8, 4]
    x, y = map(np.concatenate, zip(*batches, strict=True))
    assert x.dtype == np.uint8
    assert_array_equal(x, folder[1])
    assert_array_equal(y, [0] * 10 + [1] * 10)
    assert str(source.report) == "20 images, 0 other files"
    with pytest.raises(IndexError, match="batch must be below 3, got"):
        source[3]


def test_labels_and_colours(folder):
    _, one_hot = read(folder[0], label_mode="categorical")[0]
    assert_array_equal(one_hot, np.eye(2)[[0] * 10 + [1] * 10])
    _, y = read(folder[0], label_mode="binary", class_names=["dog", "cat"])[0]
    assert_array_equal(y, [[0]] * 10 + [[1]] * 10)
    x = read(folder[0], label_mode=None)[0]
    assert_array_equal(x, folder[1])
    grey, _ = read(folder[0], color_mode="grayscale")[0]
    weights = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert np.abs(grey[..., 0] - folder[1] @ weights).max() < 1
    opaque, _ = read(folder[0], color_mode="rgba")[0]
    assert_array_equal(opaque[..., 3], 255)


def test_order_and_split(folder):
    source = read(folder[0], shuffle=True, batch_size=20, seed=3)
    epochs = []
    for _ in range(2):
        x, y = source[0]
        where = [int(np.flatnonzero((folder[1] == i).all((1, 2, 3)))[0]) for i in x]
        assert sorted(where) == list(range(20))
        assert_array_equal(y, np.array(where) // 10)
        epochs.append(where)
        source.on_epoch_end()
    assert epochs[0] != epochs[1] != list(range(20))
    again = read(folder[0], shuffle=True, batch_size=20, seed=3)
    assert_array_equal(again[0][0], folder[1][epochs[0]])
    options = {"validation_split": 0.2, "seed": 1}
    train, test = read(folder[0], subset="both", **options)
    assert (len(train.file_paths), len(test.file_paths)) == (16, 4)
    assert {*train.file_paths} | {*test.file_paths} == {*source.file_paths}
    assert read(folder[0], subset="validation", **options).file_paths == test.file_paths


def test_every_odd_file(tmp_path, rng):
    """MUST-SURVIVE 19: skipped or converted, and counted."""
    cat = tmp_path / "cat"
    x = rng.integers(0, 256, (6, 8, 3), np.uint8)
    save(cat / "a.png", x)
    palette = Image.fromarray(x).quantize(7)
    palette.save(cat / "b-palette.png")
    clear = np.dstack([x, np.full((6, 8), 9, np.uint8)])
    save(cat / "c-clear.png", clear)
    deep = rng.integers(0, 65536, (6, 8)).astype(np.uint16)
    save(cat / "d-deep.png", deep)
    tag = Image.Exif()
    tag[0x0112] = 6  # to be turned by a quarter, with the clock
    save(cat / "e-turned.png", x.transpose(1, 0, 2)[::-1].copy(), exif=tag)
    colours = np.full((2, 6, 8, 3), [50, 90, 130], np.uint8)
    frames = [
        Image.fromarray(frame) for frame in colours + np.uint8([[[[0]]], [[[9]]]])
    ]
    frames[0].save(cat / "f-film.gif", save_all=True, append_images=frames[1:])
    save(cat / "g-large.bmp", np.full((60, 80, 3), 77, np.uint8))
    (cat / "h-empty.png").touch()
    (cat / "i-text.jpg").write_text("no image")
    whole = (cat / "a.png").read_bytes()
    (cat / "j-cut.png").write_bytes(whole[: len(whole) // 2])
    broken = bytearray(whole)
    broken[60] ^= 255
    (cat / "k-broken.png").write_bytes(broken)
    (cat / "Thumbs.db").write_text("")
    (cat / ".hidden.png").touch()
    save(tmp_path / "dog" / "inner" / "z.png", x)
    with pytest.warns(UserWarning, match="4 images were skipped; the report") as seen:
        source = read(tmp_path)
    assert seen[0].filename == __file__
    shown, y = source[0]
    assert_array_equal(y, [0] * 7 + [1])
    assert_array_equal(shown[0], x)
    assert_array_equal(shown[1], np.asarray(palette.convert("RGB")))
    assert_array_equal(shown[2], x)
    assert_array_equal(shown[3], np.repeat((deep >> 8)[..., None], 3, axis=2))
    assert_array_equal(shown[4], x)
    assert_array_equal(shown[5], colours[0])
    assert_array_equal(shown[6], 77)
    assert_array_equal(shown[7], x)
    report = source.report
    assert report.images == 8 and report.other_files == 1
    assert {name.split("/")[1][0] for name in report.skipped} == set("hijk")
    assert report.skipped["cat/h-empty.png"] == "it is empty"
    assert report.skipped["cat/i-text.jpg"] == "it is no image that Pillow reads"
    assert (
        report.converted
        == {
            "converted from P": 2,  # the film as well
            "transparent, the colours taken": 1,
            "16 bits, the upper 8 taken": 1,
            "turned upright by EXIF": 1,
            "several frames, the first taken": 1,
        }
        or report.converted["converted from P"] == 1
    )
    assert "skipped cat/h-empty.png: it is empty" in str(report)


def test_a_decompression_bomb(folder, monkeypatch):
    path = folder[0] / "cat" / "bomb.png"
    save(path, np.zeros((30, 30), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    for limit in (500, 100):  # Pillow warns above, and raises above twice as much
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.warns(UserWarning, match="1 images were skipped"):
            source = read(folder[0])
        assert "decompression bomb" in source.report.skipped["cat/bomb.png"]
        assert source.report.images == 20


def test_names_of_any_script(tmp_path, rng):
    x = rng.integers(0, 256, (6, 8), np.uint8)
    for name in ("猫", "été", "Ёж", "a b"):
        save(tmp_path / name / "1.png", x)
    (tmp_path / ".git").mkdir()
    source = read(tmp_path)
    assert source.class_names == ["a b", "été", "Ёж", "猫"]  # composed, sorted
    assert source.report.images == 4


def test_empty_folders_and_one_class(tmp_path, rng):
    save(tmp_path / "cat" / "1.png", rng.integers(0, 256, (6, 8), np.uint8))
    with pytest.warns(UserWarning, match="there is one class alone"):
        read(tmp_path)
    (tmp_path / "bird").mkdir()
    with pytest.warns(UserWarning, match="no images of bird"):
        source = read(tmp_path)
    assert source.class_names == ["cat"]  # an output that learns nothing is none
    assert_array_equal(source[0][1], [0])
    assert source.report.empty_classes == ["bird"]
    text = "no images of bird; the report"  # whoever names it keeps its place
    with pytest.warns(UserWarning, match=text):
        source = read(tmp_path, class_names=["bird", "cat"])
    assert source.class_names == ["bird", "cat"]
    assert_array_equal(source[0][1], [1])


def test_an_empty_class_between_others(folder):
    (folder[0] / "cow").mkdir()
    with pytest.warns(UserWarning, match="no images of cow, which therefore is no cl"):
        source = read(folder[0], label_mode="binary")
    assert source.class_names == ["cat", "dog"]
    assert_array_equal(source.labels, [0] * 10 + [1] * 10)


def test_hidden_folders_hold_no_images(folder):
    """Copies that editors and systems make are not trained on, and are no class."""
    x = np.zeros((6, 8), np.uint8)
    for place in (".ipynb_checkpoints", "__MACOSX/pets", "inner/.thumbs"):
        save(folder[0] / "cat" / place / "copy.png", x)
    save(folder[0] / "__MACOSX" / "pets" / "._00.png", x)
    save(folder[0] / ".cache" / "1.png", x)
    source = read(folder[0])
    assert source.class_names == ["cat", "dog"]
    assert len(source.file_paths) == 20
    assert source.report.passed_over == {"hidden folders": 5}
    alone = read(folder[0], label_mode=None)
    assert len(alone.file_paths) == 20


def test_classes_one_floor_further_down(folder):
    """Training and test data in two folders are not two classes."""
    for part in ("test", "train"):
        for name in ("cat", "dog"):
            save(folder[0] / "all" / part / name / "1.png", np.zeros((6, 8), np.uint8))
    text = "the classes are test, train, each of which holds the folders cat, dog: if"
    with pytest.warns(UserWarning, match=text):
        read(folder[0] / "all")


@pytest.mark.parametrize("suffix", ["webp", "tif", "TIFF", "jfif"])
def test_other_formats_are_read(suffix, folder):
    path = folder[0] / "cat" / f"x.{suffix}"
    lossless = {"lossless": True} if suffix == "webp" else {}
    kind = {"webp": "WEBP", "jfif": "JPEG"}.get(suffix, "TIFF")
    image = np.full((6, 8, 3), 120, np.uint8)
    save(path, image, format=kind, **lossless)
    source = read(folder[0])
    assert source.report.images == 21
    assert_array_equal(source[0][0][10], image)


def test_images_that_are_not_read_are_named(folder):
    for name in ("a.heic", "b.HEIC", "c.ppm", "d.txt", "e"):
        (folder[0] / "cat" / name).write_text("?")
    save(folder[0] / "beside.png", np.zeros((6, 8), np.uint8))
    text = "passed over: 2 .heic files, 1 .ppm files, 1 images beside the class folders"
    with pytest.warns(UserWarning, match=text):
        source = read(folder[0])
    assert source.report.other_files == 5
    assert source.report.passed_over[".txt files"] == 1
    assert "passed over 1 files without suffix" in str(source.report)


def test_what_is_no_file_is_skipped_in_bounded_time(folder):
    """One dangling link ended the reading; a pipe or /dev/zero had no end."""
    cat = folder[0] / "cat"
    (cat / "gone.png").symlink_to(folder[0] / "nowhere.png")
    (cat / "round.png").symlink_to(cat / "round.png")
    (cat / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(cat / "pipe.png")
    (cat / "folder.png").mkdir()
    with pytest.warns(UserWarning, match="4 images were skipped"):
        source = read(folder[0])
    assert source.report.images == 20
    skipped = {Path(name).stem: why for name, why in source.report.skipped.items()}
    assert skipped.keys() == {"gone", "round", "zero", "pipe"}
    assert skipped["gone"] == "it cannot be opened: No such file or directory"
    got = "expected an image, got a pipe, a socket or a device"
    assert skipped["pipe"] == skipped["zero"] == got


def test_a_png_that_is_postscript_starts_no_program(tmp_path, monkeypatch):
    """Pillow would hand it to Ghostscript; only six formats are opened at all."""
    from PIL import EpsImagePlugin

    for suffix in ("png", "jpg"):
        image = Image.new("RGB", (8, 6))
        image.save(tmp_path / f"a.{suffix}", format="EPS")
        image.save(tmp_path / f"b.{suffix}", format="PPM")
    called = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *a: called.append(a))
    for path in tmp_path.iterdir():
        with pytest.raises(DataFileError, match="it is no image that Pillow reads"):
            read_image(path, "rgb", (6, 8))
    assert not called


def test_whole_numbers_of_32_bits_are_refused(tmp_path):
    """The upper 8 of 16 bits would be black."""
    Image.fromarray(np.full((6, 8), 200, np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(DataFileError, match="whole numbers of 32 bits"):
        read_image(tmp_path / "a.tif", "grayscale", (6, 8))


def test_predictions_line_up_with_labels_and_files(folder):
    """``predict`` and ``evaluate`` read a shuffled folder in its stored order."""
    source = read(folder[0], shuffle=True, batch_size=7, seed=3)
    shuffled = source[0][1].copy()
    assert not np.array_equal(shuffled, source.labels[:7])
    model = Sequential([Rescaling(1 / 255), Flatten(), Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = model.predict(folder[1], verbose=0)
    for _ in range(2):
        assert_array_equal(model.predict(source, verbose=0), expected)
        _, accuracy = model.evaluate(source, verbose=0)
        hits = expected.argmax(axis=1) == source.labels
        assert accuracy == pytest.approx(np.mean(hits))
    assert_array_equal(source[0][1], shuffled)  # and nothing is drawn
    model.fit(source, validation_data=source, verbose=0)  # nor by validation
    again = read(folder[0], shuffle=True, batch_size=7, seed=3)
    again.on_epoch_end()
    assert_array_equal(source[0][1], again[0][1])
    first = source.in_order()[0]
    assert_array_equal(first[0], folder[1][:7])


def test_the_seed(folder):
    first, second = (read(folder[0], shuffle=True, seed=None) for _ in range(2))
    assert not np.array_equal(first[0][1], second[0][1])
    parts = read(folder[0], seed=None, validation_split=0.5, subset="both")
    assert len({*parts[0].file_paths} & {*parts[1].file_paths}) == 0
    with pytest.raises(ValueError, match="subset='training' needs a seed, so that"):
        read(folder[0], seed=None, validation_split=0.5, subset="training")
    with pytest.raises(TypeError, match="seed must be a whole number"):
        read(folder[0], seed="a")


def test_links_out_of_the_folder_are_not_walked(folder, tmp_path):
    (tmp_path / "pets" / "cat" / "round").symlink_to(tmp_path)
    assert read(folder[0]).report.images == 20


MISTAKES = {
    "missing": (lambda f: read(f / "x"), FileNotFoundError, "x"),
    "file": (lambda f: read(f / "cat" / "00.png"), NotADirectoryError, "00.png"),
    "flat": (
        lambda f: read(f / "cat"),
        ValueError,
        "has no folders: expected a folder for",
    ),
    "names": (
        lambda f: read(f, class_names=["cat", "cow"]),
        ValueError,
        r"has no folder 'cow', but \['cat', 'dog'\]",
    ),
    "label_mode": (lambda f: read(f, label_mode="one"), ValueError, "got 'one'"),
    "color_mode": (lambda f: read(f, color_mode="L"), ValueError, "got 'L'"),
    "split": (
        lambda f: read(f, validation_split=0.5),
        ValueError,
        "subset must be .* got None",
    ),
    "subset": (lambda f: read(f, subset="both"), ValueError, "and None without"),
    "share": (
        lambda f: read(f, validation_split=1.0, subset="both"),
        ValueError,
        "must lie between 0 and 1, got 1.0",
    ),
    "side": (
        lambda f: read(f, validation_split=0.01, subset="both"),
        ValueError,
        "leaves one side empty",
    ),
    "no-seed": (  # Keras's rule, too: "training" and "validation" would overlap
        lambda f: read(f, validation_split=0.5, subset="training", seed=None),
        ValueError,
        "subset=.training. needs a seed",
    ),
    "seed": (lambda f: read(f, seed=-1), ValueError, "seed must be a whole number"),
    "size": (lambda f: read(f, image_size=0), ValueError, "image_size must be"),
    "batch_size": (lambda f: read(f, batch_size=0), ValueError, "batch_size must be"),
    "labels": (lambda f: read(f, labels=[1, 2]), ValueError, "labels must be 'infer"),
}


@pytest.mark.parametrize("use, error, text", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(use, error, text, folder):
    with pytest.raises(error, match=text):
        use(folder[0])


def test_no_image_at_all(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").touch()
    text = f"{re.escape(str(tmp_path))} holds no image that can be read: 0 images"
    with pytest.raises(ValueError, match=text):
        read(tmp_path)


def test_binary_is_for_two(folder, rng):
    save(folder[0] / "cow" / "1.png", rng.integers(0, 256, (6, 8), np.uint8))
    with pytest.raises(ValueError, match="is for two classes"):
        read(folder[0], label_mode="binary")


def test_without_pillow(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r'pip install "sora-np\[image\]"'):
        read(folder[0])


def test_a_folder_trains_a_model(tmp_path, rng):
    """Pictures of lines across and lines down are told apart, unseen ones too."""
    for k in range(60):
        image = rng.integers(0, 120, (12, 12), np.uint8)
        line = rng.integers(1, 11)
        if k % 2:
            image[line] = 255
        else:
            image[:, line] = 255
        save(tmp_path / ("across" if k % 2 else "down") / f"{k}.png", image)
    train, test = read(
        tmp_path,
        **{"image_size": (12, 12), "color_mode": "grayscale", "batch_size": 8},
        **{"validation_split": 0.25, "subset": "both", "shuffle": True},
    )
    model = Sequential(
        [
            *[Rescaling(1 / 255), Conv2D(4, 3, activation="relu"), MaxPool(10)],
            *[Flatten(), Dense(2, "softmax")],
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.02
    history = model.fit(train, epochs=25, validation_data=test, verbose=0).history
    assert history["val_accuracy"][-1] == 1
    assert model.predict(test, verbose=0).shape == (15, 2)
