"""One row: prepare it in every worker, hold the results equal, then time in turn."""

import numpy as np

from benchmarks.problems import peak_flops
from benchmarks.timing import SLICE, interleaved
from benchmarks.workers import PeerError

OURS = "sora_np"
PEAK = "FMA peak"


class Disagreement(Exception):
    """Two variants do not compute the same."""


def measure(task, crew, peak, threads, quick, say):
    """Return the lines of one row, a dict for each variant, fastest peer named.

    Parameters
    ----------
    crew : workers, sora_np's first
    peak : the worker of ``fma_peak``
    quick : one short slice of each variant; nothing that compiles for long
    say : function of a text, for progress
    """
    samplers, peers, lines = {}, {}, []
    seconds = 0 if task.kind == "fit" else SLICE / 10 if quick else SLICE
    expected = None
    for worker in crew:
        say(f"{task.name}: {worker.peer}")
        for variant in prepared(worker, task):
            if quick and variant.startswith("compiled"):
                continue
            name = label(worker, variant, task)
            try:
                result = worker.ask("check", variant)
            except PeerError as error:
                if worker.peer == OURS:
                    raise
                lines.append(line(task, worker.peer, name) | {"failed": str(error)})
                continue
            expected = expected or result
            compare(name, task, result, expected)
            samplers[name] = worker.sampler(variant, seconds)
            peers[name] = worker.peer
    samplers[PEAK] = peak.sampler("", SLICE / 10 if quick else SLICE)
    say(f"{task.name}: {len(samplers)} variants in turn")
    times = timed(task, samplers, quick)
    at_peak = times.pop(PEAK)
    best = min((t.median for n, t in times.items() if peers[n] != OURS), default=None)
    for name, t in times.items():
        entry = line(task, peers[name], name) | {
            "value": t.median,
            "low": t.low,
            "high": t.high,
            "rounds": t.rounds,
            "threads": threads,
            "peak_gflops": peak_flops(threads) / at_peak.median / 1e9,
            "peak_spread": at_peak.spread,
        }
        if task.flops:
            entry["gflops"] = task.flops / t.median / 1e9
        if best:
            entry["ratio"] = t.median / best
        lines.append(entry)
    return lines


def timed(task, samplers, quick):
    """Return name -> Times, in as many rounds as the kind of task deserves."""
    if quick:
        return interleaved(samplers, budget=0, least=1)
    if task.kind == "fit":
        return interleaved(samplers, budget=0, least=2)
    ours = [name for name in samplers if name.startswith(OURS)]
    seconds = {"ops": 3, "threads": 4}.get(task.group, 12)
    return interleaved(samplers, seconds, keep=(PEAK, *ours))


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
    return text + ", tuned malloc" * (worker.tuned_malloc and task.group != "ops")


def line(task, peer, name):
    """Return what every line of a task begins with."""
    return {
        "group": task.group,
        "row": task.name,
        "peer": peer,
        "variant": name,
        "unit": "s",
    }


def compare(name, task, result, expected):
    """Hold a variant's results equal to sora_np's; Disagreement where they are not.

    Parameters
    ----------
    result, expected : for training the losses of the first steps, then the gradients,
        which not every variant has; for ``fit`` the accuracy; else arrays
    """
    for n, (actual, wanted) in enumerate(zip(result, expected, strict=False)):
        wanted = np.asarray(wanted)
        scale = float(np.abs(wanted).max(initial=1e-30))
        near = 2e-4  # sums of up to 30,000 products in float32
        if task.kind == "train" and n > 0:
            # Of gradients the whole counts: rounding decides which of two nearly equal
            # cells is a window's maximum, and with it where some of its numbers go.
            actual = np.linalg.norm(np.asarray(actual) - wanted)
            wanted, scale = 0.0, np.linalg.norm(wanted)
            near = 1e-2
        elif task.kind == "train":
            near = 1e-2  # losses of some steps, which multiply differences
        elif task.kind == "fit":
            near = 0.03 if task.batch else 0.3  # the order of samples is another
        try:
            np.testing.assert_allclose(actual, wanted, rtol=0, atol=near * scale)
        except AssertionError as error:
            where = f"{task.name}: result {n} of {name} is not that of sora_np"
            raise Disagreement(f"{where}: {error}") from None
