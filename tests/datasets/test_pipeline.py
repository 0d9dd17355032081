"""Stages over batches: what they yield, again and again, and what training takes."""

import threading
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import Dense, Flatten, Rescaling, Sequential
from sora_np.datasets import image
from sora_np.datasets.idx import DataFileError
from sora_np.datasets.pipeline import Stages
from sora_np.optimizers import Adam
from sora_np.utils import image_dataset_from_directory

Image = pytest.importorskip("PIL.Image")


class Numbers(Stages):
    """Batches of two numbers and their squares: 0 1, 2 3, ..."""

    def __init__(self, count=5):
        self.count, self.passes = count, 0

    def __iter__(self):
        self.passes += 1
        for k in range(self.count):
            x = np.array([2 * k, 2 * k + 1])
            yield x, x**2

    def __len__(self):
        return self.count


def values(stages):
    return [x.tolist() for x, _ in stages]


def test_every_stage_begins_anew_and_knows_its_length():
    n = Numbers()
    pairs = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    cases = [
        (n.map(lambda x, y: (x + 1, y)), [[a + 1, b + 1] for a, b in pairs]),
        (n.take(2), pairs[:2]),
        (n.take(-1), pairs),
        (n.take(9), pairs),
        (n.skip(3), pairs[3:]),
        (n.skip(9), []),
        (n.repeat(2), pairs * 2),
        (n.prefetch(2), pairs),
        (n.prefetch(-1), pairs),
        (n.cache(), pairs),
        (n.unbatch().batch(4), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        (n.batch(2, drop_remainder=True).take(1), [pairs[:2]]),
    ]
    for stages, expected in cases:
        for _ in range(2):
            assert values(stages) == expected
    lengths = [len(stages) for stages, _ in cases[:10]]
    assert lengths == [5, 2, 5, 5, 2, 0, 10, 5, 5, 5]
    assert (len(n.batch(2)), len(n.batch(2, True)), len(n.repeat(0))) == (3, 2, 0)
    for unknown in (n.unbatch(), n.repeat(), n.unbatch().batch(2).take(3)):
        with pytest.raises(TypeError, match="the number of elements is unknown"):
            len(unknown)
    assert values(n.repeat().take(7)) == (pairs * 2)[:7]


def test_nothing_is_computed_before_it_is_asked_for():
    n, seen = Numbers(), []
    stages = n.map(lambda x, y: seen.append(x) or (x, y)).cache()
    assert n.passes == 0 and not seen
    assert len(values(stages)) == len(values(stages)) == 5
    assert n.passes == 1 and len(seen) == 5
    with pytest.raises(TypeError, match="map takes a function, got int"):
        n.map(3)


def test_a_cache_that_was_not_filled_is_none():
    n = Numbers()
    stages = n.cache()
    next(iter(stages))
    assert len(values(stages)) == 5
    assert n.passes == 2


def test_shuffle_draws_by_seed_and_pass():
    def passes(seed, **options):
        stages = Numbers(20).shuffle(8, seed, **options)
        return [values(stages) for _ in range(3)]

    first, second, third = passes(1)
    assert sorted(first) == sorted(second) == values(Numbers(20))
    assert first != second != third != values(Numbers(20))
    assert [first, second, third] == passes(1) != passes(2)
    # an element comes at most 7 places before its own
    assert all(pair[0] // 2 - place <= 7 for place, pair in enumerate(first))
    one, again, _ = passes(1, reshuffle_each_iteration=False)
    assert one == again


def test_prefetch_stops_and_raises_as_its_source():
    def broken(x, y):
        if x[0] == 4:
            raise ZeroDivisionError("at 4")
        return x, y

    with pytest.raises(ZeroDivisionError, match="at 4"):
        values(Numbers().map(broken).prefetch(1))
    before = threading.active_count()
    elements = iter(Numbers(1000).prefetch(3))
    next(elements)
    elements.close()
    assert threading.active_count() == before


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of twelve images, light and dark."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(3)
    for k in range(24):
        pixels = rng.integers(0, 100, (9 + k % 3, 12, 3)) + 150 * (k % 2)
        path = folder / ("dark", "light")[k % 2] / f"{k:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder


def read(folder, **options):
    return image_dataset_from_directory(
        folder, **{"image_size": (8, 8), "batch_size": 5} | options
    )


def classifier():
    model = Sequential([Rescaling(1 / 255, input_shape=(8, 8, 3)), Flatten()])
    model.add(Dense(2, "softmax"))
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_have_no_say(threads, photos, monkeypatch):
    expected = [*read(photos)]
    monkeypatch.setattr(image, "THREADS", threads)
    for (x, y), (u, v) in zip(expected, read(photos), strict=True):
        assert_array_equal(x, u)
        assert_array_equal(y, v)


def test_threads_leave_the_filters_of_warnings_as_they_were(photos):
    before = [*warnings.filters]
    read(photos)[0]
    assert [*warnings.filters] == before


def test_a_folder_has_the_stages(photos):
    folder = read(photos)
    stages = folder.map(lambda x, y: (x / 255, y)).unbatch().batch(7).take(3)
    assert stages.class_names == ["dark", "light"]
    assert stages.file_paths == folder.file_paths
    assert len(folder.unbatch()) == 24 and len(folder.unbatch().batch(7)) == 4
    x = np.concatenate([x for x, _ in stages])
    assert_array_equal(x, np.concatenate([x for x, _ in folder])[:21] / 255)
    with pytest.raises(AttributeError, match="no attribute 'classes'"):
        stages.classes  # noqa: B018


def test_cached_images_are_read_once_and_shuffled_ever_anew(photos, tmp_path):
    plain, kept = read(photos), read(photos).cache()
    for _ in range(2):
        for (x, y), (u, v) in zip(plain, kept, strict=True):
            assert_array_equal(x, u)
            assert_array_equal(y, v)
        plain.on_epoch_end()
        kept.on_epoch_end()
    save = tmp_path / "moved"
    photos.rename(save)
    try:
        assert_array_equal(kept.in_order().arrays()[1], [0] * 12 + [1] * 12)
        assert len([*kept]) == 5
        with pytest.raises((OSError, DataFileError)):
            plain[0]
    finally:
        save.rename(photos)


def test_split_by_class(photos):
    folder = read(photos)
    train, test = folder.split(0.25, seed=4)
    assert np.bincount(train.labels).tolist() == [9, 9]
    assert np.bincount(test.labels).tolist() == [3, 3]
    assert {*train.file_paths} | {*test.file_paths} == {*folder.file_paths}
    assert folder.split(0.25, seed=4)[1].file_paths == test.file_paths
    assert folder.split(0.25, seed=5)[1].file_paths != test.file_paths
    assert np.bincount(folder.split(0.01)[1].labels).tolist() == [1, 1]
    assert np.bincount(folder.split(0.99)[0].labels).tolist() == [1, 1]
    with pytest.raises(ValueError, match="the share must lie between 0 and 1"):
        folder.split(1)
    x, y = test.arrays()
    assert x.shape == (6, 8, 8, 3) and y.tolist() == [0, 0, 0, 1, 1, 1]


def test_fit_evaluate_and_predict_take_stages(photos):
    model, folder = classifier(), read(photos)
    stages = folder.cache().map(lambda x, y: (x.astype(np.float32), y))
    history = model.fit(
        stages.prefetch(2), epochs=30, validation_data=stages, verbose=0
    )
    assert history.history["val_accuracy"][-1] == 1
    shuffled = stages.shuffle(4, seed=1).prefetch(1)
    model.fit(shuffled, epochs=2, verbose=0)
    expected = model.predict(folder.arrays()[0], verbose=0)
    for source in (stages, shuffled):
        assert_array_equal(model.predict(source, verbose=0), expected)
        assert model.evaluate(source, verbose=0)[1] == 1
