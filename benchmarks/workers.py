"""One process for each framework, kept alive; it runs a variant on request.

So no two thread pools share a process, and each framework has a suitable environment:
numbers of threads and the allocator are read once, when a process starts.
Messages are pickles over stdin and stdout::

    ("prepare", task)       -> names of variants
    ("build", name)         -> None
    ("gradients", name)     -> arrays to compare
    ("check", name, state)  -> arrays to compare, of a training step from this state
    ("run", name, seconds)  -> seconds a call, from that state if there was one
    ("trial", name)         -> seconds of a small part of a long run
    ("whole", name, state)  -> seconds of a long run from this state, and its accuracy
    ("version",)            -> str

A worker that waits for a message uses no CPU after its thread pools stop spinning: a
pause before every slice lets the pools of the others fall asleep.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from benchmarks.peers import PEERS, PROBES, missing


class Setting(NamedTuple):
    """A framework, and the settings of its process."""

    peer: str
    tuned_malloc: bool = False
    flush: bool = False  # torch.set_flush_denormal(True)


# keep freed memory: PyTorch's training step is up to twice as fast as without
TUNED_MALLOC = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TOP_PAD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
}
# seconds; after 0.035 a training step of 2.1 ms took 2.7 to 3.2, its quartiles 22 %
# apart instead of 1 %
PAUSE = 0.17


class PeerError(Exception):
    """An error in a worker."""


def environment(threads, tuned_malloc, flush=False):
    """Return the environment of a worker."""
    env = dict(os.environ)
    for name in ("OMP", "NUMBA", "MKL", "OPENBLAS"):
        env[f"{name}_NUM_THREADS"] = str(threads)
    env["TF_NUM_INTRAOP_THREADS"] = str(threads)
    env["TF_NUM_INTEROP_THREADS"] = "1"
    env["TF_CPP_MIN_LOG_LEVEL"] = "3"
    env["BENCHMARK_THREADS"] = str(threads)
    env["BENCHMARK_FLUSH"] = "1" if flush else ""
    for name, value in TUNED_MALLOC.items():
        env.pop(name, None)
        if tuned_malloc:
            env[name] = value
    return env


def cpus():
    """Return the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class Worker:
    """The process of one framework; stderr goes to a file, shown if it dies."""

    def __init__(self, setting, threads):
        self.setting, self.peer = setting, setting.peer
        self._environment = environment(threads, setting.tuned_malloc, setting.flush)
        self._process = self._log = None

    def _start(self):
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", self.peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=self._environment,
        )

    def ask(self, *message):
        """Return the worker's answer; PeerError where it raised or died.

        The next question after its death starts it anew.
        """
        if self._process is None:
            self._start()
        try:
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()
            failed, answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            words = self._last_words()
            self.close()
            raise PeerError(f"its process died: {words}") from None
        if failed:
            raise PeerError(answer)
        return answer

    def _last_words(self):
        """Return the end of its log on one line, without a C++ trace of calls."""
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").split("*** Check failure")[0]
        return " ".join(text.split())[-200:]

    def sampler(self, variant, seconds):
        """Return a function that measures a variant for one slice."""

        def measure():
            if seconds:
                time.sleep(PAUSE)
            return self.ask("run", variant, seconds)

        return measure

    def close(self):
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # it reads the end of its messages and leaves
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
        self._process = None


@contextlib.contextmanager
def crew(settings, threads):
    """Yield the workers of the installed among these peers.

    Parameters
    ----------
    settings : a Setting for each worker
    """
    workers = [Worker(s, threads) for s in settings if not missing(s.peer)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def module_of(peer):
    """Return the name of a peer's module."""
    return f"benchmarks.peers.{(PEERS | PROBES)[peer][0]}"
