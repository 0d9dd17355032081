"""ImageDataGenerator: what is done to an image, and what flows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Dense, Flatten, Sequential
from sora_np.callbacks import BackupAndRestore, LambdaCallback
from sora_np.optimizers import Adam
from sora_np.preprocessing.image import ImageDataGenerator

Image = pytest.importorskip("PIL.Image")

X = np.arange(9, dtype=np.float32).reshape(3, 3, 1) ** 2  # 0 1 4, 9 16 25, 36 49 64
# rows of what Keras 3.15's apply_transform makes of X, with fill_mode="nearest"
KERAS = {
    "tx": ({"tx": 1}, [[1, 4, 4], [16, 25, 25], [49, 64, 64]]),
    "ty": ({"ty": -1}, [[0, 1, 4], [0, 1, 4], [9, 16, 25]]),
    "quarter": ({"theta": 90}, [[4, 25, 64], [1, 16, 49], [0, 9, 36]]),
    "zoom": ({"zx": 0.5}, [[0.5, 1, 2.5], [12.5, 16, 20.5], [42.5, 49, 56.5]]),
    "shear": (
        {"shear": 30},
        [
            [2.1077001094818115, 4.911499977111816, 6.813499927520752],
            [9.0, 16.0, 25.0],
            [32.3827018737793, 38.48080062866211, 51.67689895629883],
        ],
    ),
    "all": (
        {"theta": 30, "tx": 0.5, "ty": -0.25, "shear": 10, "zx": 0.8, "zy": 1.1},
        [
            [2.7167999744415283, 8.007699966430664, 16.407699584960938],
            [9.855199813842773, 22.239500045776367, 41.90629959106445],
            [23.414499282836914, 43.08580017089844, 57.15650177001953],
        ],
    ),
    "flip": ({"flip_horizontal": True}, [[4, 1, 0], [25, 16, 9], [64, 49, 36]]),
    "fall": ({"flip_vertical": True}, [[36, 49, 64], [9, 16, 25], [0, 1, 4]]),
    "shift": ({"channel_shift_intensity": 30.0}, None),
    "dark": ({"brightness": 0.5}, [[0, 0, 2], [4, 8, 12], [18, 24, 32]]),
    "light": ({"brightness": 5.0}, [[0, 5, 20], [45, 80, 125], [180, 245, 255]]),
    "flip-after-shift": (
        {"tx": 1, "flip_horizontal": True},
        [[4, 4, 1], [25, 25, 16], [64, 64, 49]],
    ),
}


@pytest.mark.parametrize("params, expected", KERAS.values(), ids=KERAS)
def test_what_is_done_to_an_image(params, expected):
    x = X.copy()
    y = ImageDataGenerator().apply_transform(x, params)
    if expected is None:
        expected = np.clip(X[..., 0] + 30, 0, 64)
    assert_allclose(y[..., 0], expected, atol=2e-4)
    assert_array_equal(x, X)


def test_an_image_that_is_no_square_turns_about_its_own_centre():
    x = np.zeros((3, 7, 1), np.float32)
    x[1, 1:6] = 1
    y = ImageDataGenerator(fill_mode="constant").apply_transform(x, {"theta": 90})
    expected = np.zeros((3, 7))
    expected[:, 3] = 1
    assert_allclose(y[..., 0], expected, atol=1e-6)


def test_heights_move_up_and_down():
    x = np.zeros((9, 9, 1), np.float32)
    x[4, 4] = 1
    for name, still in (("height_shift_range", 0), ("width_shift_range", 1)):
        moving = ImageDataGenerator(**{name: [2]}, fill_mode="constant")
        for seed in range(4):
            y = moving.random_transform(x, seed)[..., 0]
            places = np.argwhere(y)[0]
            assert places[1 - still] == 4 and abs(places[still] - 4) == 2


def test_what_is_drawn():
    made = ImageDataGenerator(
        rotation_range=10,
        width_shift_range=3,
        height_shift_range=0.5,
        shear_range=4,
        zoom_range=0.2,
        channel_shift_range=5,
        brightness_range=(0.5, 2),
        horizontal_flip=True,
    )
    drawn = [made.get_random_transform((10, 20, 3), seed) for seed in range(400)]
    values = {name: np.array([d[name] for d in drawn], float) for name in drawn[0]}
    assert set(np.abs(values["tx"])) == {0, 1, 2}
    ends = {"theta": 10, "ty": 5, "shear": 4, "channel_shift_intensity": 5}
    for name, most in ends.items():
        assert -most <= values[name].min() < -0.9 * most
        assert 0.9 * most < values[name].max() <= most
    for name, low, high in (("zx", 0.8, 1.2), ("zy", 0.8, 1.2), ("brightness", 0.5, 2)):
        assert low <= values[name].min() < values[name].max() <= high
    assert 0.4 < values["flip_horizontal"].mean() < 0.6
    assert not values["flip_vertical"].any()
    assert drawn[7] == made.get_random_transform((10, 20, 3), 7)
    nothing = ImageDataGenerator().get_random_transform((10, 20, 3))
    assert nothing["brightness"] is nothing["channel_shift_intensity"] is None


def test_standardize_by_hand(rng):
    x = rng.normal(3, 2, (20, 5, 6, 3))
    made = ImageDataGenerator(featurewise_std_normalization=True, rescale=0.5)
    with pytest.warns(UserWarning, match="do nothing before fit"):
        made.standardize(x)
    made.fit(x)
    half = x / 2
    expected = (half - half.mean((0, 1, 2))) / (half.std((0, 1, 2)) + 1e-6)
    kept = x.copy()
    assert_allclose(made.standardize(x), expected, atol=1e-5)
    assert_allclose(made.standardize(x[0]), expected[0], atol=1e-5)
    assert_array_equal(x, kept)
    own = ImageDataGenerator(samplewise_std_normalization=True).standardize(x)
    assert_allclose(own.mean((1, 2, 3)), 0, atol=1e-5)
    assert_allclose(own.std((1, 2, 3)), 1, atol=1e-5)
    called = ImageDataGenerator(preprocessing_function=lambda i: i[::-1], rescale=2)
    assert_allclose(called.standardize(x), 2 * x[:, ::-1], rtol=1e-6)
    dim = ImageDataGenerator(brightness_range=(0.5, 0.5))
    assert_allclose(dim.random_transform(X / 64), X / 128)  # Keras makes it black


def test_flow_draws_by_seed_epoch_and_sample(rng):
    x, y = rng.integers(0, 256, (10, 6, 6, 3), np.uint8), np.arange(10)
    made = ImageDataGenerator(rotation_range=40, rescale=1 / 255)
    flow, again = (made.flow(x, y, batch_size=4, seed=5) for _ in range(2))
    assert len(flow) == 3 and flow.n == flow.samples == 10
    first = [flow[k] for k in range(3)]
    assert sorted(np.concatenate([y for _, y in first])) == list(range(10))
    assert [len(x) for x, _ in first] == [4, 4, 2]
    for k in (2, 0, 1):  # in any order
        for a, b in zip(first[k], again[k], strict=True):
            assert_array_equal(a, b)
    flow.on_epoch_end()
    assert flow[0][1].tolist() != first[0][1].tolist()
    # what is done to a sample is another thing in another epoch, but not in a batch
    still = made.flow(x, y, batch_size=3, shuffle=False, seed=5)
    whole = made.flow(x, y, batch_size=10, shuffle=False, seed=5)
    assert_array_equal(np.concatenate([still[k][0] for k in range(4)]), whole[0][0])
    before = whole[0][0]
    whole.on_epoch_end()
    assert np.abs(whole[0][0] - before).max() > 0.01
    plain = ImageDataGenerator().flow(x, batch_size=10, shuffle=False)
    assert_array_equal(plain[0], x)
    weighted = made.flow(x, y, sample_weight=y / 10, shuffle=False, batch_size=10)[0]
    assert_allclose(weighted[2], y / 10)


def test_a_loop_goes_on_without_an_end(rng):
    flow = ImageDataGenerator().flow(rng.normal(size=(5, 4, 4, 1)), batch_size=2)
    sizes = []
    for batch in flow:
        sizes.append(len(batch))
        if len(sizes) == 7:
            break
    assert sizes == [2, 2, 1, 2, 2, 1, 2]
    assert flow.epoch == 2 and len(next(flow)) == 2


def test_subsets_are_the_first_and_the_rest(rng):
    x, y = rng.normal(size=(10, 4, 4, 1)), np.arange(10)
    made = ImageDataGenerator(validation_split=0.25)
    parts = {
        subset: made.flow(x, y, 99, False, subset=subset)[0][1].tolist()
        for subset in ("training", "validation")
    }
    assert parts == {"training": [*range(2, 10)], "validation": [0, 1]}
    with pytest.raises(ValueError, match="needs ImageDataGenerator.validation_split"):
        ImageDataGenerator().flow(x, y, subset="training")


@pytest.fixture
def photos(tmp_path):
    """Three dark and five light pictures, and one that is broken."""
    for name, count, light in (("dunkel", 3, 20), ("光", 5, 200)):
        (tmp_path / name).mkdir()
        for k in range(count):
            pixels = np.full((9, 12, 3), light + k, np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{k}.png")
    (tmp_path / "光" / "9.png").write_bytes(b"no image")
    return tmp_path


@pytest.mark.filterwarnings("ignore:.*1 images were skipped")
def test_flow_from_directory(photos, capsys):
    made = ImageDataGenerator(rescale=1 / 255, validation_split=0.34)
    options = {"target_size": (6, 8), "batch_size": 20, "shuffle": False}
    flow = made.flow_from_directory(photos, **options)
    assert capsys.readouterr().out == "Found 8 images belonging to 2 classes.\n"
    assert flow.class_indices == {"dunkel": 0, "光": 1} and flow.num_classes == 2
    assert flow.classes.tolist() == [0] * 3 + [1] * 5
    assert flow.filenames[0] == "dunkel/0.png" and flow.samples == 8
    x, y = flow[0]
    assert x.shape == (8, 6, 8, 3) and x.dtype == np.float32
    assert_allclose(x[3], 200 / 255, rtol=1e-6)
    assert_array_equal(y, np.eye(2)[flow.classes])
    modes = {"binary": [0] * 3 + [1] * 5, "sparse": [0] * 3 + [1] * 5}
    for mode, labels in modes.items():
        y = made.flow_from_directory(photos, class_mode=mode, **options)[0][1]
        assert_array_equal(y, labels)
    alone = made.flow_from_directory(photos, class_mode=None, **options)[0]
    assert_array_equal(alone, x)
    same = made.flow_from_directory(photos, class_mode="input", **options)[0]
    assert_array_equal(same[0], same[1])
    found = {
        subset: made.flow_from_directory(photos, subset=subset, **options).filenames
        for subset in ("validation", "training")
    }
    assert found["validation"] == ["dunkel/0.png", "光/0.png"]  # of every class
    assert len(found["training"]) == 6
    chosen = made.flow_from_directory(photos, classes=["光", "dunkel"], **options)
    assert chosen.class_indices == {"光": 0, "dunkel": 1}


def test_flow_from_dataframe(photos):
    table = {
        "filename": [
            "dunkel/0.png",
            "光/1.png",
            "光/9.png",
            "dunkel/2.png",
            "光/no.png",
        ],
        "class": ["d", "l", "l", "d", "l"],
        "lux": [1.5, 9.0, 9.5, 1.0, 8.0],
        "w": [1.0, 2.0, 3.0, 4.0, 5.0],
    }
    made, options = ImageDataGenerator(), {"target_size": (6, 8), "shuffle": False}
    with pytest.warns(UserWarning, match="2 of 5 images cannot be read and are left"):
        flow = made.flow_from_dataframe(table, photos, weight_col="w", **options)
    x, y, weights = flow[0]
    assert_array_equal(x[:, 0, 0, 0], [20, 201, 22])
    assert_array_equal(y, [[1, 0], [0, 1], [1, 0]])
    assert_array_equal(weights, [1, 2, 4])
    assert flow.class_indices == {"d": 0, "l": 1}
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table).drop([2, 4])
    options |= {"class_mode": "raw", "directory": photos}
    assert_array_equal(
        made.flow_from_dataframe(frame, y_col="lux", **options)[0][1], [1.5, 9, 1]
    )
    _, y = made.flow_from_dataframe(frame, y_col=["lux", "w"], **options)[0]
    assert_array_equal(y, [[1.5, 1], [9, 2], [1, 4]])


@pytest.mark.filterwarnings("ignore:.*1 images were skipped")
def test_fit_evaluate_and_predict(photos):
    made = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True, rotation_range=5)
    flow = made.flow_from_directory(photos, target_size=(6, 8), batch_size=3, seed=1)
    model = Sequential([Flatten(input_shape=(6, 8, 3)), Dense(2, "softmax")])
    model.compile(Adam(0.02), "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(flow, epochs=60, validation_data=flow, verbose=0)
    assert history.history["val_accuracy"][-1] == 1
    assert model.evaluate(flow, verbose=0)[1] == 1
    taken = model.predict(flow, verbose=0).argmax(1)  # in the order of filenames
    assert_array_equal(taken, flow.classes)


def test_training_goes_on_exactly_where_it_was_interrupted(rng, tmp_path):
    x, y = rng.normal(size=(12, 4, 4, 1)), np.arange(12) % 2
    made = ImageDataGenerator(rotation_range=90, horizontal_flip=True)

    def trained(epochs, *callbacks):
        model = Sequential(
            [Flatten(input_shape=(4, 4, 1)), Dense(2, "softmax")], seed=1
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        flow = made.flow(x, y, batch_size=5, seed=3)
        model.fit(flow, epochs=epochs, verbose=0, callbacks=callbacks)
        return model.get_weights()

    expected = trained(4)
    backup = BackupAndRestore(tmp_path / "backup")
    with pytest.raises(ZeroDivisionError):
        trained(4, backup, LambdaCallback(on_epoch_begin=lambda e, logs: 1 // (2 - e)))
    again = trained(4, BackupAndRestore(tmp_path / "backup"))
    for a, b in zip(expected, again, strict=True):
        assert_array_equal(a, b)


MISTAKES = {
    "layout": (
        {"data_format": "channels_first"},
        "data_format='channels_first' is not",
    ),
    "order": ({"interpolation_order": 3}, "interpolation_order=3 is not supported"),
    "fill": ({"fill_mode": "mirror"}, "fill_mode must be one of 'constant', 'nearest'"),
    "zoom": ({"zoom_range": (1, 2, 3)}, "zoom_range must be two numbers, got"),
    "nan": ({"rotation_range": float("nan")}, "rotation_range must be finite"),
    "split": ({"validation_split": 1.0}, "validation_split must be a share"),
    "empty": ({"width_shift_range": []}, "width_shift_range is empty"),
}


@pytest.mark.parametrize("options, text", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(options, text):
    with pytest.raises(ValueError, match=text):
        ImageDataGenerator(**options)


def test_mistakes_in_data():
    made = ImageDataGenerator()
    with pytest.raises(ValueError, match="is the batch or the channel axis missing"):
        made.flow(np.zeros((5, 4, 4)))
    with pytest.raises(ValueError, match="is the batch or the channel axis missing"):
        made.fit(np.zeros((5, 4, 4)))
    with pytest.raises(ValueError, match="equally many samples, got 5 and 4"):
        made.flow(np.zeros((5, 4, 4, 1)), np.zeros(4))
    with pytest.raises(IndexError, match="batch must be below 1, got 1"):
        made.flow(np.zeros((5, 4, 4, 1)))[1]
    with pytest.raises(TypeError, match="preprocessing_function must be a function"):
        ImageDataGenerator(preprocessing_function=3)


def test_zca_whitening():
    """The matrix and the image are those of Keras 3.15.1."""
    x = (np.arange(5 * 2 * 2 * 1) ** 2 % 13).reshape(5, 2, 2, 1).astype("f4")
    made = ImageDataGenerator(zca_whitening=True, rescale=0.5, zca_epsilon=0.1)
    with pytest.warns(UserWarning, match="before fit"):
        made.standardize(x[0])
    made.fit(x)
    expected = [
        [0.91567, 0.06418, -0.77653, 0.75444],
        [0.06418, 0.44392, -0.16248, 0.07415],
        [-0.77653, -0.16248, 1.41708, -1.05971],
        [0.75444, 0.07415, -1.05971, 1.5935],
    ]
    assert_allclose(made.zca_whitening_matrix, expected, atol=2e-5)
    expected = [-0.92747, -0.99717, -0.31451, 1.10346]
    assert_allclose(made.standardize(x[0]).ravel(), expected, atol=2e-5)
    flow = made.flow(x, batch_size=5, shuffle=False)
    rows = flow[0].reshape(5, 4)
    assert_allclose(made.standardize(x).reshape(5, 4), rows, atol=1e-5)


def test_what_flows_can_be_saved(tmp_path):
    x = np.arange(3 * 4 * 4 * 3, dtype=np.float32).reshape(3, 4, 4, 3)
    options = {"save_to_dir": tmp_path / "seen", "save_prefix": "cat"}
    flow = ImageDataGenerator(rotation_range=20).flow(x, batch_size=2, **options)
    for _ in range(2 * len(flow)):
        next(flow)
    names = sorted(path.name for path in (tmp_path / "seen").iterdir())
    assert names == [f"cat_{k}_{epoch}.png" for k in range(3) for epoch in range(2)]
    with Image.open(tmp_path / "seen/cat_0_0.png") as saved:
        assert saved.size == (4, 4)
    with pytest.raises(ValueError, match="save_format"):
        ImageDataGenerator().flow(x, save_to_dir=tmp_path, save_format="txt")
