import copy
import re
import tracemalloc

import numpy as np
import pytest

from sora_np import optimizers
from sora_np.layers import Dense
from sora_np.models import Sequential
from sora_np.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lamb,
    Lion,
    Nadam,
    Optimizer,
    RMSprop,
)

KINDS = [SGD, RMSprop, Adagrad, Adam, AdamW, Nadam, Adadelta, Adamax, Lamb, Lion]
STEPS = {  # by hand, for p = 0 and gradients 1, 1
    "sgd": (SGD(0.1), [-0.1, -0.2]),
    "momentum": (SGD(0.1, momentum=0.5), [-0.1, -0.25]),
    # v = -.1, p = .5 * -.1 - .1; v = -.15, p -= .5 * .15 + .1
    "nesterov": (SGD(0.1, 0.5, nesterov=True), [-0.15, -0.325]),
    # v = .1, .1 / sqrt(.1 + 0); v = .19
    "rmsprop": (
        RMSprop(0.1, epsilon=0),
        [-0.1 / 0.1**0.5, -0.1 / 0.1**0.5 - 0.1 / 0.19**0.5],
    ),
    # epsilon under the root: sqrt(.1 + 1), sqrt(.19 + 1); outside it 1.3162
    "rmsprop-epsilon": (
        RMSprop(0.1, epsilon=1),
        [-0.1 / 1.1**0.5, -0.1 / 1.1**0.5 - 0.1 / 1.19**0.5],
    ),
    # a = .1, .19: .1 - .01 + 1, .19 - .0361 + 1
    "rmsprop-centred": (
        RMSprop(0.1, epsilon=1, centered=True),
        [-0.1 / 1.09**0.5, -0.1 / 1.09**0.5 - 0.1 / 1.1539**0.5],
    ),
    # Keras's epsilon hat: -.1 * sqrt(.001) / .1 * .1 / (sqrt(.001) + 1)
    "adam": (Adam(0.1, epsilon=1), [-0.00306534]),
    # bias-corrected, the first step is the learning rate
    "adam-first": (Adam(0.1, epsilon=0), [-0.1, -0.2]),
    "adam-amsgrad": (Adam(0.1, epsilon=0, amsgrad=True), [-0.1, -0.2]),
    # the second step first shrinks 0.1 by 0.1 * 0.5 of itself
    "adamw": (AdamW(0.1, 0.5, epsilon=0), [-0.1, -0.195]),
    # s = .1 + 1, then + 1
    "adagrad": (
        Adagrad(0.1, epsilon=0),
        [-0.1 / 1.1**0.5, -0.1 / 1.1**0.5 - 0.1 / 2.1**0.5],
    ),
    "adagrad-epsilon": (Adagrad(0.1, epsilon=1), [-0.1 / 2.1**0.5]),
    # m = .1 / (1 - .468 * .48528), and 1 / (1 - .468); over sqrt(1) + 1
    "nadam-epsilon": (
        Nadam(0.1, epsilon=1),
        [-0.05 * (0.48528 * 0.1 / (1 - 0.468 * 0.48528) + 1)],
    ),
    "lion": (Lion(0.1), [-0.1, -0.2]),
    # s = .5, .75; d = 1 / sqrt(1.5), u = .5 d^2 = 1/3, d = sqrt(4/3) / sqrt(1.75)
    "adadelta": (
        Adadelta(0.1, 0.5, epsilon=1),
        [-0.1 / 1.5**0.5, -0.1 / 1.5**0.5 - 0.1 * (4 / 3 / 1.75) ** 0.5],
    ),
    # .1 / .1 * .1 / (1 + 1), .1 / .19 * .19 / 2
    "adamax": (Adamax(0.1, epsilon=1), [-0.05, -0.1]),
    # d = 1; p = 0 has no norm, then 0.1 / 1
    "lamb": (Lamb(0.1, epsilon=0), [-0.1, -0.11]),
    "lamb-epsilon": (Lamb(0.1, epsilon=1), [-0.05, -0.055]),
    # u = .468, .48528, .5018688; m = .1, .19; v / (1 - beta_2^t) = 1
    "nadam": (
        Nadam(0.1, epsilon=0),
        [
            -0.1 * (0.48528 * 0.1 / (1 - 0.468 * 0.48528) + 1),
            -0.1 * (0.48528 * 0.1 / (1 - 0.468 * 0.48528) + 1)
            - 0.1
            * (
                0.5018688 * 0.19 / (1 - 0.468 * 0.48528 * 0.5018688)
                + (1 - 0.48528) / (1 - 0.468 * 0.48528)
            ),
        ],
    ),
}


