"""Measure sora_np and other frameworks on the same machine in the same run.

    python -m benchmarks [--quick] [--threads N] [--peers PyTorch,TensorFlow,...]
                         [--only train,predict,vgg,recipe,graphs,fit,start,ops,threads]
                         [--json FILE] [--plot FILE] [--results]

Every installed framework runs in its own process, with all settings that may be its
fastest.  The measurements alternate (workers.py, timing.py), after a comparison of the
results with those of sora_np (measure.py).  Training steps are measured early and late
(peers/trained_state.py).  The tasks are in networks.py, graphs.py, whole.py,
processes.py, problems.py and layer_ops.py.  --results writes the section of this
machine in RESULTS.md (results.py).
"""

import argparse
import contextlib
import sys
import time
from pathlib import Path

from benchmarks import report
from benchmarks.graphs import MOBILENET, RESNET, UNET
from benchmarks.images import described
from benchmarks.layer_ops import layer_op_tasks
from benchmarks.measure import OURS, measure
from benchmarks.networks import FASHION_93, REFERENCE, VGG, network_task
from benchmarks.peers import PEERS, missing
from benchmarks.problems import Task, op_tasks
from benchmarks.processes import measure_processes
from benchmarks.record import record
from benchmarks.results import GROUPS, headline, results
from benchmarks.whole import measure_whole, whole_run_task
from benchmarks.workers import Setting, cpus, crew

WHOLE_RUNS = (OURS, "PyTorch", "TensorFlow")  # who has fit, or its usual loop
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments=None):
    options = parse(arguments)
    for name in options.peers:
        if gone := missing(name):
            print(f"not measured: {name} (not installed: {', '.join(gone)})")
    print(f"{len(cpus())} cores, {options.threads} threads; images: {described()}")
    start, session = time.perf_counter(), Session(options)
    for group in options.only:
        session.run(group)
    seconds = time.perf_counter() - start
    head = record(options.threads, session.versions, seconds)
    lines = session.lines
    print("\n" + headline(lines))
    if options.json:
        with open(options.json, "a") as file:
            file.write(report.json_lines([{"run": head}, *lines]))
    if options.plot:
        report.plot(lines, options.plot)
    if options.results:
        before = RESULTS.read_text() if RESULTS.exists() else ""
        RESULTS.write_text(results(head, lines, before))


class Session:
    """One run of the program: the measurements so far, and the states of training."""

    def __init__(self, options):
        self.options, self.lines, self.versions = options, [], {}
        self._states = {}

    def run(self, group):
        """Measure the rows of a group, in processes of their own."""
        quick, threads, peers = (
            getattr(self.options, name) for name in ("quick", "threads", "peers")
        )
        if group == "start":
            self.emit(measure_processes(peers, threads, quick, _say))
        elif group == "fit":
            settings = [s for s in best_settings(peers) if s.peer in WHOLE_RUNS]
            with self.workers(settings, threads) as workers:
                task = whole_run_task(quick)
                self.emit(measure_whole(task, workers, threads, quick, _say))
        elif group == "ops":  # they allocate their results: tuned malloc for all
            settings = [Setting(name, tuned_malloc=True) for name in peers]
            batch = 1 if quick else 32
            tasks = op_tasks(batch) + layer_op_tasks(batch)
            self.measure(tasks, settings, threads)
        elif group == "threads":
            for count in thread_counts(threads)[:-1]:  # the last is measured elsewhere
                self.measure(thread_tasks(count, quick), best_settings(peers), count)
        else:
            self.measure(
                network_tasks(group, quick), all_settings(peers, quick), threads
            )

    def measure(self, tasks, settings, threads):
        """Measure rows that are timed in turn."""
        tasks = [(self.with_weights(task), self.late(task)) for task in tasks]
        probe = [Setting("FMA peak")]
        with (
            self.workers(settings, threads) as workers,
            crew(probe, threads) as (peak,),
        ):
            peak.ask("prepare", Task("", "FMA peak", "peak"))
            peak.ask("build", "")
            peak.ask("check", "")
            for task, late in tasks:
                quick = self.options.quick
                found = measure(task, workers, peak, threads, quick, _say, late)
                for lines in found:
                    self.emit(lines)

    @contextlib.contextmanager
    def workers(self, settings, threads):
        """Yield workers, and note their versions."""
        with crew(settings, threads) as workers:
            self.versions.update({w.peer: w.ask("version") for w in workers})
            yield workers

    def late(self, task):
        """Return the state of a training step's late row, otherwise None."""
        return self.state(task.what, task.batch) if task.kind == "train" else None

    def with_weights(self, task):
        """Return the task; one that predicts begins with trained weights."""
        if task.kind != "predict":
            return task
        batch = task.batch if self.options.quick else task.what.batch
        return task._replace(start=self.state(task.what, batch).weights)

    def state(self, network, batch):
        """Return the state after the network's steps of training, computed once."""
        key, steps = (network.name, batch), 3 if self.options.quick else network.steps
        if key not in self._states:
            _say(f"{network.name}: {steps} steps of training, batch {batch}")
            with crew([Setting("state")], self.options.threads) as (worker,):
                worker.ask("prepare", Task("", "", "state", (network, batch, steps)))
                worker.ask("build", "")
                (self._states[key],) = worker.ask("check", "")
        return self._states[key]

    def emit(self, lines):
        """Keep lines and print their rows."""
        _say("")
        self.lines.extend(lines)
        for (_, row), of_row in report.rows_of(lines).items():
            print(f"\n{report.title(row, of_row)}\n{report.table(of_row)}", flush=True)
            for line in of_row:
                if "failed" in line:
                    print(f"  {line['variant']}: {line['failed']}")


