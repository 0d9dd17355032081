"""Batches from Sequence-style objects, iterables, generators and files."""

import itertools
import re
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix

from sora_np import Conv2D, Dense, Flatten, MaxPool, Rescaling, Sequential, load_model
from sora_np.optimizers import SGD
from sora_np.training import step as steps_module
from sora_np.utils import PyDataset


class Batches(PyDataset):
    """Batches of 8; remembers which were asked for."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays, self.asked, self.ended = arrays, [], 0

    def __len__(self):
        return -(-len(self.arrays[0]) // 8)

    def __getitem__(self, number):
        self.asked.append(number)
        return tuple(a[8 * number : 8 * number + 8] for a in self.arrays)

    def on_epoch_end(self):
        self.ended += 1


class Loader:
    """An iterable without items, as PyTorch's DataLoader is."""

    def __init__(self, *arrays):
        self.batches = Batches(*arrays)

    def __iter__(self):
        yield from (self.batches[k] for k in range(len(self.batches)))


def endless(*arrays):
    while True:
        yield from Loader(*arrays)


class NoEnd:
    def __getitem__(self, number):
        return np.ones((8, 8, 8, 1)), np.zeros(8)


STREAMS = {
    "sequence": lambda *arrays: (Batches(*arrays), {}),
    "iterable": lambda *arrays: (Loader(*arrays), {}),
    "generator": lambda *arrays: (endless(*arrays), {"steps_per_epoch": 7}),
}


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_the_same_as_from_arrays(make, weighted, make_model, images, rng, same_weights):
    """Bit for bit, over several epochs, the last batch of 2 included."""
    weights = (rng.random(50),) if weighted else ()
    source, options = make(*images, *weights)
    streamed, plain = make_model(), make_model()
    a = streamed.fit(source, epochs=3, shuffle=False, verbose=0, **options)
    keyed = {"sample_weight": weights[0]} if weighted else {}
    b = plain.fit(*images, 8, 3, shuffle=False, verbose=0, **keyed)
    assert same_weights(streamed, plain)
    assert a.history == b.history
    assert a.params["steps"] == 7


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_evaluated_and_predicted(make, make_model, images):
    model = make_model()
    steps = {"steps": 7} if make is STREAMS["generator"] else {}
    source = make(*images)[0]
    a = model.evaluate(source, verbose=0, **steps)
    assert a == model.evaluate(*images, 8, verbose=0)
    for arrays in (images, images[:1]):
        source = make(*arrays)[0]
        y = model.predict(source, verbose=0, **steps)
        assert_array_equal(y, model.predict(images[0], 8, verbose=0))


def test_a_generator_with_an_end_is_run_through_once(make_model, images):
    model = make_model()
    history = model.fit((b for b in Loader(*images)), verbose=0)
    assert history.params["steps"] == 7
    assert len(model.predict((x for x in images[0][:, None]), verbose=0)) == 50
    assert model.evaluate((b for b in Loader(*images)), verbose=0)


# --- iterables that are their own iterator, or keep one -----------------------------


class Keeps:
    """Its __iter__ returns what it keeps: run through once, whoever asks."""

    def __init__(self, iterator):
        self.iterator = iterator

    def __iter__(self):
        return self.iterator


class Own:
    """Its own iterator, which begins anew with every iter()."""

    def __init__(self, *arrays):
        self.batches, self.number = Batches(*arrays), 0

    def __iter__(self):
        self.number = 0
        return self

    def __next__(self):
        self.number += 1
        if self.number > len(self.batches):
            raise StopIteration
        return self.batches[self.number - 1]


class OwnWithLength(Own):
    def __len__(self):
        return len(self.batches)


class Unknown(Loader):
    """As PyTorch's loader of an IterableDataset: it has a length that raises."""

    def __len__(self):
        raise TypeError("object of type 'Stream' has no len()")


class Persistent(Loader):
    """As PyTorch's loader with persistent workers: one iterator, set back by iter()."""

    def __iter__(self):
        self.own = getattr(self, "own", None) or Own(*self.batches.arrays)
        return iter(self.own)

    def __len__(self):
        return len(self.batches)


ITERABLES = {
    "keeps-a-generator": lambda *arrays: Keeps(iter(Loader(*arrays))),
    "keeps-an-iterator": lambda *arrays: Keeps(iter(list(Loader(*arrays)))),
    "keeps-its-own": lambda *arrays: Keeps(iter(Own(*arrays))),
    "own": Own,
    "own-with-length": OwnWithLength,
    "length-unknown": Unknown,
    "persistent": Persistent,
    "makes-a-map": lambda *arrays: map(tuple, Loader(*arrays)),
}