@pytest.mark.parametrize("optimizer, expected", STEPS.values(), ids=STEPS)
def test_steps_by_hand(optimizer, expected, dtype):
    optimizer = type(optimizer)(**optimizer.get_config())
    p, g = np.zeros(1, dtype), np.ones(1, dtype)
    for wanted in expected:
        optimizer.step(p, g)
        np.testing.assert_allclose(p, wanted, rtol=1e-5)
    assert optimizer.iterations == len(expected)


def test_centred_rmsprop_of_constant_gradients_is_finite():
    """v - a^2 falls below 0 by rounding, where v = a^2: NaN in Keras and PyTorch."""
    g = np.random.default_rng(0).uniform(0.5, 20, 1000).astype(np.float32)
    p, optimizer = np.zeros_like(g), RMSprop(0.1, epsilon=1e-7, centered=True)
    for _ in range(400):
        optimizer.step(p, g.copy())
    spread = optimizer.slots["velocity"] - optimizer.slots["average"] ** 2
    assert spread.min() < -1e-7, "the root of this and epsilon is NaN"
    assert np.isfinite(p).all() and (p < -1).all()


def test_only_the_given_ranges_move():
    p = np.zeros(5)
    optimizer = Adam()
    optimizer.step(p, np.ones(5), [slice(1, 2), slice(3, 5)])
    np.testing.assert_array_equal(p != 0, [False, True, False, True, True])
    np.testing.assert_array_equal(optimizer.slots["m"] != 0, p != 0)


@pytest.mark.parametrize("rate", [-1, np.nan, np.inf])
def test_impossible_rates(rate):
    with pytest.raises(ValueError, match="learning_rate must be finite and not neg"):
        SGD(rate)
    optimizer = SGD()
    with pytest.raises(ValueError, match="learning_rate"):
        optimizer.learning_rate = rate
    assert optimizer.learning_rate == 0.01


def test_other_mistakes():
    with pytest.raises(TypeError, match="learning_rate must be a number, got 'fast'"):
        SGD("fast")
    with pytest.raises(ValueError, match="beta_1 must be below 1"):
        Adam(beta_1=1)
    with pytest.raises(ValueError, match="unknown optimizer 'addam'; did you mean"):
        optimizers.get("addam")
    optimizer = Adam()
    optimizer.step(np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="built for"):
        optimizer.step(np.zeros(3), np.zeros(3))


def test_rate_zero_and_whole_numbers():
    p = np.ones(1)
    SGD(0, momentum=0).step(p, p.copy())
    assert p == 1


NAMES = ["sgd", "SGD", "adam", "Adam", "rmsprop", "RMSprop"]
NAMES += ["adagrad", "Adagrad", "adamw", "AdamW", "nadam", "Nadam"]
NAMES += ["adadelta", "Adadelta", "adamax", "Adamax", "lamb", "Lamb", "lion", "Lion"]


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert type(optimizers.get(name)).__name__.lower() == name.lower()


def test_an_update_of_ones_own_is_what_runs():
    """Also in a subclass of an optimiser that prepares its steps."""

    class Halved(SGD):
        def update(self, p, g, **slots):
            super().update(p, g / 2, **slots)

    p = np.zeros(3)
    Halved(0.1).step(p, np.full(3, 2.0))
    np.testing.assert_allclose(p, -0.1)


def test_nesterov_may_be_set_between_steps():
    p, optimizer = np.zeros(1), SGD(0.1, momentum=0.5)
    g = np.ones(1)
    optimizer.step(p, g)  # v = -0.1
    optimizer.nesterov = True
    optimizer.step(p, g)  # v = -0.15, p = -0.1 + 0.5 v - 0.1
    np.testing.assert_allclose(p, -0.275)


# --- options ------------------------------------------------------------------

