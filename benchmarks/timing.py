"""Variants in turn, round after round: what slows the machine slows all of them."""

import random
import statistics
import time
from typing import NamedTuple

SLICE = 0.025  # seconds that a variant is timed in a round
MANY_TIMES = 3  # slower than the fastest by this: not measured to the end


class Times(NamedTuple):
    """Seconds a call: the median, and the quartiles of all rounds."""

    median: float
    low: float
    high: float
    rounds: int

    @property
    def spread(self):
        """The distance of the quartiles as a part of the median."""
        return (self.high - self.low) / self.median


def summarise(values):
    """Return the Times of one value a round.

    >>> summarise([1, 2, 3, 4, 5])
    Times(median=3, low=2.0, high=4.0, rounds=5)
    """
    if len(values) < 2:
        return Times(values[0], values[0], values[0], len(values))
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Times(statistics.median(values), low, high, len(values))


def interleaved(samplers, budget, least=5, keep=()):
    """Return name -> Times; every sampler once a round, in an order drawn anew.

    Parameters
    ----------
    samplers : name -> function that measures for one slice and returns seconds a call
    budget : seconds after which no round begins, once there are ``least``
    keep : names that are measured to the end however slow they are
    """
    order, values = random.Random(0), {name: [] for name in samplers}
    running, start, rounds = list(samplers), time.perf_counter(), 0
    while rounds < least or time.perf_counter() - start < budget:
        order.shuffle(running)
        for name in running:
            values[name].append(samplers[name]())
        rounds += 1
        if rounds == 3:
            medians = {name: statistics.median(values[name]) for name in samplers}
            limit = MANY_TIMES * min(medians.values())
            running = [n for n in running if n in keep or medians[n] <= limit]
    return {name: summarise(v) for name, v in values.items()}


def sample(run, seconds):
    """Return seconds a call of ``run``, timed for ``seconds`` after a warm-up.

    The warm-up, a fifth of that time or one call, wakes threads and fills caches that
    the variant before has used.  With seconds 0: one call, no warm-up.
    """
    clock = time.perf_counter
    start = clock()
    while seconds and clock() - start < seconds / 5:
        run()
    start, calls = clock(), 0
    while calls == 0 or clock() - start < seconds:
        run()
        calls += 1
    return (clock() - start) / calls