@pytest.mark.parametrize("make", ITERABLES.values(), ids=ITERABLES)
def test_no_batch_is_lost_and_none_comes_twice(make, make_model, images, same_weights):
    streamed, plain = make_model(), make_model()
    options = {"shuffle": False, "verbose": 0}
    a = streamed.fit(make(*images), **options)
    b = plain.fit(*images, 8, **options)
    assert a.history == b.history
    assert same_weights(streamed, plain)
    expected = plain.evaluate(*images, 8, verbose=0)
    assert streamed.evaluate(make(*images), verbose=0) == expected
    y = streamed.predict(make(*images), verbose=0)
    assert_array_equal(y, plain.predict(images[0], 8, verbose=0))
    validated = make_model().fit(*images, 8, validation_data=make(*images), **options)
    assert_allclose(validated.history["val_loss"], expected[0], rtol=1e-12)


@pytest.mark.parametrize("make", [OwnWithLength, Unknown, Persistent])
def test_what_begins_anew_trains_for_epochs(make, make_model, images, same_weights):
    streamed, plain = make_model(), make_model()
    a = streamed.fit(make(*images), epochs=3, verbose=0)
    b = plain.fit(*images, 8, 3, shuffle=False, verbose=0)
    assert a.history == b.history and same_weights(streamed, plain)


@pytest.mark.parametrize("name", ["keeps-a-generator", "keeps-its-own", "own"])
def test_what_might_not_begin_anew_is_refused_first(name, make_model, images):
    model, source = make_model(), ITERABLES[name](*images)
    kind = type(source).__name__
    refuses(
        model,
        lambda: model.fit(source, epochs=2, verbose=0),
        ValueError,
        f"a {kind} can only be iterated once, but 2 passes are needed: give steps_per",
    )


@pytest.mark.parametrize("name", ["keeps-an-iterator", "own", "makes-a-map"])
def test_with_steps_it_goes_on(name, make_model, images, same_weights):
    streamed, plain = make_model(), make_model()
    streamed.fit(ITERABLES[name](*images), epochs=2, steps_per_epoch=3, verbose=0)
    for part in (slice(24), slice(24, 48)):
        plain.fit(*(a[part] for a in images), 8, shuffle=False, verbose=0)
    assert same_weights(streamed, plain)


def test_what_does_not_begin_anew_after_all(make_model, images):
    class Liar(Own):
        def __len__(self):
            return 7

        def __iter__(self):
            return self

    model = make_model()
    text = "the Liar yielded no batch, although it did before: its __iter__ must return"
    with pytest.raises(ValueError, match=text):
        model.fit(Liar(*images), epochs=2, verbose=0)
    assert model.history.epoch == [0]


