"""The process of one framework: python -m benchmarks.worker PEER (see workers.py)."""

import importlib
import os
import pickle
import sys
import traceback

from benchmarks.timing import sample
from benchmarks.workers import cpus, module_of

STEPS = 3  # training steps whose losses are compared


class Served:
    """What a worker knows: its framework, and the variants of the present task."""

    def __init__(self, peer):
        self._module = importlib.import_module(module_of(peer))
        self._builders, self._variants, self._task = {}, {}, None

    def version(self):
        return self._module.version()

    def prepare(self, task):
        self._variants, self._task = {}, task
        self._builders = self._module.variants(task)
        return list(self._builders)

    def check(self, name):
        """Build a variant; return what has to be equal for all of them."""
        variant = self._variants[name] = self._builders[name]()
        if self._task.kind != "train":
            return variant.result(variant.run())
        gradients = variant.gradients() if variant.gradients else []
        return [[float(variant.run()) for _ in range(STEPS)], *gradients]

    def run(self, name, seconds):
        return sample(self._variants[name].run, seconds)

    def drop(self, name):
        self._variants.pop(name, None)


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
