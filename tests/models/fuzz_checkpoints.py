"""Change whole checkpoints in one place, and resume: python fuzz_checkpoints.py 2000.

Digests are right, the structure is not.  Each must be passed over with a warning, be
refused as a checkpoint of another run, or be gone on from; in the first case training
begins anew and ends with the same bits as it does without a checkpoint.  Prints a JSON
of the outcomes.
"""

import copy
import json
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from sora_np.callbacks import BackupAndRestore, EarlyStopping, ReduceLROnPlateau
from sora_np.layers import BatchNormalization, Dense, Dropout
from sora_np.models import Sequential
from sora_np.saving import archive

X = np.random.default_rng(0).random((12, 3), np.float32)
Y = np.arange(12) % 2
HOSTILE = [
    *(10**9, -1, -3, 10**30, 0, 1e308, float("nan"), None, True, "", "x" * 60_000),
    *([], {}, [1, 2], [[]], {"a": 1}, {"$array": "missing"}, {"$tuple": [1]}),
    *({"$float32": "x"}, {"$os.system": "true"}, [None] * 3, {"$tuple": 3}),
    json.loads("[" * 400 + "]" * 400),
    json.loads('{"a":' * 400 + "1" + "}" * 400),
]


def fit(folder, epochs, save_freq="epoch"):
    """Train the model that resumes from ``folder``; return its weights."""
    layers = [Dense(4, "relu", input_shape=(3,)), BatchNormalization(), Dropout(0.3)]
    model = Sequential([*layers, Dense(2, "softmax")], seed=1)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    callbacks = [
        EarlyStopping("loss", patience=50, restore_best_weights=True),
        ReduceLROnPlateau("loss", patience=50),
        BackupAndRestore(folder, save_freq, delete_checkpoint=False, keep=1),
    ]
    options = {"batch_size": 4, "epochs": epochs, "verbose": 0, "callbacks": callbacks}
    model.fit(X, Y, **options)
    return model.get_weights()


def whole(save_freq):
    """Return what a checkpoint holds."""
    with tempfile.TemporaryDirectory() as folder:
        fit(folder, 1, save_freq)
        (path,) = Path(folder).glob("*.npz")
        return path.name, *archive.read(path)


def changed(config, arrays, rng):
    """Return a copy that differs in one place, which it names, too."""
    config, arrays = copy.deepcopy(config), dict(arrays)
    if rng.random() < 0.2:
        name = str(rng.choice(list(arrays)))
        other = [np.zeros(3), np.zeros((), "i8"), np.full_like(arrays[name], 1)]
        arrays[name] = other[rng.integers(3)]
        return config, arrays, name
    places = [(config["state"], "state")]
    for place, where in places:
        inner = place.items() if isinstance(place, dict) else enumerate(place)
        places.extend((v, f"{where}/{k}") for k, v in inner if type(v) in (dict, list))
    place, where = places[rng.integers(len(places))]
    keys = list(place if isinstance(place, dict) else range(len(place)))
    if not keys:
        place, where = config["state"], "state"
        keys = list(place)
    key = keys[rng.integers(len(keys))]
    if rng.random() < 0.25:
        del place[key]
        return config, arrays, f"{where}/{key} deleted"
    value = HOSTILE[rng.integers(len(HOSTILE))]
    place[key] = copy.deepcopy(value)
    return config, arrays, f"{where}/{key} = {str(value)[:40]}"


def outcome(name, config, arrays, straight):
    """Resume from a checkpoint; return what came of it, and what is wrong with that."""
    with tempfile.TemporaryDirectory() as folder:
        archive.write(Path(folder, name), config, arrays)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                weights = fit(folder, 2)
        except ValueError as error:
            if (
                "is a checkpoint of another run" in str(error)
                and len(str(error)) < 3000
            ):
                return "refused", ""
            return "raised", traceback.format_exc()
        except BaseException:
            return "raised", traceback.format_exc()
    texts = [str(warning.message) for warning in caught]
    if any(text.endswith("This checkpoint is skipped") for text in texts):
        same = all(map(np.array_equal, weights, straight))
        return "passed over", "" if same else f"begun anew, but otherwise: {texts}"
    return "gone on from", ""


def run(count, seed=0):
    """Resume so many times; return what came of it."""
    rng, outcomes, wrong = np.random.default_rng(seed), Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        straight = fit(folder, 2)
    kinds = [whole("epoch"), whole(2)]
    for number in range(count):
        name, config, arrays = kinds[number % 2]
        config, arrays, where = changed(config, arrays, rng)
        result, fault = outcome(name, config, arrays, straight)
        outcomes[result] += 1
        if fault:
            wrong.append(f"{where}: {fault}")
    return {"outcomes": dict(outcomes), "wrong": wrong[:15]}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int((*sys.argv, 0)[2])), indent=1))
