"""Where the files are looked for; test_download.py has the rest of fetch.py."""

import gzip
import os
from pathlib import Path

import pytest

from sora_np.datasets import fetch, mnist
from sora_np.datasets.fetch import cache_folder, load
from sora_np.datasets.idx import DataFileError

NAMES = [file.name for file in mnist.DATA_SET.files]


@pytest.mark.parametrize("suffix", [".gz", ""], ids=["gz", "plain"])
@pytest.mark.parametrize("kind", [str, Path])
def test_folder_of_the_caller(tmp_path, cache, small, fill, check, suffix, kind):
    check(load(small, kind(fill(tmp_path / "mine", suffix))))
    assert not cache.parent.exists()


def test_incomplete_folder_of_the_caller_names_what_it_lacks(
    tmp_path, small, fill, server
):
    fill(tmp_path / "mine", names=NAMES[1:])
    with pytest.raises(FileNotFoundError, match="Small.*mine.*lacks train-images-idx3"):
        load(small._replace(url=server.url), tmp_path / "mine")
    assert server.asked == []


@pytest.mark.parametrize("suffix", [".gz", ""], ids=["gz", "plain"])
def test_filled_cache_needs_no_network(cache, small, fill, check, suffix):
    fill(cache, suffix)
    check(load(small))


def test_folder_of_the_distribution_needs_no_network_and_no_cache(
    tmp_path, cache, small, fill, check
):
    folder = fill(tmp_path / "share")
    check(load(small._replace(package_folder=str(folder))))
    assert not cache.parent.exists()


@pytest.mark.parametrize("place", ["path", "cache", "package"])
def test_checksum_is_verified_on_every_load(tmp_path, cache, small, fill, check, place):
    folder = fill({"cache": cache}.get(place, tmp_path / place))
    data_set = small._replace(package_folder=str(tmp_path / "package"))
    path = folder if place == "path" else None
    check(load(data_set, path))
    file = folder / f"{NAMES[3]}.gz"
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes())[:-1] + b"\7"))
    with pytest.raises(DataFileError, match=f"{file.name}: its SHA-256"):
        load(data_set, path)


CACHES = {
    "chosen": ({"SORA_NP_HOME": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
    "XDG": ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/sora_np"),
    "relative XDG is void": (
        {"XDG_CACHE_HOME": "b", "HOME": "/c"},
        "/c/.cache/sora_np",
    ),
    "home": ({"SORA_NP_HOME": "", "HOME": "/c"}, "/c/.cache/sora_np"),
}


@pytest.mark.skipif(os.name == "nt", reason="the paths are those of POSIX")
@pytest.mark.parametrize("case", CACHES)
def test_cache_folder(monkeypatch, case):
    variables, expected = CACHES[case]
    for name in ["SORA_NP_HOME", "XDG_CACHE_HOME", "HOME"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_cache_folder_without_a_home(monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ["SORA_NP_HOME", "XDG_CACHE_HOME"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(fetch.tempfile, "gettempdir", lambda: str(tmp_path))
    assert cache_folder() == tmp_path / "sora_np"
