"""One row: prepare it in every worker, compare the results, then time in turn.

A training step makes two rows: "early", from the first step on, and "late", after many
steps on real images (peers/trained_state.py).  Every slice begins at this state again,
with the same batches: so early stays early for any time of measuring, and all variants
do the same work.
"""

from typing import Any, NamedTuple

import numpy as np

from benchmarks.networks import Dropout, has, initial
from benchmarks.problems import peak_flops
from benchmarks.timing import SLICE, interleaved
from benchmarks.workers import PeerError

OURS = "sora_np"
PEAK = "FMA peak"
NEAR = 1.1  # a peer this near to the fastest one decides a row as well


class Disagreement(Exception):
    """Two variants compute different results."""


class Made(NamedTuple):
    """A variant that a worker has built."""

    worker: Any
    variant: str
    name: str  # e.g. "PyTorch eager NHWC, tuned malloc"


def measure(task, crew, peak, threads, quick, say, late=None):
    """Return the lines of a task's rows, a dict for each variant.

    Parameters
    ----------
    crew : workers, sora_np's first
    peak : the worker of ``fma_peak``
    quick : one short slice of each variant; nothing that compiles for long
    say : function of a text, for progress
    late : the ``networks.State`` of the second row of a training step
    """
    made, lines = built(task, crew, quick, say)
    for row, state in rows(task, late):
        agreed, failures = checked(row, state, made)
        seconds = SLICE / 10 if quick else SLICE
        samplers = {m.name: m.worker.sampler(m.variant, seconds) for m in agreed}
        samplers[PEAK] = peak.sampler("", seconds)
        say(f"{row.name}: {len(samplers)} variants in turn")
        peers = {m.name: m.worker.peer for m in agreed}
        times = timed(row, samplers, peers, quick)
        failed = [one | line(row, one["peer"], one["variant"]) for one in lines]
        yield failed + failures + as_lines(row, times, peers, threads)


def rows(task, late):
    """Return (task of a row, the state at which its slices begin)."""
    if task.kind != "train":
        return [(task, None)]
    named = {
        "early": (f"{task.name}, early", initial(task.what)),
        "late": (f"{task.name}, after {late.step:,} steps", late),
    }
    return [
        (task._replace(name=name, phase=phase), state)
        for phase, (name, state) in named.items()
    ]


def built(task, crew, quick, say):
    """Return the variants with equal gradients, and the lines of those that failed."""
    made, lines, expected = [], [], None
    for worker in crew:
        say(f"{task.name}: {worker.peer}")
        for variant in prepared(worker, task):
            if left_out(variant, worker, quick, task):
                continue
            one = Made(worker, variant, label(worker, variant, task))
            try:
                worker.ask("build", variant)
                gradients = (
                    worker.ask("gradients", variant) if task.kind == "train" else []
                )
            except PeerError as error:
                lines.append(failure(task, one, error))
                continue
            expected = expected or gradients
            compare(one.name, task, gradients, expected, gradients=True)
            made.append(one)
    return made, lines


def left_out(variant, worker, quick, task):
    """Return whether a variant is not measured in this worker.

    torch.compile is measured only at PyTorch's best settings, because it takes long.
    """
    if quick and worker.peer == "TensorFlow" and task.group == "graphs":
        return variant != "tf.function"  # deep networks take long to trace and compile
    return variant.startswith("compiled") and (quick or not worker.setting.flush)


def checked(task, state, made):
    """Return variants with sora_np's results, and the lines of those that failed."""
    agreed, lines, expected = [], [], None
    for one in made:
        try:
            result = one.worker.ask("check", one.variant, state)
        except PeerError as error:
            lines.append(failure(task, one, error))
            continue
        expected = expected or result
        compare(one.name, task, result, expected)
        agreed.append(one)
    return agreed, lines


