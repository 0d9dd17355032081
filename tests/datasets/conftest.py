"""A small data set of four files, and a server that offers them on 127.0.0.1."""

import gzip
import hashlib
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.datasets import mnist
from sora_np.datasets.fetch import IdxDataSet, IdxFile

NAMES = [file.name for file in mnist.DATA_SET.files]
ARRAYS = [
    np.arange(12, dtype=np.uint8).reshape(3, 2, 2),
    np.array([0, 1, 2], np.uint8),
    np.arange(8, dtype=np.uint8).reshape(2, 2, 2),
    np.array([2, 1], np.uint8),
]
PLAIN = {
    name: bytes([0, 0, 8, x.ndim]) + struct.pack(f">{x.ndim}i", *x.shape) + x.tobytes()
    for name, x in zip(NAMES, ARRAYS, strict=True)
}
FILES = tuple(
    IdxFile(name, x.shape, hashlib.sha256(PLAIN[name]).hexdigest())
    for name, x in zip(NAMES, ARRAYS, strict=True)
)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.asked.append(name)
        if self.server.barrier is not None:
            self.server.barrier.wait(timeout=60)
        status, body, length = self.server.answers.get(name, (404, b"", 0))
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.barrier, server.answers = [], None, {}
        for name, content in PLAIN.items():
            body = gzip.compress(content)
            server.answers[f"{name}.gz"] = (200, body, len(body))
        server.url = f"http://127.0.0.1:{server.server_port}/data/"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return the folder where the data set Small is cached; it does not exist yet."""
    monkeypatch.setenv("SORA_NP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "home" / "small"


@pytest.fixture
def small():
    return IdxDataSet("Small", "http://127.0.0.1:9/", FILES)  # where nobody answers


@pytest.fixture
def fill():
    """Return the function that puts the files into a new folder."""

    def write(folder, suffix=".gz", names=NAMES):
        folder.mkdir(parents=True)
        for name in names:
            content = gzip.compress(PLAIN[name]) if suffix else PLAIN[name]
            (folder / f"{name}{suffix}").write_bytes(content)
        return folder

    return write


@pytest.fixture
def check():
    """Return the function that asserts that these are the arrays of the data set."""

    def assert_small(splits):
        (x_train, y_train), (x_test, y_test) = splits
        loaded = [x_train, y_train, x_test, y_test]
        for actual, expected in zip(loaded, ARRAYS, strict=True):
            assert_array_equal(actual, expected, strict=True)

    return assert_small
