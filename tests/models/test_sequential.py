import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPool,
    Sequential,
)
from sora_np.layers import Layer
from sora_np.sora_model import create_sora_model


def dense_pair(**options):
    return Sequential([Dense(3, "relu", input_shape=(4,)), Dense(2)], **options)


# --- how it is built ----------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential([Dense(3, input_shape=(4,))]),
        lambda: Sequential([Input((4,)), Dense(3)]),
        lambda: Sequential([Input(shape=[4]), Dense(3)]),
    ],
    ids=["input_shape", "Input", "Input-list"],
)
def test_known_input_shape_builds_at_once(make):
    model = make()
    assert model.built and model.input_shape == (None, 4)
    assert model.output_shape == (None, 3)
    assert len(model.layers) == 1, "Input is no layer of the list, as in Keras"


@pytest.mark.parametrize("shape", [(None, 4), (4,)], ids=str)
def test_build_gives_the_input_shape(shape):
    model = Sequential([Dense(3)])
    assert not model.built
    model.build(shape)
    assert model.count_params() == 4 * 3 + 3


@pytest.mark.parametrize(
    "use",
    [
        lambda model, x, y: model.fit(x, y, verbose=0),
        lambda model, x, y: model.evaluate(x, y, verbose=0),
        lambda model, x, y: model.predict(x, verbose=0),
        lambda model, x, y: model.train_on_batch(x, y),
        lambda model, x, y: model(x),
        lambda model, x, y: model.layer_outputs(x),
    ],
    ids=["fit", "evaluate", "predict", "train_on_batch", "call", "layer_outputs"],
)
def test_first_data_build(use):
    model = Sequential([Dense(3)])
    model.compile("sgd", "mse")
    use(model, np.ones((2, 4)), np.ones((2, 3)))
    assert model.input_shape == (None, 4) and model.count_params() == 15


def test_all_ways_to_build_give_the_same_weights(same_weights):
    at_once, later = dense_pair(), Sequential([Dense(3, "relu"), Dense(2)])
    later.predict(np.ones((1, 4)), verbose=0)
    assert same_weights(at_once, later)


def test_build_with_another_shape_is_refused():
    model = dense_pair()
    model.build((None, 4))  # the same again is fine
    with pytest.raises(ValueError, match=r"for x of shape \(N, 4\), got input_shape"):
        model.build((None, 5))


def test_unknown_input_shape():
    model = Sequential([Dense(3)])
    with pytest.raises(ValueError, match="input_shape"):
        model.build()
    with pytest.raises(ValueError, match="input_shape"):
        model.count_params()
    with pytest.raises(RuntimeError, match="not built"):
        _ = model.output_shape


def test_model_without_layers():
    with pytest.raises(ValueError, match="no layers"):
        Sequential().build((None, 4))
    with pytest.raises(ValueError, match="no layers"):
        Sequential().predict(np.ones((1, 4)), verbose=0)
    with pytest.raises(ValueError, match="no layers"):
        Sequential().pop()


def test_failed_build_can_be_mended():
    """The data were too small for the third layer; larger ones must still do."""
    model = Sequential([Conv2D(2, 3), MaxPool(2), Conv2D(2, 5), Flatten(), Dense(2)])
    with pytest.raises(ValueError, match="does not fit images of 3x3"):
        model.predict(np.ones((1, 8, 8, 1)), verbose=0)
    assert not model.built and model.input_shape is None
    assert model.predict(np.ones((1, 16, 16, 1)), verbose=0).shape == (1, 2)


# --- add and pop --------------------------------------------------------------


def test_auto_names_count_up():
    model = Sequential([Conv2D(1, 1), Conv2D(1, 1), MaxPool(1), Conv2D(1, 1)])
    assert [layer.name for layer in model.layers] == [
        *("conv2d", "conv2d_1", "max_pooling2d", "conv2d_2"),
    ]
    other = Sequential([Conv2D(1, 1)])
    assert other.layers[0].name == "conv2d", "every model counts by itself"


