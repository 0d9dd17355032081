"""How fast sora_np is, and how fast others are on the same machine in the same run.

    python -m benchmarks [--quick] [--only train,predict,vgg,fit,start,ops,threads]
                         [--threads N] [--json FILE] [--plot FILE] [--results]

Every framework that is installed runs in a process of its own, at all settings that
may be its best, all in turn (workers.py, timing.py), after its results were held equal
to those of sora_np (measure.py).  What is measured: problems.py.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.measure import OURS, measure
from benchmarks.peers import PEERS, missing
from benchmarks.problems import REFERENCE, VGG, Task, network_task, op_tasks
from benchmarks.processes import measure_processes
from benchmarks.record import record
from benchmarks.workers import cpus, crew

GROUPS = ("train", "predict", "vgg", "fit", "start", "ops", "threads")
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments=None):
    options = parse(arguments)
    lines, versions = [], {}
    names = [name for name in PEERS if name in options.peers]
    for name in names:
        if gone := missing(name):
            print(f"not measured: {name} (not installed: {', '.join(gone)})")

    def emit(new):
        _say("")
        lines.extend(new)
        for (_, row), of_row in report.rows_of(new).items():
            print(f"\n{row}\n{report.table(of_row)}", flush=True)
            for line in of_row:
                if "failed" in line:
                    print(f"  {line['variant']}: {line['failed']}")

    def run(group, tasks, threads):
        settings = [(p, tuned) for p in names for tuned in mallocs(group, p)]
        probe = [("FMA peak", False)]
        with crew(settings, threads) as workers, crew(probe, threads) as (peak,):
            versions.update({w.peer: w.ask("version") for w in workers})
            peak.ask("prepare", Task("", "FMA peak", "peak"))
            peak.ask("check", "")
            for task in tasks:
                emit(measure(task, workers, peak, threads, options.quick, _say))

    print(f"{len(cpus())} cores, {options.threads} threads")
    for group in GROUPS:
        if group not in options.only:
            continue
        if group == "start":
            emit(measure_processes(names, options.threads, options.quick, _say))
        elif group == "threads":
            for threads in thread_counts(options.threads):
                run(group, thread_tasks(threads, options.quick), threads)
        else:
            run(group, group_tasks(group, options.quick), options.threads)
    head = record(options.threads, versions)
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


def group_tasks(group, quick):
    """Return the rows of a group."""
    if group == "ops":
        return op_tasks(batch=1 if quick else 32)
    if group == "vgg":
        return [network_task("vgg", "train", VGG, 2 if quick else 64)]
    if group == "fit":
        # batch 32 either way; another number stands for few images
        return [Task("fit", "one epoch of fit", "fit", REFERENCE, 0 if quick else 32)]
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


def mallocs(group, peer):
    """Return for which settings of malloc, False default or True tuned, to measure.

    Operations allocate their results: all with the tuned one.  Networks: sora_np and
    PyTorch with both.
    """
    if group == "ops":
        return (True,)
    both = group in ("train", "predict", "vgg") and peer in (OURS, "PyTorch")
    return (False, True) if both else (False,)


def _say(text):
    """Show on a terminal what is going on, in place of what was shown before."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:78]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
