"""Data sets of one file: from small files of the published form, and a local server."""

import gzip
import hashlib
import io
import json
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    emnist,
    imdb,
    kmnist,
    pickles,
    reuters,
)
from sora_np.datasets.fetch import IdxFile
from sora_np.datasets.idx import DataFileError
from sora_np.datasets.published import PublishedFile


@pytest.fixture
def offer(cache, server, monkeypatch):
    """Return the function that lets the server offer a file of a data set."""

    def offered(module, body, attribute="FILE", digest="sha256"):
        real = getattr(module, attribute)
        found = hashlib.new(digest, body).hexdigest()
        file = PublishedFile(f"{server.url}{real.name}", len(body), found)
        monkeypatch.setattr(module, attribute, file)
        server.answers[real.name] = (200, body, len(body))
        return cache.parent / module.__name__.rpartition(".")[2] / real.name

    return offered


NAMES = [file.name for file in kmnist.DATA_SET.files]
ARRAYS = [
    np.arange(12, dtype=np.uint8).reshape(3, 2, 2),
    np.array([0, 1, 2], np.uint8),
    np.arange(8, dtype=np.uint8).reshape(2, 2, 2),
    np.array([2, 1], np.uint8),
]


def idx(x):
    return bytes([0, 0, 8, x.ndim]) + np.array(x.shape, ">i4").tobytes() + x.tobytes()


PACKED = {n: gzip.compress(idx(x)) for n, x in zip(NAMES, ARRAYS, strict=True)}


def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def lists(*texts):
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


# as Python 2 wrote the batches of CIFAR: text as bytes, an array by _reconstruct
BATCH = (
    b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x05firstq\x03U\x06labelsq\x04]q\x05(K\x06K"
    b"\x09eU\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq"
    b"\x08K\x00\x85U\x01bq\x09\x87Rq\x0a(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nq\x0bU"
    b"\x02u1K\x00K\x01\x87Rq\x0c(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"
    b"tb\x89T\x00\x18\x00\x00"
)
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), np.uint8)
BATCH += PIXELS.tobytes() + b"tbu."


def test_cifar10(offer, server):
    names = [*cifar10.TRAIN, *cifar10.TEST]
    body = tar({"cifar-10-batches-py/readme.html": b"?"} | dict.fromkeys(names, BATCH))
    path = offer(cifar10, body)
    for _ in range(2):  # by download, then from the cache
        (x, y), (x_test, y_test) = cifar10.load_data()
        assert x.shape == (10, 32, 32, 3) and x.dtype == y.dtype == np.uint8
        assert_array_equal(x[:2], PIXELS.transpose(0, 2, 3, 1))
        assert_array_equal(y, [[6], [9]] * 5)
        assert_array_equal(x_test, x[:2])
        assert_array_equal(y_test, y[:2])
    assert server.asked == ["cifar-10-python.tar.gz"]
    assert_array_equal(cifar10.load_data(path)[0][0], x)
    assert_array_equal(cifar10.load_data(path.parent)[0][0], x)
    damaged = bytearray(body)
    damaged[-9] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(DataFileError, match="its SHA256 is .*, expected .*: damaged"):
        cifar10.load_data()


def test_cifar100(offer):
    held = {"data": PIXELS.reshape(2, -1), "fine_labels": [99, 0]}
    held["coarse_labels"] = [19, 4]
    batch = pickle.dumps(held, 2)
    offer(
        cifar100, tar({"cifar-100-python/train": batch, "cifar-100-python/test": batch})
    )
    (x, y), (x_test, y_test) = cifar100.load_data()
    assert_array_equal(x, PIXELS.transpose(0, 2, 3, 1))
    assert_array_equal(y, [[99], [0]])
    assert_array_equal(cifar100.load_data("coarse")[1][1], [[19], [4]])
    with pytest.raises(ValueError, match='must be "fine" or "coarse", got "?\'?rough'):
        cifar100.load_data("rough")
    assert (len(cifar100.CLASS_NAMES), len(cifar100.COARSE_NAMES)) == (100, 20)
    assert list(cifar100.CLASS_NAMES) == sorted(cifar100.CLASS_NAMES)