TWO = [slice(0, 2), slice(2, 4)]  # two arrays
OPTIONS = {  # options of SGD(1.0), p, gradients, p in the end; by hand
    "weight-decay": ({"weight_decay": 0.25}, 1, [[0] * 4, [0] * 4], [0.5625] * 4),
    "clipvalue": ({"clipvalue": 0.5}, 0, [[3, -3, 0.1, 0]], [-0.5, 0.5, -0.1, 0]),
    "clipnorm": ({"clipnorm": 1}, 0, [[3, 4, 0, 2]], [-0.6, -0.8, 0, -1]),
    "global-clipnorm": (
        *({"global_clipnorm": 1.5}, 0),
        *([[2, 0, -1, 2]], [-1, 0, 0.5, -1]),
    ),
    "accumulation": (
        *({"gradient_accumulation_steps": 2}, 0),
        *([[1, 2, 3, 4], [3, 2, 1, 0], [9] * 4, [1] * 4, [7] * 4], [-7] * 4),
    ),
    # the mean of 4 and 0 is clipped, not each; decay comes before the step
    "order": (
        {"gradient_accumulation_steps": 2, "clipvalue": 1, "weight_decay": 0.5},
        *(1, [[4] * 4, [0] * 4], [-0.5] * 4),
    ),
    # p = -1, -2, -3; the average -1, -1.5, -2.25
    "ema": ({"use_ema": True, "ema_momentum": 0.5}, 0, [[1] * 4] * 3, [-2.25] * 4),
    # after every batch: p = 0, -2, -2, -4, -4; the average 0, -2 (the first step), -2,
    # -3, -3.5; once an accumulation it would end with -3
    "ema-accumulation": (
        {"use_ema": True, "ema_momentum": 0.5, "gradient_accumulation_steps": 2},
        *(0, [[1] * 4, [3] * 4, [2] * 4, [2] * 4, [9] * 4], [-3.5] * 4),
    ),
    # p = -1, -2 becomes -1.5, -2.5; the average -1, -1.5, -2
    "ema-overwrites": (
        {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
        *(0, [[1] * 4] * 3, [-2] * 4),
    ),
}


class Plain(Optimizer):
    """An optimiser of one's own, without a task."""

    def update(self, p, g, **slots):
        p -= self.learning_rate * g


@pytest.mark.parametrize("kind", [SGD, Plain])
@pytest.mark.parametrize("options, start, grads, end", OPTIONS.values(), ids=OPTIONS)
def test_options_by_hand(kind, options, start, grads, end, dtype):
    p = np.full(4, start, dtype)
    optimizer = kind(1.0, **options)
    for g in grads:
        optimizer.step(p, np.array(g, dtype), TWO)
    optimizer.finalize(p)
    np.testing.assert_allclose(p, end, rtol=1e-6, atol=1e-6)


ALL = {
    **{"weight_decay": 0.5, "clipnorm": 1.0, "use_ema": True},
    **{"gradient_accumulation_steps": 2},
}


@pytest.mark.parametrize("option", [{o: ALL[o]} for o in ALL], ids=str)
def test_options_keep_to_the_given_ranges(option):
    p, g = np.ones(4), np.full(4, 2.0)
    optimizer = SGD(0.1, **option)
    for _ in range(4):
        optimizer.step(p, g, TWO[1:])
    optimizer.finalize(p)
    np.testing.assert_array_equal(p[:2], 1)
    np.testing.assert_array_equal(g[:2], 2)
    assert (p[2:] != 1).all()


def test_thawed_parameters_enter_the_average_as_they_are():
    """Their average does not begin at 0."""
    p, g = np.ones((2, 4))
    optimizer = SGD(0.5, use_ema=True, ema_momentum=0.5)
    optimizer.step(p, g, TWO[:1])
    optimizer.step(p, g, TWO)
    optimizer.finalize(p)
    np.testing.assert_allclose(p, [0.25, 0.25, 0.75, 0.75])


def test_the_average_keeps_to_the_given_ranges():
    """What is frozen later stays, though it has an average of before."""
    p, g = np.zeros((2, 4))
    options = {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 1}
    optimizer = SGD(1.0, **options)
    for _ in range(3):
        optimizer.step(p, np.ones(4), TWO)
    p[:2] = 7
    optimizer.step(p, g, TWO[1:])
    optimizer.finalize(p, TWO[1:])
    np.testing.assert_array_equal(p[:2], 7)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in (AdamW, Lamb)])
