"""Compile the objects of kernels/ready.py, for every kind of CPU.

    python -m ready [FOLDER]

writes them into FOLDER; by default beside the kernels of this checkout, which then
starts like a wheel until a kernel is edited.  It takes a minute, any CPU will do.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sora_np.kernels.ready import FOLDER, TARGETS


def main(folder: Path) -> None:
    """Write the objects of every target, each in a process of its own."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "ready.target", str(folder)]
        running = {
            name: subprocess.Popen([*command, name], env=environment(name, cache))
            for name in TARGETS
        }
        failed = [name for name, process in running.items() if process.wait()]
    if failed:
        raise SystemExit(f"no objects for {', '.join(failed)}")


def environment(name: str, cache: str) -> dict[str, str]:
    """Return the environment in which numba compiles for a target, and nothing else."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "SORA_"))}
    return own | {
        "NUMBA_CPU_NAME": name,
        "NUMBA_CPU_FEATURES": ",".join(f"+{f}" for f in TARGETS[name].features),
        "NUMBA_CACHE_DIR": cache,
        "NUMBA_DISABLE_INTEL_SVML": "1",  # not every CPU has that library
        "NUMBA_NUM_THREADS": "2",
        "PYTHONHASHSEED": "0",
        "SORA_NP_READY": "0",
    }


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else FOLDER)