def test_an_archive_without_the_batches(offer):
    offer(cifar10, tar({cifar10.TEST[0]: BATCH}))
    with pytest.raises(
        DataFileError, match="it has no cifar-10-batches-py/data_batch_"
    ):
        cifar10.load_data()


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickles_are_read_as_data(protocol):
    data = {
        "labels": [0, 255, 256, 70000, -1, 2**70],
        "array": np.arange(6, dtype=np.int16).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "texts": lists([1, 2], [], [3]),
        "other": ("ü", b"\xff", 2.5, None, True, (), (1, 2, 3, 4), {"a": [[]]}),
    }
    found = pickles.loads(pickle.dumps(data, protocol))
    assert found.keys() == data.keys()
    for name in ("array", "columns", "texts"):
        assert_array_equal(found[name], data[name], strict=True)
    assert found["labels"] == data["labels"] and found["other"] == data["other"]


class Evil:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    "data, text",
    [
        (pickle.dumps(Evil()), "it names builtins.print, which is not data"),
        (b"cos\nsystem\n(S'true'\ntR.", "it names os.system"),
        (b"\x80\x02]U\xffabc", "it declares 255 bytes, 3 are left"),
        (b"\x80\x02K", "no pickle of plain data: IndexError"),
        (b"", "no pickle of plain data"),
        (b"\x80\x02h\x07.", "no pickle of plain data: KeyError"),
        (b"\x80\x02K\x01K\x02a.", "it adds to a int, not a list"),
        (b"\x80\x02K\x01)R.", "it calls a int"),
        (b"\x80\x02U\x05array)R.", "it calls a bytes"),
        (b"\x80\x02]e.", "it ends a list that it never began"),
        (b"\x80\x02(i.", "the instruction b'i'"),
        (pickle.dumps(np.array(["a"]), 2), "an array of "),
    ],
)
def test_pickles_that_are_no_data(data, text, capsys):
    with pytest.raises(ValueError, match=text):
        pickles.loads(data)
    assert capsys.readouterr().out == ""


def test_damaged_pickles_bring_one_error(rng):
    whole = pickle.dumps({"labels": [1, 700], "data": PIXELS[0, 0, :2], "u": ("a",)}, 2)
    refused = 0
    for k in range(2000):
        data = bytearray(whole)
        data[rng.integers(len(data))] = rng.integers(256)
        try:
            pickles.loads(
                bytes(data[: rng.integers(len(data))] if k % 3 == 0 else data)
            )
        except ValueError:
            refused += 1
    assert refused > 1000


def test_imdb(offer):
    """By hand; the order is that of RandomState(113)."""
    x = {"x_train": lists([1, 2, 9], [5, 1]), "x_test": lists([4], [3, 3, 3, 7])}
    offer(imdb, npz(**x, y_train=np.array([1, 0]), y_test=np.array([0, 1])))
    order, order_of_test = np.arange(2), np.arange(2)
    rng = np.random.RandomState(113)
    rng.shuffle(order)
    rng.shuffle(order_of_test)
    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=8, skip_top=5)
    expected = [[2, 2, 5, 2], [2, 2, 2]]  # 1 + [4, 5, 12] and 1 + [8, 4]
    assert x_train.dtype == object
    assert list(x_train) == [expected[k] for k in order]
    assert_array_equal(y_train, np.array([1, 0])[order])
    expected = [[2, 7], [2, 6, 6, 6, 2]]
    assert list(x_test) == [expected[k] for k in order_of_test]
    assert_array_equal(y_test, np.array([0, 1])[order_of_test])
    options = {"start_char": None, "oov_char": None, "index_from": 0}
    (x_train, y_train), _ = imdb.load_data(maxlen=3, **options)
    assert list(x_train) == [[1]]  # the largest number, 5, is itself none of num_words
    assert list(y_train) == [0]
    with pytest.raises(ValueError, match="no text has less than maxlen=1 words"):
        imdb.load_data(maxlen=1)
    offer(imdb, json.dumps({"the": 1, "é": 2}).encode(), "INDEX", "md5")
    assert imdb.get_word_index() == {"the": 1, "é": 2}


def test_reuters(offer):
    texts = [[k + 1] * (k + 1) for k in range(10)]
    offer(reuters, npz(x=lists(*texts), y=np.arange(10)))
    (x, y), (x_test, y_test) = reuters.load_data(test_split=0.3, seed=5)
    order = np.arange(10)
    np.random.RandomState(5).shuffle(order)
    assert_array_equal([*y, *y_test], order)
    assert (len(x), len(x_test)) == (7, 3)
    for text, label in zip([*x, *x_test], order, strict=True):
        # the largest number, 13, is itself none of num_words
        assert text == [1] + [label + 4 if label < 9 else 2] * (label + 1)
    assert len(reuters.get_label_names()) == 46