def test_an_option_that_is_off_adds_no_work(kind):
    optimizer = kind()
    optimizer.step(np.ones(4), np.ones(4), TWO)
    (program,) = optimizer._work._calls
    assert len(program.tasks) == 1
    assert optimizer.slots.keys() == set(optimizer.slot_names())


@pytest.mark.parametrize("options", [{}, ALL], ids=["plain", "all-options"])
def test_a_step_allocates_nothing(options):
    """With 100,000 parameters of 4 bytes."""
    p, g = np.ones((2, 100_000), np.float32)
    optimizer = Adam(**options)
    for _ in range(3):
        optimizer.step(p, g, [slice(0, 50_000), slice(50_000, 100_000)])
    tracemalloc.start()
    for _ in range(3):
        optimizer.step(p, g, [slice(0, 50_000), slice(50_000, 100_000)])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000


def test_options_may_be_set_between_steps():
    p, g, optimizer = np.zeros(2), np.array([3.0, 4.0]), SGD(1.0)
    optimizer.step(p, g)
    optimizer.global_clipnorm = 1.0
    optimizer.step(p, g)
    np.testing.assert_allclose(p, [-3.6, -4.8])


def test_a_copy_in_the_middle_goes_on_alike():
    """Of what is gathered, averaged and remembered."""
    p = np.ones(4)
    optimizer = Nadam(0.1, gradient_accumulation_steps=2, use_ema=True)
    for k in range(3):
        optimizer.step(p, np.full(4, 1.0 + k))
    g = np.ones(4)
    optimizer.step(p, g)
    twin, q, its_g = copy.deepcopy((optimizer, p, g))
    for one, array, slope in ((optimizer, p, g), (twin, q, its_g)):
        for k in range(3):
            slope[:] = 2.0 - k
            one.step(array, slope)
        one.finalize(array)
    np.testing.assert_array_equal(p, q)
    assert optimizer.iterations == 3 and optimizer.batches == 7


@pytest.mark.parametrize("kind", KINDS)
def test_configurations_make_equal_optimisers(kind):
    options = {
        **{"weight_decay": 0.1, "use_ema": True, "ema_momentum": 0.5},
        **{"ema_overwrite_frequency": 3, "global_clipnorm": 2.0},
        **{"gradient_accumulation_steps": 2, "name": "mine"},
    }
    optimizer = kind(0.25, **options)
    config = {"class_name": kind.__name__, "config": optimizer.get_config()}
    again = optimizers.get(config)
    assert type(again) is kind
    assert again.get_config() == optimizer.get_config() and again.name == "mine"
    assert options.items() <= again.get_config().items()


BAD = {
    "weight_decay": (-1, ValueError, "weight_decay must be finite and not negative"),
    "clipnorm": (0, ValueError, "clipnorm must be positive, or None for none, got 0"),
    "clipvalue": ("a", TypeError, "clipvalue must be a number, got 'a'"),
    "global_clipnorm": (np.nan, ValueError, "global_clipnorm must be finite"),
    "ema_momentum": (1.5, ValueError, "ema_momentum must be at most 1"),
    "ema_overwrite_frequency": (0, ValueError, "ema_overwrite_frequency must be a pos"),
    "gradient_accumulation_steps": (1, ValueError, "must be 2 or more, or None"),
}


@pytest.mark.parametrize("name", BAD)
def test_impossible_options(name):
    value, error, text = BAD[name]
    with pytest.raises(error, match=text):
        SGD(**{name: value})


def test_one_way_to_clip():
    with pytest.raises(ValueError, match="one of clipnorm, clipvalue and global_clip"):
        Adam(clipnorm=1.0, clipvalue=1.0)


def test_missing_option_of_kerass_is_named():
    with pytest.raises(TypeError, match="loss_scale_factor"):
        Adam(loss_scale_factor=2.0)