def test_auto_name_gives_way_to_a_given_one():
    model = Sequential([Dense(1, name="dense_1"), Dense(1), Dense(1)])
    names = [layer.name for layer in model.layers]
    assert names == ["dense_1", "dense", "dense_2"]


def test_same_given_name_twice_is_refused():
    model = Sequential([Dense(1, name="head")])
    with pytest.raises(ValueError, match="named 'head' already"):
        model.add(Dense(1, name="head"))


def test_same_layer_twice_is_refused():
    layer = Dense(3, name="d")
    with pytest.raises(ValueError, match="Dense 'd' is in this model already"):
        Sequential([layer, layer])


@pytest.mark.parametrize("thing", [3, None, "dense", Dense, [Dense(3)]], ids=repr)
def test_add_takes_layers_only(thing):
    with pytest.raises(TypeError, match=r"expects a layer such as Dense\(10\), got"):
        Sequential().add(thing)


def test_input_comes_first_and_once():
    for layers in ([Dense(3), Input((4,))], [Input((4,)), Input((4,))]):
        with pytest.raises(ValueError, match="Input must come first, and only once"):
            Sequential(layers)


def test_failed_add_leaves_the_model_as_it_was():
    model = Sequential([Conv2D(2, 3, input_shape=(6, 6, 1))])
    weights, x = model.get_weights(), np.ones((1, 6, 6, 1))
    before = model.predict(x, verbose=0)
    late = Conv2D(2, 5)
    with pytest.raises(ValueError, match="'conv2d_1': a window of 5x5"):
        model.add(late)
    assert len(model.layers) == len(model.nodes) == 1
    assert_array_equal(model.predict(x, verbose=0), before)
    assert_array_equal(model.get_weights()[0], weights[0])
    assert late.name == "conv2d"
    fitting = Sequential([Input((6, 6, 1)), late])
    assert fitting.output_shape == (None, 2, 2, 2), "the layer is as it was, too"


def test_failed_first_add_forgets_its_input_shape():
    model = Sequential()
    with pytest.raises(ValueError, match="images of shape"):
        model.add(Conv2D(2, 3, input_shape=(6,)))
    model.add(Dense(2, input_shape=(4,)))
    assert model.input_shape == (None, 4)


def test_pop_returns_the_last_layer():
    model = dense_pair()
    last = model.pop()
    assert last.name == "dense_1" and model.output_shape == (None, 3)
    assert model.count_params() == 15
    assert model.predict(np.ones((2, 4)), verbose=0).shape == (2, 3)


def test_popped_empty_takes_another_input():
    model = Sequential([Dense(3, input_shape=(4,))])
    model.pop()
    model.add(Dense(3, input_shape=(5,)))
    assert model.input_shape == (None, 5) and model.count_params() == 18


def test_get_layer():
    model = dense_pair()
    assert model.get_layer("dense_1") is model.layers[1]
    assert model.get_layer(index=-1) is model.layers[1]
    with pytest.raises(ValueError, match="no layer is named 'dens'.*dense, dense_1"):
        model.get_layer("dens")
    with pytest.raises(ValueError, match="one of the 2 layers, .* got 2"):
        model.get_layer(index=2)


# --- weights ------------------------------------------------------------------


def test_weights_are_copies_in_order():
    model = Sequential([Dense(3, input_shape=(4,)), BatchNormalization()])
    shapes = [w.shape for w in model.get_weights()]
    assert shapes == [(4, 3), (3,), *[(3,)] * 4]
    model.get_weights()[0][...] = 7
    assert not (model.get_weights()[0] == 7).any()
    assert model.count_params() == 4 * 3 + 3 + 4 * 3


