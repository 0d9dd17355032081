"""Frozen layers, thawed layers, new heads."""

import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np.layers import BatchNormalization, Conv2D, Dense, Flatten
from sora_np.models import Sequential, load_model
from sora_np.optimizers import SGD, AdamW

SPARSE = "sparse_categorical_crossentropy"


@pytest.fixture
def trained(images):
    layers = [
        Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)),
        BatchNormalization(momentum=0.5),
        Flatten(),
        Dense(3, "softmax"),
    ]
    model = Sequential(layers)
    model.compile("adam", SPARSE, metrics=["accuracy"])
    model.fit(*images, epochs=3, verbose=0)
    return model


def test_a_new_head_on_a_saved_model(trained, images, tmp_path):
    """Load, cut, freeze, compile, fit: the body's bits stay; then thaw all of it."""
    x, y = images[0], images[1] % 2
    trained.save(tmp_path / "m.npz")
    model = load_model(tmp_path / "m.npz")
    model.pop()
    model.trainable = False
    assert not model.trainable
    model.add(Dense(2, "softmax", name="head"))
    model.compile(AdamW(0.02, global_clipnorm=1.0, use_ema=True), SPARSE)
    body, head = model.get_weights()[:-2], model.get_weights()[-2:]
    loss = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert loss[-1] < loss[0]
    for was, now in zip(body, model.get_weights(), strict=False):
        assert_array_equal(was, now)
    assert all(
        (a != b).any() for a, b in zip(head, model.get_weights()[-2:], strict=True)
    )
    model.trainable = True
    model.compile(SGD(1e-3), SPARSE)
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
def test_frozen_batch_normalization_is_that_of_prediction(trained, images, fuse):
    """In training too: moving averages are taken, and stay."""
    norm = trained.get_layer("batch_normalization")
    norm.trainable = False
    trained.compile(SGD(0.0), SPARSE, fuse=fuse)
    state = {name: a.copy() for name, a in norm.state.items()}
    loss = trained.train_on_batch(*images)
    assert_allclose(loss, trained.test_on_batch(*images), rtol=1e-6)
    for name, array in state.items():
        assert_array_equal(norm.state[name], array)
    norm.trainable = True
    trained.compile(SGD(0.0), SPARSE, fuse=fuse)
    assert abs(trained.train_on_batch(*images) - loss) > 1e-4
    assert (norm.state["moving_mean"] != state["moving_mean"]).any()


def test_the_plan_takes_no_gradients_that_nobody_uses(trained, images):
    """Of the layers below the first that learns; thawed, they are there again."""
    conv, norm, _, dense = trained.layers
    conv.trainable = norm.trainable = False
    trained.compile("sgd", SPARSE)
    trained.flat.grads[...] = 7
    trained.train_on_batch(*images)
    for grad in (*conv.grads.values(), *norm.grads.values()):
        assert_array_equal(grad, 7)
    assert (dense.grads["kernel"] != 7).all()
    conv.trainable = True
    trained.compile("sgd", SPARSE)
    trained.train_on_batch(*images)
    assert (conv.grads["kernel"] != 7).all()


@pytest.mark.parametrize(
    "use",
    [lambda model: model.train_on_batch, lambda model: model.partial_fit],
    ids=["train_on_batch", "partial_fit"],
)
def test_a_change_after_compile_is_warned_of_once(trained, images, use):
    text = (
        "trainable of Conv2D 'conv2d', Dense 'dense' was changed after compile. "
        "'sequential' goes on training the layers that were trainable at compile. For "
        "the change to have an effect, call compile again"
    )
    trained.layers[0].trainable = trained.layers[3].trainable = False
    trained.layers[2].trainable = False  # without parameters
    with pytest.warns(UserWarning) as caught:
        use(trained)(*images)
        use(trained)(*images)
    assert [str(w.message) for w in caught] == [text]
    assert caught[0].filename == __file__


def test_a_frozen_model_trains_nothing(trained, images):
    trained.trainable = False
    trained.compile(AdamW(), SPARSE, metrics=["accuracy"])
    before = trained.get_weights()
    history = trained.fit(*images, epochs=2, verbose=0).history
    assert history["loss"][0] == pytest.approx(history["loss"][1])
    for was, now in zip(before, trained.get_weights(), strict=True):
        assert_array_equal(was, now)
