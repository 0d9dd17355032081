"""Downloads from a server on 127.0.0.1: no test uses the network."""

import contextlib
import gzip
import hashlib
import os
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

import sora_np.datasets
from sora_np.datasets import fetch, mnist
from sora_np.datasets.fetch import load
from sora_np.datasets.idx import DataFileError

NAMES = [file.name for file in mnist.DATA_SET.files]


@pytest.fixture
def offered(small, server):
    return small._replace(url=server.url)


def test_download_fills_the_cache_once(cache, offered, server, check):
    check(load(offered))
    assert sorted(p.name for p in cache.iterdir()) == sorted(server.answers)
    check(load(offered))
    assert server.asked == [f"{name}.gz" for name in NAMES]


def test_download_fetches_only_what_the_cache_lacks(
    cache, offered, server, fill, check
):
    fill(cache, names=NAMES[:2])
    check(load(offered))
    assert server.asked == [f"{name}.gz" for name in NAMES[2:]]


def test_download_without_tqdm_and_without_a_length(
    cache, offered, server, check, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    for name, (status, body, _) in server.answers.items():
        server.answers[name] = (status, body, None)
    check(load(offered))


def test_download_moves_the_progress_bar(cache, offered, server, check, monkeypatch):
    bars = []

    class Bar(contextlib.nullcontext):
        def __init__(self, **options):
            super().__init__(self)
            self.options, self.count = options, 0
            bars.append(self)

        def update(self, count):
            self.count += count

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    check(load(offered))
    lengths = [length for _, _, length in server.answers.values()]
    assert [bar.count for bar in bars] == lengths
    assert [bar.options["total"] for bar in bars] == lengths
    assert [bar.options["desc"] for bar in bars] == [f"{name}.gz" for name in NAMES]


def changed(body):
    return gzip.compress(gzip.decompress(body)[:-1] + b"\0")


FAULTS = {  # the answer, made from the right body: status, body, declared length
    "404": (lambda body: (404, b"", 0), FileNotFoundError, "404: Not Found"),
    "500": (lambda body: (500, b"oh", 2), FileNotFoundError, "500: Internal Server"),
    "broken off": (
        lambda body: (200, body[:20], len(body)),
        FileNotFoundError,
        "broke after 20 of",
    ),
    "cut off": (lambda body: (200, body[:20], None), DataFileError, "cut off"),
    "empty": (lambda body: (200, b"", 0), DataFileError, "an empty file"),
    "error page": (lambda body: (200, b"<html>", 6), DataFileError, "got 3c 68 74"),
    "changed": (lambda body: (200, changed(body), None), DataFileError, "its SHA-256"),
    "endless": (
        lambda body: (200, bytes(200_000), None),
        DataFileError,
        "holds more than 4108",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_failed_download_leaves_nothing_and_says_how_to_mend_it(
    cache, offered, server, fault
):
    answer, error, reason = FAULTS[fault]
    name = f"{NAMES[0]}.gz"
    server.answers[name] = answer(server.answers[name][1])
    data_set = offered._replace(package="dataset-x", package_folder="/no-such")
    with pytest.raises(error, match=reason) as caught:
        load(data_set)
    assert list(cache.iterdir()) == []
    text = str(caught.value)
    for part in [server.url, str(cache), "/no-such", "`apt install dataset-x`", *NAMES]:
        assert part in text


def test_failed_download_keeps_the_files_that_came_before(
    cache, offered, server, check
):
    complete = server.answers.pop(f"{NAMES[2]}.gz")
    with pytest.raises(FileNotFoundError, match=NAMES[2]):
        load(offered)
    server.answers[f"{NAMES[2]}.gz"] = complete
    check(load(offered))
    assert server.asked == [f"{NAMES[i]}.gz" for i in (0, 1, 2, 2, 3)]


def test_file_appears_in_the_cache_only_when_whole_and_verified(
    cache, offered, check, monkeypatch
):
    moves, replace = [], os.replace
    digests = {file.name: file.sha256 for file in offered.files}

    def spy(source, target):
        names = {p.name for p in cache.iterdir() if p.suffix == ".gz"}
        moves.append((Path(source).parent, Path(target).name in names))
        content = gzip.decompress(Path(source).read_bytes())
        assert hashlib.sha256(content).hexdigest() == digests[Path(target).stem]
        replace(source, target)

    monkeypatch.setattr(fetch.os, "replace", spy)
    check(load(offered))
    assert moves == [(cache, False)] * 4


def test_no_network(cache, small):
    with pytest.raises(FileNotFoundError, match="could not be downloaded.*refused"):
        load(small)


def test_silent_server_times_out(cache, offered, server, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.1)
    server.barrier = threading.Barrier(2)  # nobody else will come
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match="timed out"):
        load(offered)
    assert time.monotonic() - start < 10
    server.barrier.abort()


def test_cache_that_cannot_be_written(cache, offered, server):
    cache.parent.write_text("a file where the cache's folder should be")
    with pytest.raises(FileNotFoundError, match=r"Not a directory.*SORA_NP_HOME moves"):
        load(offered)
    assert server.asked == []


def test_two_processes_fill_the_cache_at_once(cache, offered, server):
    server.barrier = threading.Barrier(2)  # each file waits until both ask for it
    script = (
        "from sora_np.datasets.fetch import *\n"
        f"(x, y), _ = load({offered!r})\n"
        "print(x.shape, y.tolist())"
    )
    root = Path(sora_np.datasets.__file__).parents[2]
    command = [sys.executable, "-c", script]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, cwd=root, **pipes) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in both]
    assert outputs == [("(3, 2, 2) [0, 1, 2]\n", "")] * 2
    assert len(server.asked) == 8
    assert sorted(p.name for p in cache.iterdir()) == sorted(server.answers)
