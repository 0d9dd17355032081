"""Ten of the trials of ``kill_trials.py``; all 200: ``python tests/kill_trials.py``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX only")
def test_training_killed_at_random_moments_and_resumed_is_the_straight_run():
    script = Path(__file__).with_name("kill_trials.py")
    done = subprocess.run(
        [sys.executable, str(script), "--trials", "10"],
        env=os.environ | {"NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("10 of 10 trials are bit-identical")