def test_set_weights_takes_what_get_weights_gives(same_weights):
    first, second = dense_pair(seed=0), dense_pair(seed=1)
    assert not same_weights(first, second)
    second.set_weights(first.get_weights())
    assert same_weights(first, second)


@pytest.mark.parametrize(
    "spoil, error, match",
    [
        (
            lambda w: w[:-1],
            ValueError,
            "expected 4 arrays, .* got 3",
        ),
        (
            lambda w: [*w, w[0]],
            ValueError,
            "expected 4 arrays, .* got 5",
        ),
        (
            lambda w: [w[0], w[1].T[:2], w[2], w[3][:1]],
            ValueError,
            r"dense/bias \(3,\), got \(2,\); dense_1/bias \(2,\), got \(1,\)",
        ),
        (
            lambda w: [w[0] + 1, w[1], w[2], ["a", "b"]],
            TypeError,
            "dense_1/bias must be numbers, got text",
        ),
        (
            lambda w: [w[0] + 1, w[1], w[2], w[3] * 1j],
            TypeError,
            "dense_1/bias must be an array of real numbers, got dtype complex64",
        ),
    ],
    ids=["few", "many", "shapes", "text", "complex"],
)
def test_wrong_weights_change_nothing(spoil, error, match):
    model = dense_pair()
    before = model.get_weights()
    with pytest.raises(error, match=match):
        model.set_weights(spoil(model.get_weights()))
    for was, now in zip(before, model.get_weights(), strict=True):
        assert_array_equal(now, was)


def test_parameters_are_views_into_one_vector(make_model, images):
    model = make_model()
    model.fit(*images, verbose=0)
    values, grads = model.flat.values, model.flat.grads
    assert values.shape == grads.shape == (151,)
    for layer in model.layers:
        for arrays, whole in ((layer.params, values), (layer.grads, grads)):
            assert all(np.shares_memory(a, whole) for a in arrays.values())
    kernel = model.layers[0].params["kernel"]
    values[:36] = 7
    assert (kernel == 7).all()


def test_assigned_parameter_stays_in_place(make_model, images):
    """Assigning copies: the optimiser goes on moving what the layer uses."""
    model = make_model()
    model.fit(*images, verbose=0)
    dense = model.layers[-1]
    dense.params["bias"] = [5, 6, 7]
    assert_array_equal(model.flat.values[-3:], [5, 6, 7])
    model.fit(*images, verbose=0)
    assert not np.isin(dense.params["bias"], [5, 6, 7]).any()


# --- seeds --------------------------------------------------------------------


def test_same_seed_same_weights_without_global_state(same_weights):
    np.random.seed(1)  # noqa: NPY002
    first = dense_pair(seed=3)
    np.random.seed(2)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert same_weights(first, dense_pair(seed=3))
    assert not same_weights(first, dense_pair(seed=4))
    assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_seed_has_a_default(same_weights):
    assert same_weights(dense_pair(), dense_pair(seed=0))


def test_layer_at_the_end_changes_no_earlier_weights():
    short = [Dense(3, input_shape=(4,)), Dropout(0.5), Dense(3)]
    long = [Dense(3, input_shape=(4,)), Dropout(0.5), Dense(3), Dropout(0.5), Dense(3)]
    short, long = Sequential(short), Sequential(long)
    for k, weights in enumerate(short.get_weights()):
        assert_array_equal(weights, long.get_weights()[k])
    assert_array_equal(
        short.layers[1].forward(np.ones((5, 3), np.float32), training=True),
        long.layers[1].forward(np.ones((5, 3), np.float32), training=True),
    )


def test_equal_layers_have_streams_of_their_own():
    model = Sequential([Input((3,)), Dense(3), Dense(3), Dropout(0.5), Dropout(0.5)])
    first, second, *_ = model.layers
    assert (first.params["kernel"] != second.params["kernel"]).all()
    masks = [d.forward(np.ones((9, 3)), training=True) for d in model.layers[2:]]
    assert (masks[0] != masks[1]).any()


