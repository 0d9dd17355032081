"""A whole run: epochs of ``fit`` with validation, wall time and accuracy at the end.

One epoch of a part of the images first builds, compiles and warms up everything.  Of
the settings of each type (``fit``, tensors, DataLoader) the fastest in this epoch is
measured.  Every run begins with the same weights, and has its own order of images.
"""

import statistics
import time

from benchmarks.images import described
from benchmarks.measure import OURS, Disagreement, Made, failure, label, line, of_times
from benchmarks.networks import REFERENCE, WholeRun, initial
from benchmarks.problems import Task
from benchmarks.timing import MOST_REPEATS, summarise
from benchmarks.workers import PeerError

NEAR = 0.02  # accuracy: seeds differ by a part of it
SILENCE = 1.0  # seconds before a run: what ran before sleeps
LIMIT = 90  # seconds for all runs after the first of each variant


def whole_run_task(quick):
    """Return the task of the row."""
    epochs, images = (1, 640) if quick else (5, None)
    what = WholeRun(REFERENCE, epochs, images)
    data = f"the first {images} images" if images else described()
    word = "epoch" if epochs == 1 else "epochs"
    return Task("fit", f"{epochs} {word} of fit, batch 32, {data}", "fit", what)


def measure_whole(task, crew, threads, quick, say):
    """Return the lines of the row.

    sora_np runs MOST_REPEATS times, and the others, too, if LIMIT allows.
    """
    made, lines = fastest(task, crew, quick, say)
    start, state = time.perf_counter(), initial(task.what.network)
    found = {one.name: [] for one in made}

    def run(one):
        say(f"{task.name}: {one.name}")
        time.sleep(0 if quick else SILENCE)
        found[one.name].append(one.worker.ask("whole", one.variant, state))

    for one in made:
        run(one)
    spent = time.perf_counter() - start
    for _ in range(0 if quick else MOST_REPEATS - 1):
        for one in made:
            took = found[one.name][0][0]
            left = spent + LIMIT - (time.perf_counter() - start)
            if one.worker.peer == OURS or took <= left:
                run(one)
    return lines + as_lines(task, made, found, threads, quick)


def fastest(task, crew, quick, say):
    """Return the fastest variant of each type, and the lines of those that failed."""
    trials, lines = {}, []
    for worker in crew:
        for variant in worker.ask("prepare", task):
            one = Made(worker, variant, label(worker, variant, task))
            say(f"{task.name}: trial of {one.name}")
            try:
                worker.ask("build", variant)
                seconds = 0.0 if quick else worker.ask("trial", variant)
            except PeerError as error:
                lines.append(failure(task, one, error))
                continue
            kind = worker.peer, variant.partition(" ")[0]
            trials.setdefault(kind, []).append((seconds, one))
    return [min(of_kind, key=lambda t: t[0])[1] for of_kind in trials.values()], lines


def as_lines(task, made, found, threads, quick):
    """Return a line for each variant; Disagreement where accuracies differ."""
    times = {name: summarise([t for t, _ in runs]) for name, runs in found.items()}
    reached = {n: statistics.mean(a for _, a in runs) for n, runs in found.items()}
    others = [times[m.name].median for m in made if m.worker.peer != OURS]
    lines = []
    for one in made:
        t, accuracy, wanted = times[one.name], reached[one.name], reached[made[0].name]
        if not quick and abs(accuracy - wanted) > NEAR:
            raise Disagreement(
                f"{task.name}: {one.name} reached {accuracy:.4f}, sora_np {wanted:.4f}"
            )
        entry = line(task, one.worker.peer, one.name) | of_times(t, threads)
        entry["accuracy"] = accuracy
        lines.append(entry | ({"ratio": t.median / min(others)} if others else {}))
    return lines