@pytest.mark.parametrize("kind", KINDS)
def test_built_anew_it_begins_anew(kind):
    """Of all that it remembers."""
    optimizer, fresh, p, q = kind(0.1), kind(0.1), np.ones(3), np.ones(3)
    for _ in range(3):
        optimizer.step(p, np.ones(3))
    p[:] = 1
    optimizer.build(p)
    for k in range(3):
        optimizer.step(p, np.full(3, 1.0 + k))
        fresh.step(q, np.full(3, 1.0 + k))
    np.testing.assert_array_equal(p, q)
    assert optimizer.iterations == 3


@pytest.mark.parametrize(
    "grads", [np.ones(2, np.float32), np.ones(3)], ids=["shape", "dtype"]
)
def test_gradients_of_another_shape_or_dtype(grads):
    """Either alone is refused, and nothing has moved."""
    params = np.ones(3, np.float32)
    with pytest.raises(ValueError, match="same shape and dtype"):
        SGD(0.1).step(params, grads)
    np.testing.assert_array_equal(params, 1)


VECTOR = "must be a vector (P,) that is contiguous and writeable, got shape"
NO_VECTORS = {  # params, the error, what it says
    "list": ([1.0], TypeError, "must be a NumPy array of float32 or float64, got list"),
    "ints": (np.ones(3, int), TypeError, "float32 or float64, got int64"),
    "half": (np.ones(3, "f2"), TypeError, "float32 or float64, got float16"),
    "byte-order": (np.ones(3, ">f4"), TypeError, "float32 or float64, got >f4"),
    "matrix": (np.ones((1, 3)), ValueError, f"{VECTOR} (1, 3), strides (24, 8)"),
    "strided": (np.ones(6)[::2], ValueError, f"{VECTOR} (3,), strides (16,)"),
    "read-only": (
        np.broadcast_to(1.0, 1),
        ValueError,
        f"{VECTOR} (1,), strides (0,), writeable False",
    ),
}


@pytest.mark.parametrize("a, error, text", NO_VECTORS.values(), ids=NO_VECTORS)
@pytest.mark.parametrize("which", ["params", "grads"])
def test_what_is_no_vector(a, error, text, which):
    """Numba would write to what is read-only, and fail on the others from inside."""
    good = np.ones(3)
    pair = (a, good) if which == "params" else (good, a)
    with pytest.raises(error, match=f"^{which} .*{re.escape(text)}"):
        SGD(0.1).step(*pair)
    np.testing.assert_array_equal(good, 1)


def test_lion_follows_its_average():
    """m = 0.01, and the step is the sign of 0.009 - 0.005; of 0 it is 0."""
    p, optimizer = np.zeros(2), Lion(0.1)
    optimizer.step(p, np.array([1.0, 0.0]))
    optimizer.step(p, np.array([-0.05, 0.0]))
    np.testing.assert_allclose(p, [-0.2, 0])
    with pytest.raises(ValueError, match="beta_1 must be above 0"):
        Lion(beta_1=0)


def test_lamb_looks_at_arrays_apart():
    """Steps of 0.1 times the norms 5 and 13, along (1, 1) / sqrt 2 of each."""
    p = np.array([3.0, 4.0, 5.0, 12.0])
    Lamb(0.1, epsilon=0).step(p, np.ones(4), TWO)
    moved = np.array([3, 4, 5, 12]) - p
    np.testing.assert_allclose(moved, np.array([0.5, 0.5, 1.3, 1.3]) / 2**0.5)


KERAS = {  # p after three steps from (1, -2, 3), by Keras 3.15.1 on TensorFlow
    "adadelta": [0.9970018, -1.9943238, 2.9914348],
    "adamax": [0.855139, -2.101593, 3.2847905],
    "lamb": [0.570618, -2.4673715, 3.8505948],
    "lion": [0.8973029, -2.1939061, 3.2907088],
}
OF_KERAS = {"adadelta": Adadelta, "adamax": Adamax, "lamb": Lamb, "lion": Lion}


@pytest.mark.parametrize("name", OF_KERAS)
def test_the_numbers_of_keras(name):
    p = np.array([1, -2, 3], np.float32)
    optimizer = OF_KERAS[name](0.1, weight_decay=0.01, clipnorm=2.0)
    for t in range(3):
        optimizer.step(p, np.array([1 - t, 0.5 * t, -3], np.float32))
    np.testing.assert_allclose(p, KERAS[name], rtol=1e-5)


