"""Programs in the manner of the field's books, with nothing changed but imports.

Each is written anew, on data that come with the package or are drawn; what it learns is
held against what its data allow.
"""

import numpy as np
import pytest

from sora_np import keras
from sora_np.keras import callbacks, datasets, layers, models, optimizers, regularizers
from sora_np.keras.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from sora_np.keras.models import Model, Sequential, load_model
from sora_np.keras.utils import to_categorical


@pytest.fixture(scope="module")
def clothes():
    (x_train, y_train), (x_test, y_test) = datasets.fashion_mini.load_data()
    return (x_train[:3000], y_train[:3000]), (x_test[:500], y_test[:500])


def test_dense_network_of_pictures(clothes):
    (train_images, train_labels), (test_images, test_labels) = clothes
    train_images = train_images.reshape((3000, 28 * 28)).astype("float32") / 255
    test_images = test_images.reshape((500, 28 * 28)).astype("float32") / 255

    network = keras.Sequential(
        [layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")]
    )
    network.compile(
        optimizer="rmsprop",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = network.fit(
        train_images, train_labels, epochs=8, batch_size=64, verbose=0
    )
    test_loss, test_acc = network.evaluate(test_images, test_labels, verbose=0)
    assert test_acc > 0.75
    assert history.history.keys() == {"loss", "accuracy"}
    assert network.predict(test_images[:3], verbose=0).argmax(axis=1).shape == (3,)


def test_convolutional_network(clothes):
    (x_train, y_train), (x_test, y_test) = clothes
    x_train = np.expand_dims(x_train[:1500].astype("float32") / 255, -1)
    x_test = np.expand_dims(x_test.astype("float32") / 255, -1)
    y_train, y_test = to_categorical(y_train[:1500], 10), to_categorical(y_test, 10)

    model = Sequential()
    model.add(
        Conv2D(16, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1))
    )
    model.add(MaxPooling2D(pool_size=(2, 2), data_format="channels_last"))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(64, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    model.compile(
        loss=keras.losses.categorical_crossentropy,
        optimizer=keras.optimizers.Adam(learning_rate=0.002),
        metrics=["acc"],
    )
    history = model.fit(
        x_train,
        y_train,
        batch_size=64,
        epochs=5,
        verbose=0,
        validation_data=(x_test, y_test),
    )
    score = model.evaluate(x_test, y_test, verbose=0)
    assert score[1] > 0.7
    assert score[1] == pytest.approx(history.history["val_acc"][-1])


def stripes(count, size=16):
    """Draw coloured pictures of three classes: rows, columns, noise."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 120, (count, size, size, 3)).astype("uint8")
    y = np.arange(count) % 3
    x[y == 0, ::4] += 130
    x[y == 1, :, ::4] += 130
    return x, y.reshape(-1, 1)


def test_coloured_pictures_with_augmentation():
    x, y = stripes(240)
    inputs = keras.Input(shape=(16, 16, 3))
    h = layers.Rescaling(1.0 / 255)(inputs)
    h = layers.RandomFlip("horizontal")(h)
    h = layers.RandomTranslation(0.1, 0.1)(h)
    for filters in (8, 16):
        h = layers.Conv2D(filters, 3, padding="same", use_bias=False)(h)
        h = layers.BatchNormalization()(h)
        h = layers.Activation("relu")(h)
        h = layers.MaxPooling2D()(h)
    h = layers.GlobalAveragePooling2D()(h)
    outputs = layers.Dense(3, activation="softmax")(h)
    model = keras.Model(inputs=inputs, outputs=outputs)
    model.compile(
        optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=12, batch_size=16, validation_split=0.2, verbose=0)
    loss, accuracy = model.evaluate(x[:192], y[:192], verbose=0)
    assert accuracy > 0.9


def test_two_inputs_by_name():
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(400, 6)), rng.normal(size=(400, 4))
    target = left[:, :1] * 2 - right[:, :1]
    a = keras.Input(shape=(6,), name="left")
    b = keras.Input(shape=(4,), name="right")
    h = layers.concatenate([layers.Dense(8)(a), layers.Dense(8)(b)])
    model = Model([a, b], Dense(1, name="sum")(h))
    model.compile(optimizer=optimizers.Adam(0.02), loss="mse", metrics=["mae"])
    model.fit({"left": left, "right": right}, target, epochs=20, verbose=0)
    results = model.evaluate([left, right], target, verbose=0, return_dict=True)
    assert results["loss"] < 0.05 and results["mae"] < 0.2


def test_autoencoder(clothes):
    x = clothes[0][0][:600].reshape(600, 784).astype("float32") / 255
    encoding_dim = 16
    input_img = Input(shape=(784,))
    encoded = Dense(encoding_dim, activation="relu")(input_img)
    decoded = Dense(784, activation="sigmoid")(encoded)
    autoencoder = Model(input_img, decoded)
    encoder = Model(input_img, encoded)
    encoded_input = Input(shape=(encoding_dim,))
    decoder = Model(encoded_input, autoencoder.layers[-1](encoded_input))
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    before = autoencoder.evaluate(x, x, verbose=0)
    autoencoder.fit(x, x, epochs=8, batch_size=32, shuffle=True, verbose=0)
    assert autoencoder.evaluate(x, x, verbose=0) < 0.7 * before
    codes = encoder.predict(x[:5], verbose=0)
    assert codes.shape == (5, encoding_dim)
    np.testing.assert_allclose(
        decoder.predict(codes, verbose=0),
        autoencoder.predict(x[:5], verbose=0),
        rtol=1e-5,
        atol=1e-6,
    )


def residual_block(x, filters, pooling=False):
    residual = x
    x = layers.Conv2D(filters, 3, activation="relu", padding="same")(x)
    x = layers.Conv2D(filters, 3, activation="relu", padding="same")(x)
    if pooling:
        x = layers.MaxPooling2D(2, padding="same")(x)
        residual = layers.Conv2D(filters, 1, strides=2)(residual)
    elif filters != residual.shape[-1]:
        residual = layers.Conv2D(filters, 1)(residual)
    return layers.add([x, residual])


def test_residual_blocks():
    x, y = stripes(150)
    inputs = keras.Input(shape=(16, 16, 3))
    h = layers.Rescaling(1.0 / 255)(inputs)
    h = residual_block(h, filters=8, pooling=True)
    h = residual_block(h, filters=12)
    h = layers.GlobalAveragePooling2D()(h)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=25, batch_size=16, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


def test_transfer_by_freezing():
    x, y = stripes(180)
    x = x.astype("float32") / 255
    conv_base = keras.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=(16, 16, 3)),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
        ],
        name="base",
    )
    first = Sequential([conv_base, Dense(3, activation="softmax")])
    first.compile(
        optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = first.fit(x, y, epochs=25, batch_size=16, verbose=0)
    assert history.history["accuracy"][-1] > 0.9

    conv_base.trainable = False
    assert len(conv_base.trainable_weights) == 0 and len(conv_base.weights) == 4
    kernel = conv_base.layers[0].kernel.numpy()
    model = models.Sequential()
    model.add(conv_base)
    model.add(layers.Dense(8, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    is_noise = (y == 2).astype("float32")
    model.fit(x, is_noise, epochs=20, verbose=0)
    assert model.evaluate(x, is_noise, verbose=0)[1] > 0.9
    assert np.array_equal(kernel, conv_base.layers[0].kernel)
    assert len(model.trainable_weights) == 4

    for layer in conv_base.layers[2:]:
        layer.trainable = True
    model.compile(optimizers.SGD(learning_rate=1e-3, momentum=0.9), "bce")
    model.fit(x, is_noise, epochs=1, verbose=0)
    assert np.array_equal(kernel, conv_base.layers[0].kernel)


def test_callbacks_and_checkpoints(clothes, tmp_path):
    (x, y), (x_test, y_test) = clothes
    x, x_test = x.reshape(-1, 784)[:800] / 255.0, x_test.reshape(-1, 784) / 255.0
    best = str(tmp_path / "best.npz")
    callbacks_list = [
        callbacks.EarlyStopping(monitor="val_accuracy", patience=3),
        callbacks.ModelCheckpoint(
            filepath=best, monitor="val_loss", save_best_only=True
        ),
        callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=1),
        callbacks.CSVLogger(str(tmp_path / "log.csv")),
    ]
    model = Sequential([Dense(32, "relu", input_dim=784), Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    keras.backend.set_value(model.optimizer.learning_rate, 0.01)
    history = model.fit(
        x,
        y[:800],
        epochs=8,
        batch_size=64,
        callbacks=callbacks_list,
        validation_data=(x_test, y_test),
        verbose=0,
    )
    loaded = load_model(best)
    assert loaded.evaluate(x_test, y_test, verbose=0)[0] == pytest.approx(
        min(history.history["val_loss"]), rel=1e-5
    )
    assert len((tmp_path / "log.csv").read_text().splitlines()) > len(history.epoch)


def test_text_as_a_bag_of_words():
    """Reviews as numbers of words, of which two say what is meant."""
    rng = np.random.default_rng(2)
    labels = np.arange(400) % 2
    reviews = [
        [*rng.integers(10, 200, 20), 3 if label else 4, 3 if label else 4]
        for label in labels
    ]

    def vectorize_sequences(sequences, dimension=200):
        results = np.zeros((len(sequences), dimension))
        for i, sequence in enumerate(sequences):
            results[i, sequence] = 1.0
        return results

    x, y = vectorize_sequences(reviews), labels.astype("float32")
    model = models.Sequential()
    model.add(
        layers.Dense(
            16,
            kernel_regularizer=regularizers.l2(0.001),
            activation="relu",
            input_shape=(200,),
        )
    )
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["AUC"])
    history = model.fit(
        x[:300], y[:300], epochs=20, validation_data=(x[300:], y[300:]), verbose=0
    )
    found = ((model.predict(x[300:], verbose=0) > 0.5)[:, 0] == y[300:]).mean()
    assert found > 0.95 and len(history.history) == 4


def test_regression_with_k_folds():
    rng = np.random.default_rng(3)
    data = rng.normal(3, 2, (120, 5))
    targets = data @ [1.0, -2.0, 0.5, 0.0, 3.0] + 7
    data = (data - data.mean(axis=0)) / data.std(axis=0)

    def build_model():
        model = models.Sequential()
        model.add(
            layers.Dense(16, activation="relu", batch_input_shape=(None, data.shape[1]))
        )
        model.add(layers.Dense(1))
        model.compile(optimizer=optimizers.Adam(0.05), loss=["mse"], metrics=["mae"])
        return model

    k, scores = 4, []
    size = len(data) // k
    for fold in range(k):
        keras.backend.clear_session()
        part = slice(fold * size, (fold + 1) * size)
        model = build_model()
        model.fit(
            np.delete(data, part, axis=0),
            np.delete(targets, part, axis=0),
            epochs=60,
            batch_size=16,
            verbose=0,
        )
        mse, mae = model.evaluate(data[part], targets[part], verbose=0)
        scores.append(mae)
    assert np.mean(scores) < 0.25 * targets.std()


def test_shapes_as_keras_gives_them():
    """With None for the batch axis: Keras 3.15.1 gives the same."""
    row = Sequential([Conv2D(4, 3, input_shape=(8, 8, 1)), Flatten(), Dense(2)])
    assert row.input_shape == (None, 8, 8, 1) and row.output_shape == (None, 2)
    again = Input(shape=row.input_shape[1:])
    assert row(again).shape == row.outputs[0].shape == (None, 2)
    assert row.layers[0].output.shape == (None, 6, 6, 4)
    assert row.layers[1].input.shape == row.layers[0].output.shape
    a, b = Input((3,)), Input((4,))
    graph = Model([a, b], [layers.concatenate([a, b]), b])
    assert graph.input_shape == [(None, 3), (None, 4)]
    assert graph.output_shape == [(None, 7), (None, 4)]
    assert graph.inputs[0].shape == (None, 3)
    assert Model([a], [a * 2]).output_shape == (None, 3)


def test_a_tutorial_on_folders(tmp_path):
    """As Keras's own on flowers: cache, shuffle, prefetch, map, numpy() of batches."""
    Image = pytest.importorskip("PIL.Image")
    x, y = stripes(60)
    for number, (image, label) in enumerate(zip(x, y[:, 0], strict=True)):
        folder = tmp_path / ["rows", "columns", "noise"][label]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    options = {"validation_split": 0.2, "seed": 123, "image_size": (16, 16)}
    options |= {"labels": "inferred", "label_mode": "int", "interpolation": "bilinear"}
    train_ds, val_ds = (
        keras.utils.image_dataset_from_directory(tmp_path, subset=subset, **options)
        for subset in ("training", "validation")
    )
    class_names = train_ds.class_names
    assert class_names == ["columns", "noise", "rows"]
    for images, labels in train_ds.take(1):
        assert images[0].numpy().astype("uint8").shape == (16, 16, 3)
        assert class_names[labels[0]] and labels.numpy().shape == (32,)
    assert train_ds.cardinality() == len(train_ds) == 2
    AUTOTUNE = -1
    train_ds = train_ds.cache().shuffle(1000).prefetch(buffer_size=AUTOTUNE)
    val_ds = val_ds.cache().prefetch(buffer_size=AUTOTUNE)
    scaling = layers.Rescaling(1.0 / 255)
    scaled = train_ds.map(lambda x, y: (scaling(x), y), num_parallel_calls=AUTOTUNE)
    assert next(iter(scaled))[0].max() <= 1
    model = Sequential(
        [
            layers.Rescaling(1.0 / 255, input_shape=(16, 16, 3)),
            layers.RandomFlip("horizontal"),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(len(class_names)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizers.Adam(0.02), loss, metrics=["accuracy"])
    history = model.fit(train_ds, validation_data=val_ds, epochs=12, verbose=0)
    assert history.history["accuracy"][-1] > 0.8
    with pytest.raises(ValueError, match="follow_links must be False"):
        keras.utils.image_dataset_from_directory(tmp_path, follow_links=True)


def test_several_outputs_split_for_validation():
    """Inputs by name, outputs as a dictionary, weights for one of them."""
    rng = np.random.default_rng(2)
    title, tags = rng.normal(size=(60, 5)), rng.normal(size=(60, 3))
    a, b = keras.Input((5,), name="title"), keras.Input((3,), name="tags")
    h = layers.concatenate([layers.Dense(6, activation="relu")(a), b])
    outputs = {
        "priority": layers.Dense(1, activation="sigmoid", name="priority")(h),
        "size": layers.Dense(1, name="size")(h),
    }
    model = keras.Model([a, b], outputs)
    loss = {"priority": keras.losses.BinaryCrossentropy(), "size": "mse"}
    model.compile("rmsprop", loss, metrics={"priority": ["accuracy"]})
    x = {"title": title, "tags": tags}
    y = {"priority": title[:, :1] > 0, "size": tags[:, :1]}
    history = model.fit(x, y, validation_split=0.25, epochs=2, verbose=0).history
    held_out = [title[45:], tags[45:]], {k: v[45:] for k, v in y.items()}
    found = model.evaluate(*held_out, verbose=0, return_dict=True)
    for name, value in found.items():
        assert history[f"val_{name}"][-1] == pytest.approx(value), name


def test_metrics_of_the_backend():
    """Functions of Keras 2's backend and of keras.ops, on arrays: NumPy's numbers."""
    from sora_np.keras import backend as K
    from sora_np.keras import ops

    def recall(y_true, y_pred):
        hits = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
        return hits / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())

    def error(y_true, y_pred):
        return ops.sqrt(ops.mean(ops.square(y_true - y_pred), axis=-1))

    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(30, 4)), rng.integers(0, 2, (30, 1)).astype("float32")
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(4,))])
    model.compile("sgd", "binary_crossentropy", metrics=[recall, error])
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    p = model.predict(x, verbose=0)
    assert found["recall"] == pytest.approx((y * (p > 0.5)).sum() / y.sum(), rel=1e-5)
    assert found["error"] == pytest.approx(np.abs(y - p).mean(), rel=1e-5)
    assert ops.cast(K.flatten([[1.6]]), "int32").tolist() == [1]


def test_a_residual_block_by_arithmetic():
    inputs = keras.Input((8, 8, 2))
    h = layers.Conv2D(2, 3, padding="same", activation=layers.LeakyReLU(0.1))(inputs)
    h = layers.ReLU()(h + inputs)
    h = layers.GlobalAveragePooling2D()(1 - 0.5 * h)
    model = keras.Model(inputs, layers.Dense(1)(h))
    model.compile(optimizers.Adam(0.01), "mse")
    x = np.random.default_rng(0).normal(size=(20, 8, 8, 2))
    losses = model.fit(x, x.mean((1, 2, 3)), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
