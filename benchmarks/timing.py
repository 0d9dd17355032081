"""Time variants in turn, so that other work on the machine slows all of them."""

import random
import statistics
import time
from typing import NamedTuple

SLICE = 0.025  # seconds that a variant is timed in a round
STEADY = 0.05  # quartiles further apart than this part of the median: measured again
MOST_REPEATS = 5
MANY_TIMES = 3  # slower than the fastest by this: not measured to the end


class Times(NamedTuple):
    """Seconds a call: the median, and the quartiles of all rounds."""

    median: float
    low: float
    high: float
    rounds: int
    repeats: int = 1  # how often the row was measured, all rounds together here

    @property
    def spread(self):
        """The distance of the quartiles as a part of the median."""
        return (self.high - self.low) / self.median


def summarise(values, repeats=1):
    """Return the Times of one value a round.

    >>> summarise([1, 2, 3, 4, 5])
    Times(median=3, low=2.0, high=4.0, rounds=5, repeats=1)
    """
    if len(values) < 2:
        return Times(values[0], values[0], values[0], len(values), repeats)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Times(statistics.median(values), low, high, len(values), repeats)


def interleaved(samplers, budget, least=5, keep=(), rivals=None):
    """Return name -> Times; every round runs every sampler once, in a random order.

    Parameters
    ----------
    samplers : name -> function that measures for one slice and returns seconds a call
    budget : seconds after which no round begins, once there are ``least``
    keep : names that are measured to the end however slow they are
    rivals : function of name -> Times, returns the names that decide the row.  While
        one of them spreads by more than STEADY, they are measured again, ``least``
        rounds each time: MOST_REPEATS times in all, for half as long again at most.
        All rounds of a name count.  None: the row is measured once
    """
    clock, order = time.perf_counter, random.Random(0)
    values, start = {name: [] for name in samplers}, clock()
    running, rounds, repeats = list(samplers), 0, {}

    def one_round(names):
        order.shuffle(names)
        for name in names:
            values[name].append(samplers[name]())

    def times():
        return {name: summarise(v, repeats.get(name, 1)) for name, v in values.items()}

    while rounds < least or clock() - start < budget:
        one_round(running)
        rounds += 1
        if rounds == 3:
            medians = {name: statistics.median(values[name]) for name in samplers}
            limit = MANY_TIMES * min(medians.values())
            running = [n for n in running if n in keep or medians[n] <= limit]
    end = clock() + (clock() - start) / 2
    for count in range(2, MOST_REPEATS + 1 if rivals else 0):
        found = times()
        names = rivals(found)
        if clock() > end or all(found[name].spread <= STEADY for name in names):
            break
        repeats |= dict.fromkeys(names, count)
        for _ in range(least):
            one_round(names)
    return times()


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