def test_batches_may_be_lists(make_model, images, rng):
    """As those of PyTorch's DataLoader are, everywhere that tuples may be."""
    weights = rng.random(50)
    for arrays in (images, (*images, weights)):

        def lists(*, arrays=arrays):
            return [[*batch] for batch in Loader(*arrays)]

        class Lists(Batches):
            def __getitem__(self, number):
                return [*super().__getitem__(number)]

        model, plain = make_model(), make_model()
        options = {"verbose": 0, "shuffle": False}
        a = model.fit(Lists(*arrays), validation_data=iter(lists()), **options)
        b = plain.fit(Batches(*arrays), validation_data=Loader(*arrays), **options)
        assert a.history == b.history
        both = Lists(*arrays), Batches(*arrays)
        assert model.evaluate(both[0], verbose=0) == model.evaluate(both[1], verbose=0)
        expected = model.predict(images[0], 8, verbose=0)
        for source in (Lists(*arrays), iter(lists())):
            assert_array_equal(model.predict(source, verbose=0), expected)
    numbers = (batch[0].tolist() for batch in Loader(*images))
    assert_allclose(model.predict(numbers, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_lists_of_samples_are_predicted(size, make_model, images):
    """As of image after image that was read: [x, y] holds batches, not samples."""
    model, x = make_model(), images[0][:12]
    lists = ([*x[k : k + size]] for k in range(0, 12, size))
    expected = model.predict(x, size, verbose=0)
    assert_allclose(model.predict(lists, verbose=0), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="batch 1 of the generator: this model takes"):
        model.predict(([x[0, 1:]] * size for _ in range(2)), verbose=0)


def test_batches_are_prepared_for_once(make_model, images, monkeypatch):
    """Not anew for each batch of a stream, which took longer than a small step."""
    seen = []
    look = steps_module.as_trained
    counted = lambda *given: seen.append(1) or look(*given)  # noqa: E731
    monkeypatch.setattr(steps_module, "as_trained", counted)
    make_model().fit(Loader(*images), epochs=3, verbose=0)
    assert len(seen) == 1


def test_a_dataset_can_be_listed(images):
    """Python asks an object without __iter__ until it raises IndexError: never here."""
    listed = list(Batches(*images))
    assert len(listed) == 7
    assert_array_equal(np.concatenate([x for x, _ in listed]), images[0])


@pytest.mark.parametrize("name", ["x", "y"])
def test_nan_in_a_later_batch_is_told(name, make_model, images):
    x, y = images[0].copy(), np.eye(3)[images[1]]
    (x if name == "x" else y)[20] = np.nan
    model = make_model(loss="categorical_crossentropy")
    what = {
        "x": "x of this batch holds NaN or infinity$",
        "y": "all layers are finite, look at y and the weights",
    }
    text = f"the loss is nan in epoch 1, batch 3: {what[name]}"
    with pytest.warns(RuntimeWarning, match=text) as seen:
        model.fit(Loader(x, y), verbose=0)
    assert len(seen) == 1


def test_nan_in_y_is_told_first(make_model, images):
    y = np.eye(3)[images[1]]
    y[20, 1] = np.inf
    model = make_model(loss="categorical_crossentropy")
    with pytest.warns() as seen:
        model.fit(images[0], y, verbose=0)
    assert str(seen[0].message) == "1 of 50 samples in y hold NaN or infinity"


def test_validation_from_streams(make_model, images):
    model = make_model(SGD(0))
    expected = model.evaluate(*images, 8, verbose=0)[0]
    for source, options in (
        (Batches(*images), {}),
        (Loader(*images), {"validation_batch_size": 99}),  # of arrays alone
        (endless(*images), {"validation_steps": 7}),
    ):
        options |= {"epochs": 2, "validation_data": source}
        for data in (images, (Batches(*images),)):
            history = model.fit(*data, verbose=0, **options).history
            assert_allclose(history["val_loss"], expected, rtol=1e-12)


def test_batches_are_shuffled_by_the_models_seed(make_model, images):
    orders = []
    for _ in range(2):
        source = Batches(*images)
        make_model().fit(source, epochs=2, verbose=0)
        assert source.asked[0] == 0 and source.ended == 2  # looked at first
        orders.append(source.asked[1:])
    assert orders[0] == orders[1]
    for epoch in (orders[0][:7], orders[0][7:]):
        assert sorted(epoch) == list(range(7)) and epoch != list(range(7))
    assert orders[0][:7] != orders[0][7:]


def test_steps_of_arrays(make_model, images, same_weights):
    """The first batches of every epoch's order."""
    some, less = make_model(), make_model()
    options = {"shuffle": False, "verbose": 0}
    x, y = images
    history = some.fit(x, y, 8, 2, steps_per_epoch=2, **options)
    assert history.params["steps"] == 2
    less.fit(x[:16], y[:16], 8, 2, **options)
    assert same_weights(some, less)
    a = some.evaluate(x, y, 8, steps=3, verbose=0)
    assert a == some.evaluate(x[:24], y[:24], 8, verbose=0)
    assert_array_equal(
        some.predict(x, 8, steps=3, verbose=0), some.predict(x[:24], verbose=0)
    )


def test_class_weights_of_streams(make_model, images, same_weights):
    streamed, plain = make_model(), make_model()
    options = {"class_weight": {0: 3, 2: 0.5}, "shuffle": False, "verbose": 0}
    streamed.fit(Batches(*images), **options)
    plain.fit(*images, 8, **options)
    assert same_weights(streamed, plain)


def test_a_generator_trains_a_model(tmp_path):
    """Endless pictures, none seen twice: of lines across, and lines down."""

    def pictures(seed):
        rng = np.random.default_rng(seed)
        while True:
            x, y = rng.integers(0, 120, (16, 10, 10), np.uint8), np.arange(16) % 2
            for image, down, k in zip(x, y, rng.integers(1, 9, 16), strict=True):
                image[(slice(None), k) if down else k] = 255
            yield x, y

    layers = [Conv2D(4, 3, activation="relu"), MaxPool(8), Flatten()]
    scale = Rescaling(1 / 255, input_shape=(10, 10, 1))
    model = Sequential([scale, *layers, Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.02
    history = model.fit(
        pictures(0),
        steps_per_epoch=30,
        epochs=4,
        validation_data=pictures(1),
        validation_steps=5,
        verbose=0,
    ).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["val_accuracy"][-1] > 0.95
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert again.evaluate(pictures(2), steps=5, verbose=0)[1] > 0.95


# --- data larger than memory ----------------------------------------------------------


@pytest.fixture
def large(tmp_path):
    """64 MB of bytes in a file, and labels: the brighter half of the samples."""
    x = np.memmap(tmp_path / "x.bin", np.uint8, "w+", shape=(2**16, 1024))
    y = np.arange(len(x)) % 2
    x[1::2, :64] = 200
    x.flush()
    return np.memmap(tmp_path / "x.bin", np.uint8, "r", shape=x.shape), y


def test_a_file_trains_in_bounded_memory(large):
    """An 8th of the data at most, for training, validation and prediction."""
    x, y = large
    model = Sequential([Rescaling(1 / 255), Dense(1, "sigmoid")])
    model.compile(SGD(0.5), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x[:64], y[:64], verbose=0)  # compiles
    tracemalloc.start()
    history = model.fit(x, y, 128, validation_split=0.25, verbose=0).history
    assert model.evaluate(x, y, 128, verbose=0)[1] == 1
    assert len(model.predict(x, 128, verbose=0)) == len(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 8, f"{peak / 2**20:.1f} MiB"
    assert history["val_accuracy"] == [1]


def test_a_file_is_an_array(large, same_weights):
    x, y = large[0][:300], large[1][:300]
    models = []
    for data in (x, np.array(x), x.astype(np.float32)):
        model = Sequential([Rescaling(1 / 255), Dense(1, "sigmoid")])
        model.compile("adam", "binary_crossentropy")
        model.fit(data, y, epochs=2, verbose=0)
        models.append(model)
    assert same_weights(models[0], models[1])
    assert same_weights(models[0], models[2])


# --- mistakes: the model is as it was, or trained so far and usable -------------------


def refuses(model, use, error, text):
    before = model.get_weights()
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        use()
    for was, now in zip(before, model.get_weights(), strict=True):
        assert_array_equal(now, was)


WHOLE = "which yields whole batches: (x, y) or (x, y, sample_weight)"
MISTAKES = {
    "y": (
        lambda m, x, y: m.fit(endless(x, y), y),
        TypeError,
        f"y must not be given with a generator, {WHOLE}",
    ),
    "weights": (
        lambda m, x, y: m.evaluate(Loader(x, y), sample_weight=y),
        TypeError,
        f"sample_weight must not be given with a Loader, {WHOLE}",
    ),
    "batch_size": (
        lambda m, x, y: m.predict(Batches(x), batch_size=8),
        TypeError,
        f"batch_size must not be given with a Batches, {WHOLE}",
    ),
    "no-y": (
        lambda m, x, y: m.fit(x),
        TypeError,
        "y is missing: x is an array, so give the targets as well",
    ),
    "split": (
        lambda m, x, y: m.fit(Batches(x, y), validation_split=0.5),
        ValueError,
        "validation_split is only for arrays, got a Batches: give validation_data",
    ),
    "bare-x": (
        lambda m, x, y: m.fit(b for b in x[:, None]),
        ValueError,
        "the generator must yield (x, y) or (x, y, sample_weight), got ndarray as "
        "batch 1",
    ),
    "four": (
        lambda m, x, y: m.fit(Batches(x, y, y, y)),
        ValueError,
        "the Batches must yield (x, y) or (x, y, sample_weight), got tuple of 4 as "
        "batch 1",
    ),
    "shape": (
        lambda m, x, y: m.fit(Batches(x[:, :5], y)),
        ValueError,
        "batch 1 of the Batches: this model takes x of shape (N, 8, 8, 1), got "
        "(8, 5, 8, 1)",
    ),
    "labels": (
        lambda m, x, y: m.evaluate(Loader(x, y + 1)),
        ValueError,
        "batch 1 of the Loader: sparse_categorical_crossentropy takes labels from 0",
    ),
    "empty": (
        lambda m, x, y: m.fit(b for b in ()),
        ValueError,
        "the generator yielded no batch",
    ),
    "empty-sequence": (
        lambda m, x, y: m.fit(Batches(x[:0], y)),
        ValueError,
        "the Batches has no batches: its length is 0",
    ),
    "epochs": (
        lambda m, x, y: m.fit(endless(x, y), epochs=3),
        ValueError,
        "a generator can only be iterated once, but 3 passes are needed: give "
        "steps_per_epoch, or an object with __len__ and __getitem__",
    ),
    "validation-epochs": (
        lambda m, x, y: m.fit(x, y, epochs=3, validation_data=iter(Loader(x, y))),
        ValueError,
        "a generator can only be iterated once, but 3 passes are needed: give "
        "validation_steps",
    ),
    "validation-tuple": (
        lambda m, x, y: m.fit(x, y, validation_data=Batches(x)),
        ValueError,
        "validation_data: the Batches must yield (x, y) or (x, y, sample_weight), got "
        "tuple of 1",
    ),
    "steps-0": (
        lambda m, x, y: m.fit(endless(x, y), steps_per_epoch=0),
        ValueError,
        "steps_per_epoch must be a positive whole number, got 0",
    ),
    "steps-of-arrays": (
        lambda m, x, y: m.fit(x, y, 8, steps_per_epoch=8),
        ValueError,
        "steps_per_epoch must be at most 7, the number of batches of 8 in 50 samples; "
        "got 8",
    ),
    "steps-of-sequence": (
        lambda m, x, y: m.evaluate(Batches(x, y), steps=8),
        ValueError,
        "steps must be at most 7, the number of batches of the Batches; got 8",
    ),
    "sparse": (
        lambda m, x, y: m.predict(csr_matrix(x.reshape(len(x), -1))),
        TypeError,
        "x must be an array, got the sparse csr_matrix: use x.toarray()",
    ),
    "class": (
        lambda m, x, y: m.fit(Batches),
        TypeError,
        "x must be an array, got the class Batches",
    ),
    "no-length": (
        lambda m, x, y: m.fit(PyDataset()),
        NotImplementedError,
        "PyDataset must define __len__",
    ),
    "no-end": (
        lambda m, x, y: m.fit(NoEnd()),
        ValueError,
        "the NoEnd has __getitem__, but neither __len__ nor __iter__: where does an "
        "epoch end?",
    ),
    "too-large": (
        lambda m, x, y: m.evaluate(Loader(x * np.float64(1e39) + 1e39, y)),
        ValueError,
        "batch 1 of the Loader: x holds 1.",
    ),
    "dict": (
        lambda m, x, y: m.fit({"x": x}, y),
        TypeError,
        "x must be an array, got dict",
    ),
}


@pytest.mark.parametrize("use, error, text", MISTAKES.values(), ids=MISTAKES)
def test_nothing_was_trained(use, error, text, make_model, images):
    model = make_model()
    refuses(model, lambda: use(model, *images), error, text)
    model.fit(*images, verbose=0)


def test_a_generator_that_ends_early(make_model, images):
    model = make_model()
    source = itertools.islice(endless(*images), 10)
    text = (
        "the islice ended after 3 of the 7 batches of steps_per_epoch: let it yield "
        "more (while True: ...), or give a smaller steps_per_epoch"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        model.fit(source, epochs=2, steps_per_epoch=7, verbose=0)
    assert model.history.epoch == [0]
    model.fit(*images, verbose=0)


def test_a_later_batch_of_another_form(make_model, images):
    x, y = images
    for odd, text in (
        ((x[:8],), "must yield (x, y) or (x, y, sample_weight), got tuple of 1 as "),
        ((x[:8], y[:7]), "batch 3 of the generator: x and y must hold equally many"),
        (None, "must yield (x, y) or (x, y, sample_weight), got NoneType as batch 3"),
    ):
        model = make_model()
        source = (batch for batch in [(x[:8], y[:8]), (x[:9], y[:9]), odd])
        with pytest.raises(ValueError, match=re.escape(text)):
            model.fit(source, verbose=0)
        model.fit(*images, verbose=0)


def test_what_a_source_raises_comes_through(make_model, images):
    def source():
        yield images
        raise OSError("the disk is gone")

    model = make_model()
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(source(), verbose=0)
    model.fit(*images, verbose=0)
