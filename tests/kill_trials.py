"""Training that is killed at random moments and resumed, against the straight run.

    python tests/kill_trials.py --trials 200 --seed 0

A trial draws a run (data from arrays, a Sequence-style object or an iterable; moving
average and accumulated gradients or not; a checkpoint every so many batches or epochs)
and kills it with SIGKILL some times: at random moments, and at the n-th call of what a
save is made of.  In between the newest checkpoint is damaged now and then.  What comes
out in the end must be the straight run's, bit for bit: weights, slots, history, the
table of CSVLogger and what callbacks remember; and at no time is there no checkpoint
that is whole once there was one.

Children are forked, which spares the second that a process needs to start; every 20th
trial runs in fresh interpreters instead.  POSIX only.
"""

import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from sora_np.callbacks import (
    BackupAndRestore,
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    RandomFlip,
    RandomRotation,
)
from sora_np.models import Sequential
from sora_np.optimizers import Adam
from sora_np.saving import archive, checkpoint

EPOCHS, BATCH = 7, 8


class Source:
    """Batches by number; the order within each changes after every epoch."""

    def __init__(self, x, y):
        self.x, self.y, self.rng = x, y, np.random.default_rng(5)
        self.order = np.arange(len(x))

    def __len__(self):
        return -(-len(self.x) // BATCH)

    def __getitem__(self, number):
        part = self.order[number * BATCH : (number + 1) * BATCH]
        return self.x[part], self.y[part]

    def on_epoch_end(self):
        self.order = self.rng.permutation(self.order)

    def get_state(self):
        return {"order": self.order, "stream": self.rng.bit_generator.state}

    def set_state(self, state):
        self.order, self.rng.bit_generator.state = state["order"], state["stream"]


class Loader:
    """The same batches, every epoch anew."""

    def __init__(self, *arrays):
        self.source = Source(*arrays)

    def __iter__(self):
        return (self.source[k] for k in range(len(self.source)))


def largest_error(y_true, y_pred):
    """A metric that keeps all samples of an epoch."""
    return np.abs(y_pred.max(axis=1) - y_true).max()


def drawn(seed, number):
    """Return the run of a trial, and a generator for what befalls it."""
    rng = np.random.default_rng([seed, number])
    run = {
        "data": str(rng.choice(["arrays", "source", "loader"])),
        "gather": [None, 3][rng.integers(2)],
        "average": bool(rng.integers(2)),
        "patience": int(rng.integers(1, 4)),
        "save_freq": ["epoch", 1, 2, 5][rng.integers(4)],
        "keep": int(rng.integers(1, 4)),
    }
    return run, rng


def train(folder, run, backup=True):
    """Train to the end; return all that came of it."""
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 6, 6, 1), np.float32), rng.integers(0, 3, 50)
    layers = [
        *(RandomRotation(0.1), RandomFlip(), GaussianNoise(0.05)),
        *(Conv2D(2, 3, activation="relu", input_shape=(6, 6, 1)), BatchNormalization()),
        *(Dropout(0.3), Flatten(), Dense(3, "softmax")),
    ]
    model = Sequential(layers, seed=3)
    optimizer = Adam(
        0.02, use_ema=run["average"], gradient_accumulation_steps=run["gather"]
    )
    metrics = ["accuracy", largest_error]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=metrics)
    stop = EarlyStopping("loss", 0.01, run["patience"], restore_best_weights=True)
    plateau = ReduceLROnPlateau("val_loss", 0.5, patience=1, cooldown=1)
    table = CSVLogger(folder / "log.csv")
    best = ModelCheckpoint(folder / "best.npz", save_best_only=True)
    callbacks = [stop, plateau, table, best]
    if backup:
        options = {"save_freq": run["save_freq"], "keep": run["keep"]}
        callbacks.insert(0, BackupAndRestore(folder / "backup", **options))
    data = (x[:40], y[:40], BATCH)
    if run["data"] != "arrays":
        data = ({"source": Source, "loader": Loader}[run["data"]](x[:40], y[:40]),)
    options = {"epochs": EPOCHS, "verbose": 0, "validation_data": (x[40:], y[40:])}
    history = model.fit(*data, callbacks=callbacks, **options)
    return {
        "weights": model.get_weights(),
        "optimizer": optimizer.get_state(model.flat.values),
        "history": history.get_state(),
        "callbacks": [one.get_state() for one in (stop, plateau, table, best)],
        "table": (folder / "log.csv").read_text(),
    }


def child(folder, run, moment=None):
    """Train and write what came of it; kill oneself at a moment of saving, if any."""
    warnings.simplefilter("ignore")  # of checkpoints that were damaged on purpose
    if moment is not None:
        die_at(*moment)
    outcome = train(folder, run)
    checkpoint.write(folder / "outcome.npz", None, outcome)


