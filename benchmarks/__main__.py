"""How fast sora_np is, and how fast others are on the same machine in the same run.

    python -m benchmarks [--quick] [--only train,predict,vgg,fit,start,ops,threads]
                         [--threads N] [--json FILE] [--plot FILE] [--results]

Every framework that is installed runs in a process of its own, at all settings that
may be its best, all in turn (workers.py, timing.py), after its results were held equal
to those of sora_np (measure.py).  What is measured: problems.py.
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks import report
from benchmarks.measure import OURS, measure
from benchmarks.peers import PEERS, missing
from benchmarks.problems import REFERENCE, VGG, Task, network_task, op_tasks
from benchmarks.processes import measure_processes
from benchmarks.record import record
from benchmarks.workers import cpus, crew

GROUPS = ("train", "predict", "vgg", "fit", "start", "ops", "threads")
PROBE = [("FMA peak", False)]
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments=None):
    options, start = parse(arguments), time.perf_counter()
    lines, versions = [], {}
    names = [name for name in PEERS if name in options.peers]
    for name in names:
        if gone := missing(name):
            print(f"not measured: {name} (not installed: {', '.join(gone)})")

    def emit(new):
        _say("")
        lines.extend(new)
        for (_, row), of_row in report.rows_of(new).items():
            print(f"\n{report.title(row, of_row)}\n{report.table(of_row)}", flush=True)
            for line in of_row:
                if "failed" in line:
                    print(f"  {line['variant']}: {line['failed']}")

    def run(tasks, settings, threads):
        with crew(settings, threads) as workers, crew(PROBE, threads) as (peak,):
            versions.update({w.peer: w.ask("version") for w in workers})
            peak.ask("prepare", Task("", "FMA peak", "peak"))
            peak.ask("check", "")
            for task in tasks:
                emit(measure(task, workers, peak, threads, options.quick, _say))

    print(f"{len(cpus())} cores, {options.threads} threads")
    quick, threads = options.quick, options.threads
    tasks = [task for g in options.only for task in network_tasks(g, quick)]
    if tasks:
        run(tasks, malloc_settings(names, quick), threads)
    if "start" in options.only:
        emit(measure_processes(names, threads, quick, _say))
    if "ops" in options.only:  # they allocate their results: tuned malloc for all
        run(op_tasks(1 if quick else 32), [(name, True) for name in names], threads)
    if "threads" in options.only:
        for count in thread_counts(threads):
            tasks = thread_tasks(count, quick)
            run(tasks, [(name, False) for name in names], count)
    head = record(threads, versions, time.perf_counter() - start)
    print("\n" + report.headline(lines))
    if options.json:
        with open(options.json, "a") as file:
            file.write(report.json_lines([{"run": head}, *lines]))
    if options.plot:
        report.plot(lines, options.plot)
    if options.results:
        RESULTS.write_text(report.results(head, lines))


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
    options.peers = {OURS, *_some(parser, "--peers", options.peers, PEERS)}
    if not 1 <= options.threads <= len(cpus()):
        parser.error(f"--threads must be from 1 to {len(cpus())}")
    return options


def _some(parser, option, text, names):
    chosen = text.split(",") if text else list(names)
    if unknown := set(chosen) - set(names):
        parser.error(f"{option} knows {', '.join(names)}; not {', '.join(unknown)}")
    return chosen


def network_tasks(group, quick):
    """Return the rows of a group, none for a group that measures no network."""
    if group == "vgg":
        return [network_task("vgg", "train", VGG, 2 if quick else 64)]
    if group == "fit":
        # batch 32 either way; 0 stands for few images
        return [Task("fit", "one epoch of fit", "fit", REFERENCE, 0 if quick else 32)]
    batches = {"train": (1, 32, 128, 512), "predict": (1, 32, 256)}.get(group, ())
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


def malloc_settings(names, quick):
    """Return (peer, whether malloc is tuned) for networks: two peers with both.

    sora_np with the default one comes first: that is its number in the ratios.
    """
    tuned = [] if quick else [n for n in (OURS, "PyTorch") if n in names]
    return [(name, False) for name in names] + [(name, True) for name in tuned]


def _say(text):
    """Show on a terminal what is going on, in place of what was shown before."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:78]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
