"""Every source that the package offers resumes bit for bit, also in mid-epoch."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import Dense, Dropout, Flatten, Rescaling, Sequential
from sora_np.callbacks import BackupAndRestore, LambdaCallback
from sora_np.datasets import npz, table
from sora_np.layers import RandomFlip
from sora_np.utils import image_dataset_from_directory


class Cut(Exception):
    pass


def folder_of_images(x, y, path):
    image = pytest.importorskip("PIL.Image")
    for k, (one, label) in enumerate(zip(x, y, strict=True)):
        place = path / "images" / f"class {label}"
        place.mkdir(parents=True, exist_ok=True)
        image.fromarray(one[..., 0]).save(place / f"{k:02}.png")
    options = {"color_mode": "grayscale", "image_size": (4, 4), "batch_size": 4}
    parts = {"validation_split": 0.25, "subset": "both", "seed": 5}

    def read():
        train, test = image_dataset_from_directory(path / "images", **options, **parts)
        return (train,), test

    return read


def memory_mapped(x, y, path):
    np.save(path / "x.npy", x)
    np.save(path / "y.npy", y)

    def read():
        both = [np.load(path / f"{name}.npy", mmap_mode="r") for name in "xy"]
        return (*both, 4), (x, y)

    return read


def npz_file(x, y, path):
    np.savez(path / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)

    def read():
        train, test = npz.load_data(path / "d.npz")
        return (*train, 4), test

    return read


def table_file(x, y, path):
    rows = np.column_stack([x.reshape(len(x), -1), y])
    np.savetxt(path / "t.csv", rows, "%d", ",")

    def read():
        found = table.read_csv(path / "t.csv")
        images = found.x.reshape(-1, 4, 4, 1)
        return (images, found.y, 4), (images, found.y)

    return read


SOURCES = {
    "image-folder": folder_of_images,
    "memmap": memory_mapped,
    "npz": npz_file,
    "table": table_file,
}


def trained(read, *callbacks):
    layers = [Rescaling(1 / 255), RandomFlip(), Flatten(), Dropout(0.3)]
    model = Sequential([*layers, Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    data, validation = read()
    options = {"epochs": 3, "validation_data": validation, "verbose": 0}
    model.fit(*data, callbacks=list(callbacks), **options)
    return model


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("cut, freq", [(3, 2), (8, 1), (11, "epoch")])
def test_cut_and_resumed_is_straight(make, cut, freq, rng, tmp_path):
    x = rng.integers(0, 256, (24, 4, 4, 1), np.uint8)
    x[0, 0, 0] = 255  # a header of whole numbers in order would be another
    read = make(x, np.arange(24) % 3, tmp_path)
    straight = trained(read)
    count = iter(range(1, 99))

    def power_cut(batch, logs):
        if next(count) == cut:
            raise Cut

    backup = tmp_path / "backup"
    with pytest.raises(Cut):
        cable = LambdaCallback(on_train_batch_end=power_cut)
        trained(read, cable, BackupAndRestore(backup, freq))
    assert backup.exists()
    resumed = trained(read, BackupAndRestore(backup, freq))
    assert resumed.history.history == straight.history.history
    weights = zip(resumed.get_weights(), straight.get_weights(), strict=True)
    for one, other in weights:
        assert_array_equal(one, other)


def test_another_folder_is_told_before_anything_is_trained(rng, tmp_path):
    x = rng.integers(0, 256, (24, 4, 4, 1), np.uint8)
    read = folder_of_images(x, np.arange(24) % 3, tmp_path)
    backup = BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    trained(read, backup)
    place = tmp_path / "images" / "class 0"
    (place / "00.png").rename(place / "zz.png")
    backup = BackupAndRestore(tmp_path / "backup")
    with pytest.raises(ValueError, match="data/names and labels: .* in the checkpoint"):
        trained(read, backup)
