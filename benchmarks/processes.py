"""Whole processes: how long until the first training step, and how much memory.

    python -m benchmarks.processes PEER VARIANT STEPS

is the process that is measured: it imports the framework, builds the reference network
and trains STEPS steps of 32 images.  Only the default malloc, no cache but the named.
"""

import os
import subprocess
import sys
import tempfile
import time

from benchmarks.measure import OURS
from benchmarks.peers import missing
from benchmarks.problems import REFERENCE, network_task
from benchmarks.timing import summarise
from benchmarks.workers import environment, module_of

PROGRAMS = {  # peer -> the variants that a user would run
    OURS: [""],
    "PyTorch": ["eager NCHW", "eager NHWC"],
    "TensorFlow": ["train_on_batch"],
    "JAX": ["jit"],
}


def measure_processes(peers, threads, quick, say):
    """Return the lines of cold start, warm start and peak memory."""
    cold, warm, memory = {}, {}, {}
    variants = [
        (peer, variant)
        for peer, names in PROGRAMS.items()
        if peer in peers and not missing(peer)
        for variant in (names[:1] if quick else names)
    ]
    with tempfile.TemporaryDirectory() as folder:
        for peer, variant in variants:
            say(f"processes: {peer}, cold")
            cold[peer, variant] = [run(peer, variant, 1, threads, folder)[0]]
        for _ in range(1 if quick else 5):
            for key in variants:
                say(f"processes: {key[0]}, warm")
                seconds, _ = run(*key, 1, threads, folder)
                warm.setdefault(key, []).append(seconds)
        for _ in range(1 if quick else 2):
            for key in variants:
                say(f"processes: {key[0]}, memory")
                _, size = run(*key, 5 if quick else 200, threads, folder)
                memory.setdefault(key, []).append(size)
    steps = "training process of batch 32"
    return [
        *_lines(
            "start with empty caches, to the first training step", cold, "s", threads
        ),
        *_lines(
            "start with warm caches, to the first training step", warm, "s", threads
        ),
        *_lines(f"peak memory, {steps}", memory, "B", threads),
    ]


def run(peer, variant, steps, threads, cache):
    """Return the seconds that a process took, and its peak memory in bytes."""
    env = environment(threads, tuned_malloc=False) | {"NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-m", __name__, peer, variant, str(steps)]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit


def _lines(row, values, unit, threads):
    times = {key: summarise(v) for key, v in values.items()}
    others = [t.median for (peer, _), t in times.items() if peer != OURS]
    return [
        {
            "group": "start",
            "row": row,
            "peer": peer,
            "variant": f"{peer} {variant}".strip(),
            "unit": unit,
            "value": t.median,
            "low": t.low,
            "high": t.high,
            "rounds": t.rounds,
            "threads": threads,
            **({"ratio": t.median / min(others)} if others else {}),
        }
        for (peer, variant), t in times.items()
    ]


def main(peer, variant, steps):
    import importlib

    task = network_task("start", "train", REFERENCE, 32)
    made = importlib.import_module(module_of(peer)).variants(task)[variant]()
    for _ in range(int(steps)):
        float(made.run())


if __name__ == "__main__":
    main(*sys.argv[1:])
