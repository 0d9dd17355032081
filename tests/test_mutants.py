"""The mutation check itself: what it changes, and what it says."""

import ast
import subprocess
import sys
from pathlib import Path

import mutants
import pytest
from mutants_equivalent import EQUIVALENT

SOURCE = '''
"""Adds 1 + 1."""

def f(x: "1 + 1", n: int = 3) -> "2 * 2":
    """Return 1 + 1."""
    for i in range(n):
        x[i] += min(n, 2)
    if n < 0 and x:
        raise ValueError(f"{n + 1} is 1 - 1")
    return x - 1

def g(v, eps):
    a = [*v, np.sqrt(v + eps)]
    return a, v.argmax(axis=-1)
'''
EXPECTED = {  # not in docstrings, types and messages
    "3 -> 4", "3 -> 2", "range(n) -> (range(n - 1))", "x[i] += min(n, 2) -> pass",
    "x[i] += min(n, 2) -> x[i] = min(n, 2)", "x[i] += min(n, 2) -> x[i] -= min(n, 2)",
    "min -> max", "2 -> 3", "2 -> 1", "n < 0 and x -> (not (n < 0 and x))",
    "n < 0 and x -> (n < 0 or x)", "n < 0 -> (n <= 0)", "0 -> 1",
    "x - 1 -> (x + 1)", "x - 1 -> x", "1 -> 2", "1 -> 0",
    "n < 0 and x -> (n < 0 and x or len(x) <= 4)",
    "[*v, np.sqrt(v + eps)] -> ([np.sqrt(v + eps)])",
    "[*v, np.sqrt(v + eps)] -> ([*v])",
    "np.sqrt(v + eps) -> (np.sqrt(v) + eps)",
    "v + eps -> (v - eps)", "v + eps -> v", "v + eps -> eps", "v.argmax -> v.argmin",
    "v.argmax(axis=-1) -> (v.shape[-1] - 1 - v[..., ::-1].argmax(-1))", "-1 -> 1",
}  # fmt: skip


def test_what_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    (tmp_path / "f.py").write_text(SOURCE)
    found = mutants.mutants_of("f.py")
    assert {f"{m.before} -> {m.after}" for m in found} == EXPECTED
    for mutant in found:
        changed = mutants.mutated(mutant)
        ast.parse(changed)
        assert changed != SOURCE and changed.count("\n") == SOURCE.count("\n")


def names(count, seed):
    return [str(mutant) for mutant in mutants.drawn(count, seed)[0]]


def test_draws_depend_on_the_seed_alone():
    chosen = names(200, 0)
    assert len(set(chosen)) == 200
    assert chosen == names(200, 0) and chosen[:50] == names(50, 0)
    assert chosen != names(200, 1)


def test_reasons_are_of_mutants_that_there_are():
    assert EQUIVALENT.keys() <= set(names(0, 0))


def test_the_tests_of_every_file_are_there():
    for path in {mutant.path for mutant in mutants.drawn(0, 0)[0]}:
        for _, _, files in mutants.plans_of(path):
            missing = [file for file in files if not (mutants.ROOT / file).exists()]
            assert files and not missing, path


@pytest.mark.slow
def test_some_are_caught(tmp_path):
    script = Path(mutants.__file__)
    only = ["--only", "losses/regression.py Huber.dlosses", "--count", "0"]
    command = [sys.executable, script, *only, "--work", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " mutants are caught, 100.0 %; 0 survive" in done.stdout
    assert len((tmp_path / "verdicts.jsonl").read_text().splitlines()) > 2