def timed(task, samplers, peers, quick):
    """Return name -> Times; the number of rounds depends on the type of task."""
    if quick:
        return interleaved(samplers, budget=0, least=1)
    ours = [name for name, peer in peers.items() if peer == OURS]
    seconds = {"ops": 3, "threads": 4}.get(task.group, 12)

    def rivals(times):
        others = [name for name, peer in peers.items() if peer != OURS]
        best = min((times[name].median for name in others), default=0)
        near = [name for name in others if times[name].median <= NEAR * best]
        return ours[:1] + near

    return interleaved(samplers, seconds, keep=(PEAK, *ours), rivals=rivals)


def as_lines(task, times, peers, threads):
    """Return a line for each variant, with its ratio to the fastest peer."""
    at_peak = times[PEAK]
    best = min((times[n].median for n in peers if peers[n] != OURS), default=None)
    lines = []
    for name, peer in peers.items():
        t = times[name]
        entry = line(task, peer, name) | of_times(t, threads)
        entry |= {
            "peak_gflops": peak_flops(threads) / at_peak.median / 1e9,
            "peak_spread": at_peak.spread,
        }
        if task.flops:
            entry["gflops"] = task.flops / t.median / 1e9
        if best:
            entry["ratio"] = t.median / best
        lines.append(entry)
    return lines


def of_times(t, threads):
    """Return the entries of a line for its Times."""
    return {
        "value": t.median,
        "low": t.low,
        "high": t.high,
        "rounds": t.rounds,
        "repeats": t.repeats,
        "threads": threads,
    }


def prepared(worker, task):
    """Return the names of a worker's variants for a task, none if it cannot say."""
    try:
        return worker.ask("prepare", task)
    except PeerError:
        if worker.peer == OURS:
            raise
        return []


def label(worker, variant, task):
    """Return e.g. "PyTorch eager NHWC, tuned malloc"; for operations all have it."""
    text = f"{worker.peer} {variant}".strip()
    text += ", tuned malloc" * (worker.setting.tuned_malloc and task.group != "ops")
    return text + ", flush" * worker.setting.flush


def line(task, peer, name):
    """Return the first entries of every line of a row."""
    found = {
        "group": task.group,
        "row": task.name,
        "peer": peer,
        "variant": name,
        "unit": "s",
    }
    return found | ({"phase": task.phase} if task.phase else {})


def failure(task, one, error):
    """Return the line of a variant that failed; raise the error if it is sora_np's."""
    if one.worker.peer == OURS:
        raise error
    return line(task, one.worker.peer, one.name) | {"failed": str(error)}


def compare(name, task, result, expected, gradients=False):
    """Compare a variant's results with sora_np's; raise Disagreement if they differ.

    Parameters
    ----------
    result, expected : for training the losses of some steps; or gradients, which not
        every variant has; else arrays
    """
    for n, (actual, wanted) in enumerate(zip(result, expected, strict=False)):
        wanted = np.asarray(wanted)
        scale = float(np.abs(wanted).max(initial=1e-30))
        near = 2e-4  # sums of up to 30,000 products in float32
        if gradients:
            # Of gradients the whole counts: rounding decides which of two nearly equal
            # cells is a window's maximum, and with it where some of its numbers go.
            actual = np.linalg.norm(np.asarray(actual) - wanted)
            wanted, scale = 0.0, np.linalg.norm(wanted)
            # Deep networks: one number of the last maps that rounding lifts over a ReLU
            # changes all gradients before it, by 1 % where the batch is 16.
            near = 5e-2 if task.group == "graphs" else 1e-2
        elif task.kind == "train":  # losses of some steps, which multiply differences
            scale, near = max(scale, 0.1), 1e-2
            if has(task.what, Dropout):  # each drops others; gradients were without
                actual, wanted, near = np.mean(actual), np.mean(wanted), 0.5
        try:
            np.testing.assert_allclose(actual, wanted, rtol=0, atol=near * scale)
        except AssertionError as error:
            kind = "gradient" if gradients else "result"
            where = f"{task.name}: {kind} {n} of {name} is not that of sora_np"
            raise Disagreement(f"{where}: {error}") from None
