"""Thousands of damaged model files, in a process with little memory; see fuzz.py."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "count", [200, pytest.param(2000, marks=pytest.mark.slow)], ids=str
)
def test_damaged_files_end_in_the_error_or_an_equal_model(count):
    command = [sys.executable, Path(__file__).with_name("fuzz.py"), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    outcomes = result["outcomes"]
    assert sum(outcomes.values()) == count
    refused = sum(n for name, n in outcomes.items() if name.endswith("refused"))
    assert refused > count / 2


@pytest.mark.parametrize(
    "count", [12, pytest.param(1000, marks=pytest.mark.slow)], ids=str
)
def test_whole_but_odd_checkpoints_are_passed_over(count):
    """Right digests, wrong structure; see fuzz_checkpoints.py."""
    command = [
        *(sys.executable, Path(__file__).with_name("fuzz_checkpoints.py")),
        str(count),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["outcomes"]["passed over"] > count / 3