# --- what has no weight decay ---------------------------------------------------------


def test_views_of_a_vector_are_excluded():
    p, optimizer = np.ones(4), SGD(1.0, weight_decay=0.25)
    optimizer.step(p, np.zeros(4), TWO)
    optimizer.exclude_from_weight_decay([p[2:]])
    optimizer.step(p, np.zeros(4), TWO)
    np.testing.assert_allclose(p, [0.5625, 0.5625, 0.75, 0.75])
    optimizer.exclude_from_weight_decay()
    optimizer.step(p, np.zeros(4), TWO)
    np.testing.assert_allclose(p[2:], 0.5625)


def decayed(exclude, before=lambda model: model):
    """Return a model that has made a step of decay alone, from ones."""
    layers = [Dense(2, bias_initializer="ones", input_shape=(3,)), Dense(1)]
    model = Sequential(layers)
    model.build((None, 3))
    for layer in layers:
        layer.params["kernel"], layer.params["bias"] = (
            np.ones_like(layer.params[name]) for name in ("kernel", "bias")
        )
    optimizer = AdamW(0.5, weight_decay=0.5)
    exclude(optimizer, model)
    model.compile(optimizer, "mse")
    model = before(model)
    x = np.ones((4, 3), np.float32)
    model.train_on_batch(x, model.predict(x, verbose=0))
    return [float(w.mean()) for w in model.get_weights()]


def by_name(optimizer, model):
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma"])


def by_array(optimizer, model):
    arrays = [layer.params["bias"] for layer in model.layers]
    optimizer.exclude_from_weight_decay(var_list=arrays)


def by_view(optimizer, model):
    """Arrays of a model that has one vector already."""
    assert model.flat.values.size == 11
    by_array(optimizer, model)


@pytest.mark.parametrize("exclude", [by_name, by_array, by_view])
@pytest.mark.parametrize("before", [lambda m: m, copy.deepcopy], ids=["", "copy"])
def test_biases_of_a_model_are_excluded(exclude, before):
    np.testing.assert_allclose(decayed(exclude, before), [0.75, 1, 0.75, 1])


def test_one_of_two_arrays_is_excluded():
    def exclude(optimizer, model):
        optimizer.exclude_from_weight_decay([model.layers[1].params["kernel"]])

    np.testing.assert_allclose(decayed(exclude), [0.75, 0.75, 1, 0.75])


def test_what_cannot_be_excluded():
    p, optimizer = np.ones(4), SGD(1.0, weight_decay=0.25)
    with pytest.raises(TypeError, match="var_list must be a list of arrays, .* got st"):
        optimizer.exclude_from_weight_decay(["bias"])
    with pytest.raises(ValueError, match="var_names must be a list of regular expr"):
        optimizer.exclude_from_weight_decay(var_names=["("])
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    with pytest.raises(ValueError, match="changes a vector without a model: use var_l"):
        optimizer.step(p, np.zeros(4), TWO)
    optimizer.exclude_from_weight_decay([np.ones(2)])
    with pytest.raises(ValueError, match=r"of shape \(2,\) that is not a parameter"):
        optimizer.step(p, np.zeros(4), TWO)
    np.testing.assert_array_equal(p, 1)


def test_what_keras_has_and_is_not_here_says_what_to_do():
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("adam", "mse")
    texts = {
        "apply_gradients": "model.train_on_batch.* makes a step",
        "minimize": "no tapes of gradients",
        "variables": "optimizer.slots has its arrays by name",
        "get_weights": "model.save keeps both",
        "moments": "'Adam' object has no attribute 'moments'$",
    }
    for name, text in texts.items():
        with pytest.raises(AttributeError, match=text):
            getattr(model.optimizer, name)
        assert not hasattr(copy.deepcopy(model.optimizer), name)
    before = model.flat.values.copy()
    model.train_on_batch(np.ones((3, 2)), np.ones((3, 1)))
    model.optimizer.step(model.flat.values, model.flat.grads)  # as the error says
    assert model.optimizer.iterations == 2 and (model.flat.values != before).all()