def parse(arguments):
    """Return the options, checked."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="one call, small sizes")
    parser.add_argument("--only", help=f"some of {','.join(GROUPS)}")
    parser.add_argument("--peers", help="some of " + ",".join(PEERS))
    parser.add_argument("--threads", type=int, default=len(cpus()))
    parser.add_argument("--json", help="append the results to this file, one a line")
    parser.add_argument("--plot", help="draw the ratios into this file (matplotlib)")
    parser.add_argument("--results", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args(arguments)
    if options.results and (options.quick or options.only or options.peers):
        parser.error("--results needs a full run: no --quick, --only or --peers")
    options.only = _some(parser, "--only", options.only, GROUPS)
    chosen = {OURS, *_some(parser, "--peers", options.peers, PEERS)}
    options.peers = [name for name in PEERS if name in chosen]
    if not 1 <= options.threads <= len(cpus()):
        parser.error(f"--threads must be from 1 to {len(cpus())}")
    return options


def _some(parser, option, text, names):
    chosen = text.split(",") if text else list(names)
    if unknown := set(chosen) - set(names):
        parser.error(f"{option} knows {', '.join(names)}; not {', '.join(unknown)}")
    return chosen


def network_tasks(group, quick):
    """Return the rows of a group of steps and predictions, small batches first."""
    if group == "vgg":
        return [network_task(group, "train", VGG, 2 if quick else 64)]
    if group == "recipe":
        return [network_task(group, "train", FASHION_93, 16 if quick else 128)]
    if group == "graphs":
        return [
            network_task(group, kind, network, 2 if quick else network.batch)
            for kind in ("train", "predict")
            for network in (RESNET, MOBILENET, UNET)
        ]
    batches = {"train": (1, 32, 128, 512), "predict": (1, 32, 256)}[group]
    batches = batches[:1] if quick else batches
    return [network_task(group, group, REFERENCE, batch) for batch in batches]


def thread_counts(most):
    """Return 1, 2, 4 and so on, and ``most`` itself.

    >>> thread_counts(6)
    [1, 2, 4, 6]
    """
    return [n for n in (2**k for k in range(most.bit_length())) if n < most] + [most]


def thread_tasks(threads, quick):
    """Return the rows that show how the networks scale."""
    end = f", {threads} thread{'s' * (threads > 1)}"
    return [
        network_task("threads", "train", REFERENCE, 1 if quick else 128, end),
        network_task("threads", "predict", REFERENCE, 1 if quick else 32, end),
    ]


def all_settings(names, quick):
    """Return the settings for networks; the first, for ratios, is sora_np with none."""
    found = [Setting(name) for name in names]
    if not quick:
        found += [
            Setting(n, tuned_malloc=True) for n in (OURS, "PyTorch") if n in names
        ]
        found += [Setting("PyTorch", True, flush=True)] * ("PyTorch" in names)
    return found


def best_settings(names):
    """Return one setting for each peer: its fastest in most rows."""
    return [Setting(n, n == "PyTorch", n == "PyTorch") for n in names]


def _say(text):
    """Show progress on a terminal, in the same line as before."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:78]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
