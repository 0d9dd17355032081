"""Threads, forked children and two processes at a time: same numbers, no abort.

Each in a process of its own, which may be ended by what goes wrong.
"""

import os
import subprocess
import sys

import numba
import pytest

needs_jit = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 starts no threads"
)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is of POSIX")
THREADING = pytest.mark.parametrize("layer", ["default", "workqueue"])

PRELUDE = """
import hashlib, os, threading, time, numpy as np
from sora_np import *
from sora_np.sora_model import create_sora_model

def small(seed=0, **options):
    model = Sequential([
        Conv2D(5, 3, activation="relu"), MaxPool(2), BatchNormalization(),
        Conv2D(33, 3, padding="same"), Conv2D(33, 3, 2, groups=33), Dropout(0.3),
        Flatten(), Dense(19, "relu"), Dense(10, "softmax"),
    ], seed=seed)
    model.compile("adam", "sparse_categorical_crossentropy", **options)
    return model

def train(model, epochs=1):
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 12, 12, 1), np.float32), rng.integers(0, 10, 40)
    y = np.eye(10)[y] if model.name == "sora_model" else y
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=0)
    weights = [*model.get_weights(), model.predict(x, batch_size=7, verbose=0)]
    return hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest()
"""


def start(program, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + program],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process, timeout=120):
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, f"{process.returncode}: {err}"
    return out


# --- two Python threads ---------------------------------------------------------------

TWO_THREADS = """
def work(name, seed, fuse):
    found[name] = train(small(seed, fuse=fuse), epochs=3)

jobs = [("a", 1, True), ("b", 2, True), ("c", 3, False)]
for together in (True, False):
    found = {}
    workers = [threading.Thread(target=work, args=job) for job in jobs]
    for worker in workers:
        worker.start()
        if not together:
            worker.join()
    for worker in workers:
        worker.join()
    print(*(found[name] for name, _, _ in jobs))
"""


@needs_jit
@THREADING
def test_python_threads_train_models_side_by_side(layer):
    """numba's workqueue ends a process that launches two loops at a time."""
    out = output(start(TWO_THREADS, NUMBA_THREADING_LAYER=layer))
    together, alone = out.splitlines()
    assert together == alone
    assert len(set(together.split())) == 3


# --- forked children ------------------------------------------------------------------

IN_CHILD = """
import signal, warnings
warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)

def in_child(work):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends it where it hangs
        os.write(writer, work().encode())
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 10_000).decode()
    os.close(reader)
    assert os.waitpid(child, 0)[1] == 0, "the child was ended"
    return said
"""

FORKED = """
for make in (
    small, lambda: small(fuse=False), lambda: create_sora_model((12, 12, 1)),
):
    train(make())  # threads are there
    half_trained = make()
    train(half_trained)
    forked = in_child(lambda: train(half_trained))
    print(forked == train(half_trained))
    print(in_child(lambda: train(make())) == train(make()))
"""


@needs_fork
@needs_jit
@THREADING
def test_a_forked_child_trains_to_the_same_bits(layer):
    """Without threads, item after item; the parent is not disturbed."""
    out = output(start(IN_CHILD + FORKED, NUMBA_THREADING_LAYER=layer))
    assert out.split() == ["True"] * 6


HELD = """
from sora_np.engine import runner
from sora_np.kernels.machine import tasks

def hold(lock):
    with lock:
        held.set()
        time.sleep(0.3)

def step():
    model.train_on_batch(x, y)
    return str(model.predict(x, verbose=0))

x, y = np.ones((4, 12, 12, 1), np.float32), np.arange(4)
model = small()
step()  # makes its plans
locks = [tasks.global_compiler_lock, runner._PLANNING]
locks += [plan.lock for plan in model.runner.plans.values()]
locks += [model._shuffle_rng.bit_generator.lock]
locks += [model.layers[5].rng.bit_generator.lock]  # Dropout's
for lock in locks:
    held = threading.Event()
    threading.Thread(target=hold, args=[lock], daemon=True).start()
    held.wait()
    forked = in_child(step)
    print(forked == step())
"""


@needs_fork
@needs_jit
def test_a_child_is_forked_while_another_thread_holds_a_lock():
    """That thread does not come along, so nobody would release the lock there."""
    answers = output(start(IN_CHILD + HELD)).split()
    assert len(answers) == 6 and set(answers) == {"True"}


MIDWAY = """
def keep_training(name):
    while True:
        train(shared if name == "shared" else small(1))

shared = small()
train(shared)
for name in ("shared", "new"):
    threading.Thread(target=keep_training, args=[name], daemon=True).start()
for trial in range(12):
    time.sleep(0.02 + 0.005 * trial)
    print(in_child(lambda: train(shared)) != "", flush=True)
os._exit(0)
"""


@needs_fork
@needs_jit
def test_children_are_forked_while_other_threads_train():
    """Of 12, about 3 hung for ever when their locks were left as they were."""
    assert output(start(IN_CHILD + MIDWAY)).split() == ["True"] * 12


POOL = """
import multiprocessing, warnings
warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)

def predict(seed):
    return train(small(seed))

if __name__ == "__main__":
    expected = [predict(seed) for seed in range(4)]
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        print(pool.map(predict, range(4)) == expected)
"""


@needs_jit
@pytest.mark.parametrize(
    "method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)]
)
def test_a_pool_of_processes(method, tmp_path):
    if method == "fork" and not hasattr(os, "fork"):
        pytest.skip("fork is of POSIX")
    file = tmp_path / "pool.py"
    file.write_text(PRELUDE + POOL.format(method=method))
    done = subprocess.run([sys.executable, file], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


# --- two processes that compile into one folder ---------------------------------------


@needs_jit
def test_two_processes_may_fill_one_cache(tmp_path):
    program = "from sora_np.kernels.activations.relu import relu; "
    program += "print(relu(np.array([-1.0, 2])))"
    two = [start(program, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert [output(process) for process in two] == ["[0. 2.]\n"] * 2
    assert output(start(program, NUMBA_CACHE_DIR=str(tmp_path))) == "[0. 2.]\n"


COUNT = """
import gc
from numba.core.dispatcher import Dispatcher
train(small())
x, y = np.zeros((40, 16, 16, 1), np.float32), np.eye(10)[np.zeros(40, int)]
model = create_sora_model((16, 16, 1))
model.fit(x, y, verbose=0)
found = [thing for thing in gc.get_objects() if isinstance(thing, Dispatcher)]
of = [thing.stats.cache_misses for thing in found]
print(len(of), sum(sum(misses.values()) for misses in of))
"""


@needs_jit
def test_a_second_process_compiles_nothing_anew():
    output(start(COUNT))
    functions, misses = map(int, output(start(COUNT)).split())
    assert functions > 50
    assert misses == 0