@pytest.mark.parametrize("seed", ["a", 1.5, None], ids=repr)
def test_seed_is_a_whole_number(seed):
    with pytest.raises(TypeError):
        Sequential(seed=seed)


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64"])
def test_dtype_is_float32_or_float64(dtype):
    with pytest.raises(ValueError, match=f"float32 or float64, got '{dtype}'"):
        Sequential(dtype=dtype)


# --- layers in two models, layers that come and go ----------------------------


def test_shared_layer_keeps_its_weights_and_both_models_work(make_model, images):
    """Transfer: the trained convolution under a new head."""
    donor = make_model()
    donor.fit(*images, epochs=3, verbose=0)
    trained = donor.get_weights()
    expected = donor.predict(images[0], verbose=0)

    head = Sequential([*donor.layers[:3], Dense(2, "softmax", name="head")])
    assert_array_equal(head.get_weights()[0], trained[0])
    for layer in head.layers[:3]:
        layer.trainable = False
    head.compile("adam", "sparse_categorical_crossentropy")
    head.fit(images[0], images[1] % 2, epochs=2, verbose=0)
    assert_array_equal(head.get_weights()[0], trained[0])
    assert_array_equal(donor.predict(images[0], verbose=0), expected)

    donor.layers[0].trainable = True  # as when it was compiled
    donor.fit(*images, epochs=1, verbose=0)
    moved = donor.get_weights()[0]
    assert (moved != trained[0]).any()
    assert_array_equal(head.get_weights()[0], moved, err_msg="one layer, one array")


def test_shared_layer_must_fit_its_new_place():
    layer = Dense(3, input_shape=(4,))
    Sequential([layer])
    with pytest.raises(
        ValueError, match=r"Dense 'dense' is built for .*\(N, 4\), but here x"
    ):
        Sequential([Input((5,)), layer])
    assert layer.params["kernel"].shape == (4, 3)


def test_shared_layer_must_have_the_models_dtype():
    layer = Dense(3, input_shape=(4,))
    Sequential([layer])
    with pytest.raises(ValueError, match="built in float32, but this model in float64"):
        Sequential([layer], dtype="float64")
    assert layer.params["kernel"].dtype == np.float32


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_layers_added_after_fit(make_model, images, optimizer):
    model = make_model(optimizer)
    model.fit(*images, verbose=0)
    model.pop()
    kept = model.get_weights()
    model.add(Dense(5, "relu"))
    model.add(Dense(3, "softmax"))
    assert_array_equal(model.get_weights()[0], kept[0])
    before = model.get_weights()
    with pytest.raises(ValueError, match="^layers were added or removed .* compile"):
        model.fit(*images, verbose=0)
    with pytest.raises(ValueError, match="^layers were added or removed .* compile"):
        model.train_on_batch(*images)
    for was, now in zip(before, model.get_weights(), strict=True):
        assert_array_equal(was, now)
    model.compile(model.optimizer, model.loss)
    model.fit(*images, verbose=0)
    for was, now in zip(before, model.get_weights(), strict=True):
        assert (was != now).any()


def test_optimiser_forgets_the_layer_that_was_replaced(make_model, images):
    """The new layer has the size of the old: only its identity tells."""
    replaced, fresh = make_model("adam"), make_model("adam")
    replaced.fit(*images, epochs=3, verbose=0)
    replaced.pop()
    replaced.add(Dense(3, "softmax"))
    replaced.compile(replaced.optimizer, replaced.loss)
    fresh.set_weights(replaced.get_weights())
    for model in (replaced, fresh):
        model.fit(*images, shuffle=False, verbose=0)
    assert_array_equal(replaced.flat.values, fresh.flat.values)


