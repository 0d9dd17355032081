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
    class Own(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    config = keras.layers.serialize(Own(name="own"))
    assert keras.layers.deserialize(config, {"Own": Own}).name == "own"
    with pytest.raises(ValueError, match="unknown layer 'Own'"):
        keras.layers.deserialize(config)

    class Squares(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true - y_pred) ** 2

    config = {"class_name": "Squares", "config": {"name": "squares"}}
    assert keras.losses.deserialize(config, {"Squares": Squares})([0.0], [3.0]) == 9
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    assert keras.layers.deserialize(keras.layers.serialize(model)).count_params() == 8
