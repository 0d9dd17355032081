"""A tree of numbers and arrays as one file, and what differs between two trees."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.callbacks import BackupAndRestore, Callback
from sora_np.layers import Dense
from sora_np.models import Sequential
from sora_np.saving import archive, checkpoint
from sora_np.saving.archive import ModelFileError

TREES = {
    "numbers": {"a": 1, "b": -0.5, "c": True, "d": None, "e": "text", "big": 2**127},
    "odd": {"a": float("nan"), "b": float("inf"), "c": -0.0},
    "lists": {"a": [1, [2, ()], (3, {"b": (4,)})], "empty": {}, "none": []},
    "scalars": {"a": np.float32(0.1), "b": np.int64(3), "c": np.bool_(True)},
    "arrays": {"a/b": np.arange(3), "a": {"b": np.zeros((2, 0)), "": np.float64(1)}},
    "places": {"..": np.ones(1), "a\\b": np.ones(2), "": np.ones(3, bool)},
}


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert [*a] == [*b]
        return all(same(a[name], b[name]) for name in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        assert_array_equal(a, b)
        return a.dtype == b.dtype
    return a == b or a != a


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_there_and_back(tree, tmp_path):
    checkpoint.write(tmp_path / "c.npz", {"about": [1, 2]}, tree)
    about, again = checkpoint.read(tmp_path / "c.npz")
    assert about == {"about": [1, 2]}
    assert same(again, tree)


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.SFC64])
def test_random_generators(kind, tmp_path):
    rng = np.random.Generator(kind(1))
    rng.integers(9, size=3)
    checkpoint.write(tmp_path / "c.npz", None, {"rng": rng.bit_generator.state})
    other = np.random.Generator(kind(2))
    _, state = checkpoint.read(tmp_path / "c.npz")
    other.bit_generator.state = state["rng"]
    assert_array_equal(rng.random(9), other.random(9))


@pytest.mark.parametrize(
    "value, place",
    [
        ({"a": [1, {2}]}, "set, found at a/1"),
        ({"a": {"b": object()}}, "object, found at a/b"),
        ({"a": {1: 2}}, "dict, found at a"),
        ({"a": {"$array": "b"}}, "dict, found at a"),
        ({"a": np.array([object()])}, "array of numbers, got object"),
    ],
)
def test_what_cannot_be_held(value, place, tmp_path):
    with pytest.raises(TypeError, match=place):
        checkpoint.write(tmp_path / "c.npz", None, value)
    assert not list(tmp_path.iterdir())


DEEP = json.loads('{"a":' * 480 + "1" + "}" * 480)
FORGED = {
    "deep": {"kind": checkpoint.KIND, "about": 0, "state": DEEP},
    "tuple": {"kind": checkpoint.KIND, "about": 0, "state": {"$tuple": 3}},
    "overflow": {"kind": checkpoint.KIND, "about": 0, "state": {"$int8": 10**30}},
    "model": {"model": None},
    "array": {"kind": checkpoint.KIND, "about": 0, "state": {"$array": "missing"}},
    "dtype": {"kind": checkpoint.KIND, "about": 0, "state": {"$os.system": "ls"}},
    "type": {"kind": checkpoint.KIND, "about": 0, "state": {"$float32": [{}]}},
}


@pytest.mark.parametrize("config", FORGED.values(), ids=FORGED)
def test_other_files(config, tmp_path):
    archive.write(tmp_path / "c.npz", config, {})
    with pytest.raises(ModelFileError, match="not a checkpoint|its state is damaged"):
        checkpoint.read(tmp_path / "c.npz")


def test_differences_are_all_told():
    there = {"a": 1, "b": [1, 2, 3], "c": np.zeros(2), "d": {"e": "x"}, "f": (1, 2)}
    here = json.loads(json.dumps({"a": 1.5, "b": [1, 2], "f": [1, 2]}))
    here |= {"c": np.ones(3, np.float32), "g": 0}
    assert checkpoint.differences(there, here) == [
        "a: 1 in the checkpoint, 1.5 here",
        "b: [1, 2, 3] in the checkpoint, [1, 2] here",
        "c: float64 (2,) in the checkpoint, float32 (3,) here",
        "d: {'e': 'x'} in the checkpoint, absent here",
        "g: absent in the checkpoint, 0 here",
    ]
    assert checkpoint.differences(there, there) == []


def test_what_a_callback_of_the_users_raises_is_not_taken_for_damage(tmp_path):
    """Its checkpoint would be passed over, and then removed."""

    class Counts(Callback):
        def get_state(self):
            return {"count": 1}

        def set_state(self, state):
            self.count = state["counts"]

    def run(epochs):
        model = Sequential([Dense(1, input_shape=(2,))])
        model.compile("sgd", "mse")
        backup = BackupAndRestore(tmp_path, delete_checkpoint=False)
        callbacks = [Counts(), backup]
        model.fit([[1, 2]], [3], epochs=epochs, callbacks=callbacks, verbose=0)

    run(1)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(KeyError, match="counts"):
        run(2)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