def test_sharing_a_layer_leaves_the_optimisers_memory(make_model, images):
    """A layer lent to another model costs neither its momentum."""
    lent, own = make_model("adam"), make_model("adam")
    for model in (lent, own):
        model.fit(*images, epochs=2, shuffle=False, verbose=0)
    other = Sequential(lent.layers[:1])
    assert other.flat.values.size == 40
    for model in (lent, own):
        model.fit(*images, epochs=2, shuffle=False, verbose=0)
    assert_array_equal(lent.flat.values, own.flat.values)


def test_frozen_layers_do_not_move(make_model, images):
    model = make_model()
    before = model.get_weights()
    model.layers[0].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*images, epochs=2, verbose=0)
    frozen = model.get_weights()
    assert [(a == b).all() for a, b in zip(before, frozen, strict=True)] == [
        *(True, True, False, False),
    ]
    model.layers[0].trainable = True  # has no effect before another compile
    with pytest.warns(UserWarning, match="^trainable of .* was changed") as caught:
        model.fit(*images, epochs=2, verbose=0)
        model.fit(*images, epochs=2, verbose=0)
    assert len(caught) == 1 and caught[0].filename == __file__
    still = model.get_weights()
    assert [(a == b).all() for a, b in zip(frozen, still, strict=True)] == [
        *(True, True, False, False),
    ]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*images, epochs=2, verbose=0)
    thawed = model.get_weights()
    assert all((a != b).any() for a, b in zip(still, thawed, strict=True))


def test_frozen_model(make_model, images):
    model = Sequential([Dense(3, "softmax", input_shape=(64,))], trainable=False)
    model.compile("adam", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(images[0].reshape(50, 64), images[1], verbose=0)
    assert_array_equal(model.get_weights()[0], before[0])


# --- what comes out of the layers ---------------------------------------------


def test_layer_outputs_are_those_of_the_layers(make_model, images):
    model = make_model()
    outputs = model.layer_outputs(images[0])
    assert list(outputs) == ["conv2d", "max_pooling2d", "flatten", "dense"]
    x = images[0]
    for layer in model.layers:
        x = layer.forward(x)
        assert_array_equal(outputs[layer.name], x, err_msg=layer.name)
    assert_array_equal(outputs["dense"], model.predict(images[0], 50, verbose=0))


class Reshaped(Layer):
    """Hands its input on as a view, as a user's layer may."""

    def forward(self, x, *, training=False):
        y = self.check_input(x).reshape(len(x), -1)
        if training:
            self.remember(y)
        return y

    def backward(self, dy):
        return self.recall(dy)[0]


def test_what_is_handed_out_is_a_copy():
    model = Sequential([Reshaped(input_shape=(4,)), Reshaped()])
    x = np.ones((2, 4), np.float32)
    outputs = model.layer_outputs(x)
    given = {
        "predict_on_batch": model.predict_on_batch(x),
        "call": model(x),
        "predict": model.predict(x, verbose=0),
        **outputs,
    }
    for name, y in given.items():
        assert not np.shares_memory(x, y), name
    assert not np.shares_memory(*outputs.values())


def test_calling_the_model_is_predicting(make_model, images):
    model = make_model()
    assert_array_equal(model(images[0]), model.predict(images[0], 50, verbose=0))
    assert not any(layer._caches for layer in model.layers)
    dropping = Sequential([Dropout(0.5, input_shape=(4,))])
    assert (dropping(np.ones((9, 4))) == 1).all()
    assert set(np.unique(dropping(np.ones((9, 4)), training=True))) == {0, 2}
    assert not dropping.layers[0]._caches, "no backward follows"


def test_reference_network_is_the_documents():
    model = create_sora_model((28, 28, 1))
    assert model.count_params() == 225_034
    assert [node.output_shape for node in model.nodes] == [
        *((26, 26, 32), (13, 13, 32), (11, 11, 64), (5, 5, 64)),
        *((1600,), (128,), (10,)),
    ]
    assert_allclose(model.predict(np.zeros((1, 28, 28, 1)), verbose=0), 0.1)