@pytest.mark.parametrize(
    "module, width", [(boston_housing, 13), (california_housing, 8)]
)
def test_houses(module, width, offer):
    x, y = np.arange(1000.0 * width).reshape(1000, width), np.arange(1000.0)
    offer(module, npz(x=x, y=y))
    (x_train, y_train), (x_test, y_test) = module.load_data(test_split=0.25, seed=1)
    order = np.arange(1000)
    np.random.RandomState(1).shuffle(order)
    assert_array_equal(np.concatenate([y_train, y_test]), order)
    assert_array_equal(np.concatenate([x_train, x_test]), x[order])
    assert len(y_train) == 750 and len(module.FEATURE_NAMES) == width
    with pytest.raises(ValueError, match="test_split must be a share from 0 to less"):
        module.load_data(test_split=1)
    if module is california_housing:
        (_, few), (_, fewer) = module.load_data("small")
        assert {*few, *fewer} == {*range(600)}


def test_kmnist_is_checked_as_it_was_published(cache, server, monkeypatch, check):
    for name, body in PACKED.items():
        server.answers[f"{name}.gz"] = (200, body, len(body))
    files = tuple(
        IdxFile(name, x.shape, gz_sha256=hashlib.sha256(PACKED[name]).hexdigest())
        for name, x in zip(NAMES, ARRAYS, strict=True)
    )
    small = kmnist.DATA_SET._replace(name="Small", url=server.url, files=files)
    monkeypatch.setattr(kmnist, "DATA_SET", small)
    check(kmnist.load_data())
    check(kmnist.load_data(cache))
    (cache / f"{NAMES[1]}.gz").write_bytes(gzip.compress(idx(ARRAYS[1]), 1))
    with pytest.raises(DataFileError, match="its SHA256 is"):
        kmnist.load_data()


def test_emnist(offer):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for k, part in enumerate(("train", "test")):
            for name, kind in zip(
                NAMES[2 * k :][:2], ("images", "labels"), strict=True
            ):
                digits = 3 if kind == "images" else 1
                archive.writestr(
                    f"gzip/emnist-letters-{part}-{kind}-idx{digits}-ubyte.gz",
                    PACKED[name],
                )
    offer(emnist, out.getvalue())
    (x, y), (x_test, y_test) = emnist.load_data("letters")
    assert_array_equal(x, ARRAYS[0].transpose(0, 2, 1), strict=True)
    assert_array_equal(y, ARRAYS[1], strict=True)
    assert_array_equal(x_test, ARRAYS[2].transpose(0, 2, 1), strict=True)
    with pytest.raises(
        DataFileError, match="emnist-digits-train-images.* cannot be re"
    ):
        emnist.load_data("digits")
    with pytest.raises(ValueError, match="split must be one of \"?'balanced"):
        emnist.load_data("capitals")
    counts = {split: len(names) for split, names in emnist.CLASS_NAMES.items()}
    assert counts == {
        **{"balanced": 47, "byclass": 62, "bymerge": 47},
        **{"digits": 10, "letters": 27, "mnist": 10},
    }


def test_a_file_that_is_nowhere(cache, monkeypatch):
    file = PublishedFile("http://127.0.0.1:9/boston_housing.npz", 9, "0" * 64)
    monkeypatch.setattr(boston_housing, "FILE", file)
    text = "could not be downloaded from http://127.0.0.1:9/.* To fix it: put boston_ho"
    with pytest.raises(FileNotFoundError, match=text):
        boston_housing.load_data()
    assert not [*cache.parent.rglob("*.part")]


def test_another_file_is_not_kept(offer, server):
    path = offer(boston_housing, npz(x=np.zeros((2, 13)), y=np.zeros(2)))
    body = npz(x=np.ones((2, 13)), y=np.zeros(2))
    server.answers["boston_housing.npz"] = (200, body, len(body))
    with pytest.raises(DataFileError, match="its SHA256 is"):
        boston_housing.load_data()
    assert not [*path.parent.iterdir()]
