"""Whole processes: how long until the first training step, and how much memory.

    python -m benchmarks.processes PEER VARIANT STEPS

is the measured process: it imports the framework, builds the reference network and
trains STEPS steps of 32 images, with the default malloc.
"""

import importlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import OURS
from benchmarks.networks import REFERENCE, network_task
from benchmarks.peers import missing
from benchmarks.timing import summarise
from benchmarks.workers import PAUSE, environment, module_of

PROGRAMS = {  # peer -> the variants that a user would run
    OURS: [""],
    "PyTorch": ["eager NCHW", "eager NHWC"],
    "TensorFlow": ["train_on_batch"],
    "JAX": ["jit"],
}


COLD = "start with empty caches, to the first training step"
FROM_WHEEL = "start from the wheel with empty caches, to the first training step"
WARM = "start with warm caches, to the first training step"
MEMORY = "peak memory of a process that trains, batch 32"
ROOT = Path(__file__).parents[1]


class ProcessError(Exception):
    """A process that failed."""


def measure_processes(peers, threads, quick, say):
    """Return the lines of cold starts, warm start and peak memory."""
    variants = [
        (peer, variant)
        for peer, names in PROGRAMS.items()
        if peer in peers and not missing(peer)
        for variant in (names[:1] if quick else names)
    ]
    cold, warm, memory, failed = {}, {}, {}, []
    steps = 5 if quick else 200
    with tempfile.TemporaryDirectory() as folder:
        for key in list(variants):
            say(f"processes: {key[0]}, empty caches")
            try:
                cold[key] = [run(*key, 1, threads, folder)[0]]
            except ProcessError as error:
                if key[0] == OURS:
                    raise
                variants.remove(key)
                failed.append(_line(COLD, *key) | {"failed": str(error)})
        from_wheel = {}
        if not quick:  # a minute to build it
            say("processes: sora_np, from the wheel")
            try:
                ours = {(OURS, ""): starts_from_wheel(folder, threads)}
                from_wheel = cold | ours
            except ProcessError as error:
                failed.append(_line(FROM_WHEEL, OURS, "") | {"failed": str(error)})
        for _ in range(1 if quick else 5):
            for key in variants:
                say(f"processes: {key[0]}, warm caches")
                warm.setdefault(key, []).append(run(*key, 1, threads, folder)[0])
        for _ in range(1 if quick else 2):
            for key in variants:
                say(f"processes: {key[0]}, memory")
                memory.setdefault(key, []).append(run(*key, steps, threads, folder)[1])
    lines = _lines(COLD, cold, threads) + _lines(FROM_WHEEL, from_wheel, threads)
    lines += _lines(WARM, warm, threads) + _lines(MEMORY, memory, threads, "B")
    return lines + failed


def starts_from_wheel(folder, threads):
    """Return the seconds of five starts, each with its own cache.

    They use a wheel with machine code, see sora_np/ready/, without the checkout.
    """
    pip = [sys.executable, "-m", "pip", "-q"]
    site, wheels = Path(folder, "site"), Path(folder, "wheels")
    _done([*pip, "wheel", "--no-deps", "-w", wheels, ROOT])
    _done([*pip, "install", "--no-deps", "-t", site, *wheels.glob("*.whl")])
    caches = [tempfile.mkdtemp(dir=folder) for _ in range(6)]
    times = [run(OURS, "", 1, threads, cache, site)[0] for cache in caches]
    return times[1:]  # the first one wrote bytecode


def run(peer, variant, steps, threads, cache, site=None):
    """Return the seconds that a process took, and its peak memory in bytes.

    ``site`` is the folder of an installed sora_np, used instead of this checkout.
    """
    env = environment(threads, tuned_malloc=False) | {"NUMBA_CACHE_DIR": cache}
    if site:
        env["PYTHONPATH"] = str(ROOT)  # benchmarks; the folder of the process is first
    # bytecode is kept, as pip keeps that of the peers: else 0.12 s to compile it anew
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", __name__, peer, variant, str(steps)]
    time.sleep(PAUSE)  # the one before gave its memory and its cores back
    start = time.perf_counter()
    said = _done(command, env=env, cwd=site)
    return time.perf_counter() - start, int(said.split()[-1])


def _done(command, **options):
    """Return what a process prints, or raise ProcessError with its last words."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise ProcessError(f"status {done.returncode}: {' '.join(last)[:200]}")
    return done.stdout


def peak_memory():
    """Return the most bytes that this process had in memory so far."""
    try:
        # not ru_maxrss, which starts with what the parent had when it forked
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    except OSError:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _line(row, peer, variant):
    name = f"{peer} {variant}".strip()
    return {"group": "start", "row": row, "peer": peer, "variant": name, "unit": "s"}


def _lines(row, values, threads, unit="s"):
    times = {key: summarise(v) for key, v in values.items()}
    others = [t.median for (peer, _), t in times.items() if peer != OURS]
    return [
        _line(row, *key)
        | {
            "unit": unit,
            "value": t.median,
            "low": t.low,
            "high": t.high,
            "rounds": t.rounds,
            "threads": threads,
        }
        | ({"ratio": t.median / min(others)} if others else {})
        for key, t in times.items()
    ]


def main(peer, variant, steps):
    task = network_task("start", "train", REFERENCE, 32)
    made = importlib.import_module(module_of(peer)).variants(task)[variant]()
    for _ in range(int(steps)):
        float(made.run())
    print(f"\n{peak_memory()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
