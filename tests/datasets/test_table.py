"""CSV: what may be odd is read, what is wrong is said with its line."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.datasets.idx import DataFileError
from sora_np.datasets.table import read_csv


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        return path

    return write


GOOD = {
    "plain": ("1,2,3\n4,5,6\n", {}),
    "header": ("a,b,c\n1,2,3\n4,5,6\n", {}),
    "byte-order-mark": ("\ufeffa,b,c\n1,2,3\n4,5,6\n", {"target": "c"}),
    "mark-no-header": ("\ufeff1,2,3\n4,5,6", {}),
    "windows": ("a,b,c\r\n1,2,3\r\n4,5,6\r\n", {}),
    "empty-lines": ("\na,b,c\n\n1,2,3\n ,,\n4,5,6\n\n", {}),
    "quotes": ('"a","b","c"\n"1","2","3"\n4,5,6\n', {}),
    "spaces": ("1, 2 ,3\n 4,5,6\n", {}),
    "semicolons": ("1;2;3\n4;5;6\n", {"delimiter": ";"}),
    "target-first": ("c,a,b\n3,1,2\n6,4,5\n", {"target": 0}),
    "target-by-name": ("a,c,b\n1,3,2\n4,6,5\n", {"target": "c"}),
    "exponents": ("1e0,2.0,+3\n4,.5e1,6\n", {}),
}


@pytest.mark.parametrize("text, options", GOOD.values(), ids=GOOD)
def test_one_table_in_many_forms(text, options, write):
    table = read_csv(write(text), **options)
    assert table.x.dtype == np.float64
    assert_array_equal(table.x, [[1, 2], [4, 5]])
    assert_array_equal(table.y, [3, 6])
    assert table.classes is None
    if "a" in text:
        assert table.names == ["a", "b", "c"]


def test_classes(write):
    table = read_csv(write("size,kind\n1,猫\n2,dog\n3,猫\n"))
    assert table.classes == ["dog", "猫"]
    assert_array_equal(table.y, [1, 0, 1])
    assert table.y.dtype.kind == "i"
    no_header = read_csv(write("1,dog\n2,cat\n"))
    assert_array_equal(no_header.x, [[1], [2]])


HOLES = "a,b,c\n1,,3\n4,5,6\nNA,?,7\n8,9,nan\n"


def test_missing_cells(write):
    path = write(HOLES)
    with pytest.raises(DataFileError, match="line 2: 'b' is missing; missing=\"nan\""):
        read_csv(path)
    table = read_csv(path, missing="nan")
    assert_array_equal(table.x, [[1, np.nan], [4, 5], [np.nan, np.nan], [8, 9]])
    assert_array_equal(table.y, [3, 6, 7, np.nan])
    with pytest.warns(UserWarning, match="3 of 4 rows hold missing cells") as seen:
        table = read_csv(path, missing="drop")
    assert_array_equal(table.x, [[4, 5]])
    assert seen[0].filename == __file__


BAD = {
    "ragged": ("1,2,3\n4,5\n", {}, "line 2 has 2 cells, those before have 3"),
    "too-long": ("1,2\n\n4,5,6\n", {}, "line 3 has 3 cells, those before have 2"),
    "text": ("a,b\n1,2\nx,3\n", {}, "line 3: 'a' is no number, but 'x'"),
    "decimal-comma": (
        "a;b\n1;2\n1,5;2\n",
        {"delimiter": ";"},
        "line 3: 'a' is no number, but '1,5'",
    ),
    "empty": ("", {}, "it is empty"),
    "only-mark": ("\ufeff\n", {}, "it is empty"),
    "only-header": ("a,b\n", {"header": True}, "it has no rows of data"),
    "one-column": ("1;2\n3;4\n", {}, "its rows have one cell, '1;2'.* delimiter"),
    "no-target": ("a,b\n1,2\n", {"target": "c"}, "it has no column 'c', but a, b"),
    "target-7": ("1,2\n", {"target": 7}, "it has no column 7, but 2"),
    "latin": ("é,b\n1,2\n".encode("latin-1"), {}, "no text in UTF-8.*save it as"),
    "lost-class": ("1,dog\n2,\n", {"missing": "nan"}, "the target is missing in some"),
    "no-header": (
        "1,2\n3,4\n",
        {"target": "1"},
        "its first row names no columns, so not '1'",
    ),
}


@pytest.mark.parametrize("text, options, match", BAD.values(), ids=BAD)
def test_mistakes(text, options, match, write):
    path = write(text)
    with pytest.raises(DataFileError, match=match) as caught:
        read_csv(path, **options)
    assert caught.value.path == path


def test_more_mistakes(write, tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(ValueError, match='missing must be "error", "nan" or "drop"'):
        read_csv(write("1,2\n"), missing="ignore")
