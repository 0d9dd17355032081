"""``tf.image``, ``.numpy()`` of what functions return, and dictionaries of objects.

Where it is said, numbers are TensorFlow 2.21's.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import sora_np as tf
from sora_np import keras

IMAGE = np.arange(24, dtype="uint8").reshape(2, 4, 3) * 10


def test_images():
    twice = tf.image.resize(IMAGE, (4, 8), method="nearest")
    assert_array_equal(twice, IMAGE.repeat(2, 0).repeat(2, 1))
    assert twice.numpy().dtype == "float32"
    assert tf.image.resize(IMAGE[None], [3, 5]).shape == (1, 3, 5, 3)
    # as TensorFlow gives it
    assert_array_equal(tf.image.rgb_to_grayscale(IMAGE)[0, :, 0], [8, 38, 68, 98])
    assert tf.image.rgb_to_grayscale(IMAGE).dtype == "uint8"
    assert_array_equal(tf.image.grayscale_to_rgb(IMAGE[..., :1])[..., 2], IMAGE[..., 0])
    assert_array_equal(tf.image.flip_left_right(IMAGE), IMAGE[:, ::-1])
    assert_array_equal(tf.image.flip_up_down(IMAGE[None]), IMAGE[None, ::-1])
    assert_array_equal(tf.image.rot90(IMAGE), np.rot90(IMAGE))
    assert tf.image.central_crop(np.zeros((9, 12, 1)), 0.5).shape == (5, 6, 1)
    floats = tf.image.convert_image_dtype(IMAGE, tf.float32)
    assert_allclose(floats, IMAGE / 255)
    assert_array_equal(tf.image.convert_image_dtype(floats, tf.uint8), IMAGE)
    with pytest.raises(ValueError, match="preserve_aspect_ratio"):
        tf.image.resize(IMAGE, (4, 4), preserve_aspect_ratio=True)
    with pytest.raises(ValueError, match="cannot become int8"):
        tf.image.convert_image_dtype(IMAGE, "int8")
    with pytest.raises(AttributeError, match="tf.image.adjust_hue is not here: a lay"):
        tf.image.adjust_hue(IMAGE, 0.1)


def test_results_have_numpy():
    x = tf.constant([[1.0, 2.0]])
    assert x.numpy().shape == (1, 2) and type(x.numpy()) is np.ndarray
    assert tf.reduce_mean(np.ones(3)).numpy() == 1
    assert tf.reduce_sum([[1, 2], [3, 4]], axis=[0, 1]).numpy() == 10
    assert (tf.square(x) + 1).numpy().tolist() == [[2, 5]]
    assert tf.math.log(1.0).numpy() == 0


OBJECTS = {
    "layers": keras.layers.Conv2D(3, 2, activation="relu"),
    "optimizers": keras.optimizers.SGD(0.5, momentum=0.9),
    "losses": keras.losses.Huber(0.5),
    "metrics": keras.metrics.TopKCategoricalAccuracy(3),
    "initializers": keras.initializers.RandomNormal(0.5, 0.1),
    "regularizers": keras.regularizers.L2(0.5),
    "activations": keras.activations.relu,
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_as_dictionaries(name):
    module, thing = getattr(keras, name), OBJECTS[name]
    again = module.deserialize(module.serialize(thing))
    if name == "activations":
        assert again is thing
        return
    assert type(again) is type(thing) and again.get_config() == thing.get_config()


def test_objects_of_ones_own():
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    config = keras.layers.serialize(Doubled(name="own"))
    assert keras.layers.deserialize(config, {"Doubled": Doubled}).name == "own"
    with pytest.raises(ValueError, match="unknown layer 'Doubled'"):
        keras.layers.deserialize(config)

    class Squares(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true - y_pred) ** 2

    config = {"class_name": "Squares", "config": {"name": "squares"}}
    assert keras.losses.deserialize(config, {"Squares": Squares})([0.0], [3.0]) == 9
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    assert keras.layers.deserialize(keras.layers.serialize(model)).count_params() == 8


def test_functions_with_arguments_of_their_own():
    x = np.arange(10.0).reshape(2, 5)
    parts = tf.split(x, [2, 3], axis=1)
    assert [p.shape for p in parts] == [(2, 2), (2, 3)]
    assert_array_equal(parts[1], x[:, 2:])
    assert len(tf.split(x, 2)) == 2
    assert_array_equal(tf.transpose(x, perm=[1, 0]), x.T)
    assert_array_equal(tf.gather(x, [1, 0])[0], x[1])
    assert_array_equal(tf.gather(x, [4], axis=1), x[:, 4:])
    assert_array_equal(tf.matmul(x, x, transpose_b=True), x @ x.T)
    assert_array_equal(tf.matmul(x, x, transpose_a=True), x.T @ x)
    assert_array_equal(tf.where(x > 8), [[1, 4]])
    assert_array_equal(tf.pad(x, [[0, 0], [1, 0]], "REFLECT")[:, 0], x[:, 1])
    assert_array_equal(tf.pad(x, [[0, 1], [0, 0]], constant_values=3)[2], [3] * 5)
    assert_array_equal(tf.reverse(x, axis=[1]), x[:, ::-1])
    assert tf.norm(x).numpy() == np.sqrt((x * x).sum())
    assert_array_equal(tf.norm(x, ord=1, axis=1), [10, 35])
    assert_array_equal(tf.norm(x, ord=np.inf, axis=[0, 1]), 9)
    assert tf.reduce_mean(input_tensor=x, axis=[0, 1]).numpy() == 4.5
    assert_array_equal(tf.add_n([x, x, x]), 3 * x)
    assert tf.constant([1.5, 2]).numpy().dtype == "float32"
    assert tf.constant([1, 2]).numpy().dtype == "int64"
    assert_array_equal(tf.constant(2, shape=(2, 2)), [[2, 2], [2, 2]])
    assert_array_equal(tf.fill([2], 7), [7, 7])
    assert_array_equal(tf.argmax(x), [1] * 5)
    assert tf.rank(x) == 2 and tf.cast(x, tf.int32).dtype == "int32"
    with pytest.raises(ValueError, match="ord must be"):
        tf.norm(x, ord=3)


def test_nn():
    z = np.array([[2.0, -1.0], [0.0, 3.0]])
    target = np.array([[1.0, 0.0], [0.0, 1.0]])
    one = keras.losses.CategoricalCrossentropy(from_logits=True, reduction="none")
    softmax = tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=z)
    assert_allclose(softmax, one(target, z))
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[0, 1], logits=z)
    assert_allclose(sparse, one(target, z))
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=z)
    assert_allclose(each, np.log1p(np.exp(-z * (2 * target - 1))))
    assert_allclose(tf.nn.leaky_relu(z, alpha=0.1)[0], [2, -0.1])
    assert_allclose(tf.nn.l2_normalize(z, axis=[1])[0], z[0] / np.sqrt(5))
    mean, variance = tf.nn.moments(z, axes=[0])
    assert_allclose(mean, z.mean(0))
    assert_allclose(variance, z.var(0))
    x = np.arange(2 * 2 * 3 * 8).reshape(2, 2, 3, 8)
    y = tf.nn.depth_to_space(x, 2)  # as TensorFlow gives it
    assert y.shape == (2, 4, 6, 2)
    assert_array_equal(y[0, :2, :2, 0], [[0, 2], [4, 6]])
    assert_array_equal(tf.nn.space_to_depth(y, 2), x)
    a = keras.Input((2, 3, 8))
    model = keras.Model(a, tf.nn.depth_to_space(tf.nn.relu(a), 2))
    assert_array_equal(model.predict(x, verbose=0), y)
    with pytest.raises(AttributeError, match="tf.nn.conv2d is not here: the layer of"):
        tf.nn.conv2d(x, x)


def test_images_at_random():
    tf.random.set_seed(1)
    many = np.tile(np.arange(4.0)[:, None], (100, 2, 1, 1))
    flipped = tf.image.random_flip_left_right(many)
    first = flipped[:, 0, 0, 0]
    assert {*first.tolist()} == {0.0, 3.0} and 20 < (first == 3).sum() < 80
    ups = tf.image.random_flip_up_down(IMAGE, seed=3)
    assert_array_equal(np.sort(ups, axis=0), np.sort(IMAGE, axis=0))
    assert_array_equal(tf.image.adjust_brightness(IMAGE, 0.1)[0, 0], [25, 35, 45])
    x = IMAGE / np.float32(255)
    expected = (x - x.mean((0, 1))) * 2 + x.mean((0, 1))
    assert_allclose(tf.image.adjust_contrast(x, 2.0), expected, rtol=1e-5, atol=1e-7)
    assert abs(tf.image.random_brightness(x, 0.2) - x).max() <= 0.2 + 1e-6
    assert tf.image.random_contrast(x, 0.5, 1.5).shape == x.shape


def test_more_stages_of_datasets():
    ds = tf.data.Dataset.from_tensor_slices(np.arange(5))
    assert [(k, int(x)) for k, x in ds.enumerate(2)][1] == (3, 1)
    assert [int(x) for x in ds.filter(lambda x: x % 2 == 0)] == [0, 2, 4]
    assert len(ds.concatenate(ds)) == 10
    assert [int(x) for x in ds.concatenate(ds)][5:] == [0, 1, 2, 3, 4]
    iterator = ds.batch(2).as_numpy_iterator()
    assert_array_equal(iterator.next(), [0, 1])
    assert_array_equal(next(iterator), [2, 3])
    with pytest.raises(TypeError, match="filter takes a function, got int"):
        ds.filter(3)


def test_shapes_as_lists():
    x = keras.Input((4, 3))
    assert x.shape.as_list() == x.get_shape().as_list() == [None, 4, 3]
    assert x.shape == (None, 4, 3) and x.shape[1:].as_list() == [4, 3]
    assert keras.layers.Flatten()(x).shape[-1] == 12


def test_policies():
    keras.mixed_precision.set_global_policy("float32")
    with pytest.raises(ValueError, match="the policy must be float32, got 'mixed_fl"):
        keras.mixed_precision.set_global_policy("mixed_float16")


def test_functions_may_write_into_their_arguments():
    """As programs do, whose tensors are other objects after t /= 2."""

    def loss(y_true, y_pred):
        y_pred /= np.sum(y_pred, axis=-1, keepdims=True)
        y_true *= 2
        y_true -= y_pred
        return np.mean(y_true**2, axis=-1)

    def metric(y_true, y_pred):
        y_pred -= 1
        y_true += 1
        return np.mean(y_pred)

    x, y = np.ones((4, 2), "f4"), np.ones((4, 3), "f4")
    model = keras.Sequential([keras.layers.Dense(3, "sigmoid", input_shape=(2,))])
    model.compile("sgd", loss, metrics=[metric])
    p = model.predict(x, verbose=0)
    found = model.evaluate(x, y, verbose=0)
    assert_allclose(found[0], np.mean((2 - p / p.sum(1, keepdims=True)) ** 2))
    assert_allclose(found[1], np.mean(p - 1), rtol=1e-6)
    model.fit(x, y, epochs=2, verbose=0)
    assert (x == 1).all() and (y == 1).all()


def test_an_initialiser_that_is_a_function_of_the_shape():
    def own(shape, dtype=None):
        return np.full(shape, 0.5)

    layer = keras.layers.Dense(
        3, kernel_initializer=own, bias_initializer=lambda n: np.ones(n)
    )
    layer(np.zeros((1, 2)))
    assert (layer.kernel == 0.5).all() and (layer.bias == 1).all()
    with pytest.raises(TypeError, match=r"called with \(rng, shape, dtype\)"):
        keras.layers.Dense(3, kernel_initializer=lambda: 1)
