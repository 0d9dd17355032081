"""CSV: what may be odd is read, what is wrong is said with its line."""

import os

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


NAMED_BY_NUMBERS = {  # text, whether a guess is told, x, y, names
    "target-named": ("1,2,3,label\n5,6,7,1\n8,9,7,0\n", False, [[5, 6, 7], [8, 9, 7]]),
    "years": ("2019,2021,class\n5,6,1\n8,9,0\n", False, [[5, 6], [8, 9]]),
    "pandas": ("0,1,2\n5.5,6,1\n8,9,0\n", True, [[5.5, 6], [8, 9]]),
    "pandas-classes": ("0,1,kind\n5.5,6,cat\n8,9,dog\n", True, [[5.5, 6], [8, 9]]),
    "of-years": ("2019,2020,2021\n5.5,6,1\n8,9,0\n", True, [[5.5, 6], [8, 9]]),
}


@pytest.mark.parametrize(
    "text, told, x", NAMED_BY_NUMBERS.values(), ids=NAMED_BY_NUMBERS
)
def test_a_header_of_whole_numbers(text, told, x, write):
    """pandas names columns 0, 1, 2: they are no sample."""
    path = write(text)
    if told:
        with pytest.warns(UserWarning, match="counts up, so it is read as the names"):
            table = read_csv(path)
    else:
        table = read_csv(path)
    assert_array_equal(table.x, x)
    assert_array_equal(table.y, [0, 1] if table.classes else [1, 0])
    assert table.names == text.split("\n")[0].split(",")
    sure = read_csv(path, header=True)
    assert_array_equal(sure.x, table.x)
    assert len(read_csv(path, header=False).x) == 3


DATA_ALL_THE_SAME = {
    "counting-rows": "0,1,2\n3,4,5\n6,7,8\n",
    "two-columns": "0,1\n1,0\n7,9\n",
    "not-in-steps": "0,2,4\n7,1,1\n7,9,2\n",
    "fractions": "0.0,1.0,2.0\n5,1,1\n5,5,2\n",
    "classes-again": "0,1,cat\n5,1,dog\n5,5,cat\n",
    "missing": "0,1,\n5,1,2\n5,5,4\n",
}


@pytest.mark.parametrize("text", DATA_ALL_THE_SAME.values(), ids=DATA_ALL_THE_SAME)
def test_a_first_row_that_is_data(text, write):
    assert len(read_csv(write(text), missing="nan").x) == 3


def test_a_named_target_that_is_missing_somewhere(write):
    table = read_csv(write("1,2,label\n5,6,1\n8,9,\n"), missing="nan")
    assert table.names == ["1", "2", "label"]
    assert_array_equal(table.y, [1, np.nan])


def test_numbers_as_python_alone_writes_them_are_text(write):
    """float("1_1") is 11: classes 1_1 and 11 became one."""
    table = read_csv(write("5,1_1\n6,1_2\n7,11\n"))
    assert table.classes == ["11", "1_1", "1_2"]
    assert_array_equal(table.y, [1, 2, 0])
    for cell in ("1_0", "1e999", "٣", "0x1f", "nan"):
        text = f"line 2: 'a' is no number, but '{cell}'"
        with pytest.raises(DataFileError, match=text):
            read_csv(write(f"a,b\n{cell},1\n"), missing_values=[""])
    infinite = read_csv(write("inf,1\n-Infinity,2\n")).x
    assert_array_equal(infinite, [[np.inf], [-np.inf]])


def test_a_class_called_none(write):
    path = write("size,pain\n1,none\n2,NA\n3,strong\n")
    with pytest.raises(DataFileError, match=r"If 'none' is a name there.*\(\"\",\)"):
        read_csv(path)
    table = read_csv(path, missing_values=("",))
    assert table.classes == ["NA", "none", "strong"]
    assert_array_equal(table.y, [1, 0, 2])
    coded = write("a,b\n-9,1\n2,0\n")
    assert_array_equal(
        read_csv(coded, missing="nan", missing_values=["-9"]).x, [[np.nan], [2]]
    )
    with pytest.raises(TypeError, match="must be a list of texts, got 'none'"):
        read_csv(path, missing_values="none")


def test_a_target_of_numbers_and_text_is_told(write):
    path = write("a,price\n1,2.5\n2,unknown\n3,4.5\n")
    with pytest.warns(UserWarning, match="numbers, such as 2.5, and text.*'unknown'"):
        assert read_csv(path).classes == ["2.5", "4.5", "unknown"]


def test_no_file_at_all(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("", "pipe.csv", "zero.csv"):
        with pytest.raises(DataFileError, match="expected a table in text, got a "):
            read_csv(tmp_path / name)


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
    "one-column": ("1;2\n3;4\n", {}, "got rows of one cell, '1;2'.* delimiter"),
    "no-target": ("a,b\n1,2\n", {"target": "c"}, "it has no column 'c', but a, b"),
    "target-7": ("1,2\n", {"target": 7}, "it has no column 7, but 2"),
    "two-of-a-name": (
        "a,b,b\n1,2,3\n",
        {"target": "b"},
        "several of its columns are named 'b'",
    ),
    "names-and-numbers": (
        "id,2019,y\n1,2,3\n",
        {},
        "its first row holds text and numbers, 'id' and '2019': give header=True",
    ),
    "large": ("1,9007199254740993\n2,5\n", {}, "too large: float64 rounds it"),
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
