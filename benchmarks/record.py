"""The record that every measurement needs: machine, versions, settings, date."""

import datetime
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

from benchmarks.images import described
from benchmarks.workers import TUNED_MALLOC, cpus


def record(threads, versions, seconds):
    """Return the record of a run as a flat dict of texts.

    Parameters
    ----------
    versions : peer -> version
    seconds : how long it took
    """
    from sora_np.kernels.machine.tile import VECTOR_BYTES

    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime(
            "%Y-%m-%d %H:%M UTC"
        ),
        "command": "python -m benchmarks " + shlex.join(sys.argv[1:]),
        "commit": _commit(),
        "CPU": cpu_model(),
        "cores": str(len(cpus())),
        "vector": f"{8 * VECTOR_BYTES} bits",
        "threads": str(threads),
        "images": described(),
        "took": f"{seconds / 60:.1f} minutes",
        "system": platform.platform(),
        "tuned malloc": TUNED_MALLOC,
        "versions": {"Python": platform.python_version(), **versions},
    }


def cpu_model():
    """Return the CPU's name as Linux gives it, else what Python knows."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(
        map(str.strip, line.split(":", 1)) for line in text.splitlines() if ":" in line
    )
    return fields.get("model name", platform.machine())


def _commit():
    """Return the commit of the checkout, and whether files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    here = os.path.dirname(__file__)
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