CALLS = [
    *((os, "fsync"), (os, "replace"), (archive, "_write_array")),
    *((pathlib.Path, "unlink"), (checkpoint, "read")),
]


def die_at(which, count, after):
    """Let the ``count``-th call of a function be the last, before or after it."""
    place, name = CALLS[which]
    function, left = getattr(place, name), [count]

    def counted(*args, **options):
        left[0] -= 1
        if left[0] == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **options)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(place, name, counted)


def start(folder, run, moment, fresh):
    """Start a child; return its process id."""
    if fresh:
        told = repr((str(folder), run, moment))
        code = f"import kill_trials as k, pathlib; f, r, m = {told}; "
        code += "k.child(pathlib.Path(f), r, m)"
        here = str(Path(__file__).parent)
        return subprocess.Popen([sys.executable, "-c", code], cwd=here).pid
    pid = os.fork()
    if pid:
        return pid
    try:
        child(folder, run, moment)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def whole(folder):
    """Return the checkpoints that can be read, the last first."""
    found = []
    for path in BackupAndRestore(folder / "backup").checkpoints():
        with contextlib.suppress(archive.ModelFileError):
            checkpoint.read(path)
            found.append(path)
    return found


def trial(folder, number, seed, straight, seconds, counts):
    """Run one trial; raise AssertionError where anything is not as it must be."""
    run, rng = drawn(seed, number)
    folder.mkdir()
    fresh, before = number % 20 == 19, []
    for left in reversed(range(1 + int(rng.integers(1, 8)))):
        moment, pause = None, None
        if left and rng.random() < 0.5:
            which = int(rng.integers(len(CALLS)))
            moment = which, int(rng.integers(1, 30)), bool(rng.integers(2))
        elif left:
            pause = rng.random() * seconds * (5 if fresh else 1)
        pid = start(folder, run, moment, fresh)
        if pause is not None:
            time.sleep(pause)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0, f"a child failed: {status}"
            break
        counts["kills"] += 1
        counts["in a save"] += any(folder.rglob("*.part"))
        now = whole(folder)
        over = (folder / "outcome.npz").exists()
        ending = not any((folder / "backup").glob("*.npz"))  # or not yet begun
        begun = (folder / "log.csv").exists() and "\n" in (
            folder / "log.csv"
        ).read_text()
        assert now or not before or over or (ending and begun), "no checkpoint is left"
        before = now
        if len(now) > 1 and rng.random() < 0.3:  # damage the last
            data = bytearray(now[0].read_bytes())
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
            now[0].write_bytes(data[: len(data) - int(rng.integers(2)) * 100])
            counts["damaged"] += 1
    _, outcome = checkpoint.read(folder / "outcome.npz")
    wrong = differing(straight(run), outcome)
    assert not wrong, f"not as the straight run: {wrong}"
    left = {path.name for path in folder.iterdir()}
    assert left == {"best.npz", "log.csv", "outcome.npz"}, f"files: {left}"


def differing(a, b, at=""):
    """Return the places where two outcomes differ in a bit."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), at
        return [w for k in a for w in differing(a[k], b[k], f"{at}/{k}")]
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b), at
        pairs = enumerate(zip(a, b, strict=True))
        return [w for k, (x, y) in pairs for w in differing(x, y, f"{at}/{k}")]
    if isinstance(a, np.ndarray):
        same = a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        return [] if same else [at]
    return [] if a == b else [at]


def main():
    """Run the trials; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts = {"kills": 0, "in a save": 0, "damaged": 0}
    known, failed, began = {}, 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)

        def straight(run):
            """Return the outcome of a run that was never killed, nor kept."""
            names = "data", "gather", "average", "patience"
            key = tuple(run[name] for name in names)
            if key not in known:
                place = home / f"straight{len(known)}"
                place.mkdir()
                known[key] = train(place, run, backup=False)
            return known[key]

        (home / "first").mkdir()
        run, _ = drawn(0, 0)
        train(home / "first", run)  # compiles
        start_ = time.perf_counter()
        (home / "second").mkdir()
        train(home / "second", run | {"save_freq": 1})
        seconds = time.perf_counter() - start_
        for number in range(options.trials):
            folder = home / f"trial{number}"
            try:
                trial(folder, number, options.seed, straight, seconds, counts)
            except Exception as error:
                failed += 1
                print(f"trial {number}: {error!r}; {drawn(options.seed, number)[0]}")
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    passed = options.trials - failed
    print(f"{passed} of {options.trials} trials are bit-identical; {told}", end="; ")
    print(f"{time.perf_counter() - began:.0f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
