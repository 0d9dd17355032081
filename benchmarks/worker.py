"""The process of one framework: python -m benchmarks.worker PEER (see workers.py)."""

import importlib
import os
import pickle
import sys
import traceback

import numpy as np

from benchmarks.timing import sample
from benchmarks.workers import cpus, module_of

STEPS = 3  # training steps whose losses are compared


class Served:
    """A worker: its framework, and the variants of the current task."""

    def __init__(self, peer):
        self._module = importlib.import_module(module_of(peer))
        self._builders, self._variants, self._state = {}, {}, None

    def version(self):
        return self._module.version()

    def prepare(self, task):
        self._variants, self._state = {}, None
        self._builders = self._module.variants(task)
        return list(self._builders)

    def build(self, name):
        self._variants[name] = self._builders[name]()

    def gradients(self, name):
        variant = self._variants[name]
        return variant.gradients() if variant.gradients else []

    def check(self, name, state=None):
        """Return the results that must be equal for all workers."""
        variant, self._state = self._variants[name], state
        if state is None:
            return variant.result(variant.run())
        variant.load(state)
        return [np.array([float(variant.run()) for _ in range(STEPS)])]

    def run(self, name, seconds):
        """Return seconds a call; a training step's slice begins at the state again."""
        variant = self._variants[name]
        if self._state is not None:
            variant.load(self._state)
        return sample(variant.run, seconds)

    def trial(self, name):
        variant = self._variants[name]
        variant.trial()  # compiles, and wakes what sleeps
        return sample(variant.trial, 0)

    def whole(self, name, state):
        variant, found = self._variants[name], []
        variant.load(state)
        seconds = sample(lambda: found.append(float(variant.run())), 0)
        return seconds, found[0]


def main(peer):
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a framework prints is no answer
    threads = int(os.environ["BENCHMARK_THREADS"])
    if threads < len(cpus()):  # not every pool obeys its variable
        os.sched_setaffinity(0, cpus()[:threads])
    served = None
    while True:
        try:
            command, *args = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            served = served or Served(peer)
            answer = False, getattr(served, command)(*args)
        except Exception as error:
            traceback.print_exc()
            text = str(error).strip() or "no message"
            answer = True, f"{type(error).__name__}: {text.splitlines()[0][:200]}"
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
