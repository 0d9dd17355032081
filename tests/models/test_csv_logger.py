import csv
import os

import pytest

from sora_np.callbacks import Callback, CSVLogger
from sora_np.metrics import F1Score


@pytest.fixture
def table(tmp_path):
    return tmp_path / "log.csv"


def read(table, separator=","):
    with open(table, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_row_an_epoch(make_model, images, table, separator):
    log = CSVLogger(table, separator)
    options = {"epochs": 3, "initial_epoch": 1, "verbose": 0}
    history = make_model().fit(*images, callbacks=log, **options).history
    head, *rows = read(table, separator)
    assert head == ["epoch", "accuracy", "loss"], "no columns of a validation"
    assert [row[0] for row in rows] == ["1", "2"]
    assert [float(row[2]) for row in rows] == history["loss"], "to the last digit"


def test_columns_that_come_later(make_model, images, table):
    options = {"validation_data": images, "validation_freq": 2, "verbose": 0}
    make_model().fit(*images, epochs=4, callbacks=CSVLogger(table), **options)
    head, *rows = read(table)
    assert head == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [row[3:] == ["NA", "NA"] for row in rows] == [True, False, True, False]
    assert os.listdir(table.parent) == ["log.csv"]


def test_arrays(make_model, images, table):
    model = make_model()
    model.compile("adam", model.loss, metrics=[F1Score()])
    model.fit(*images, callbacks=CSVLogger(table), verbose=0)
    cell = read(table)[1][1]
    assert cell[0] == "[" and len(cell[1:-1].split(", ")) == 3


def test_append_and_replace(follow, table):
    follow([1, 2], CSVLogger(table))
    follow([3], CSVLogger(table, append=True), start=2)
    assert [row[0] for row in read(table)] == ["epoch", "0", "1", "2"]
    log = CSVLogger(table)
    for value in (7, 8):
        follow([value], log)
        assert [row[2] for row in read(table)] == ["script", f"{value}.0"]


def test_append_to_nothing_and_to_other_columns(make_model, follow, images, table):
    make_model().fit(*images, callbacks=CSVLogger(table, append=True), verbose=0)
    follow([5], CSVLogger(table, append=True), start=1)
    head, first, second = read(table)
    assert head == ["epoch", "accuracy", "loss", "script"]
    assert first[3] == "NA" and second[1] == "NA" and second[3] == "5.0"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=repr)
def test_a_last_line_without_an_end_gets_one(follow, table, end):
    """As an editor, or a process that was killed, may leave it."""
    table.write_text(f"epoch,accuracy,loss,script\n0,0.5,1.5,2.0{end}", newline="")
    follow([7], CSVLogger(table, append=True), start=1)
    head, first, second = read(table)
    assert head == ["epoch", "accuracy", "loss", "script"]
    assert first == ["0", "0.5", "1.5", "2.0"] and second[0] == "1"
    assert second[3] == "7.0"


@pytest.mark.parametrize("text", ["epoch;loss\n0;1\n", "a,b\n1,2\n", "\n"], ids=repr)
def test_what_is_no_table_of_epochs_is_not_appended_to(follow, table, text):
    table.write_text(text, newline="")
    with pytest.raises(ValueError, match="log.csv is not a table of epochs with"):
        follow([1], CSVLogger(table, append=True))
    assert table.read_bytes() == text.encode()


class Fail(Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_an_interrupted_run_leaves_a_whole_table_and_no_open_file(follow, table):
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    log = CSVLogger(table)
    with pytest.raises(KeyboardInterrupt):
        follow([1, 2, 3], [Fail(), log])
    assert [row[2] for row in read(table)] == ["script", "1.0"]
    after = os.listdir("/proc/self/fd") if before else []
    assert len(after) == len(before)
    follow([4], log)
    assert [row[2] for row in read(table)] == ["script", "4.0"]


def test_a_file_that_cannot_be_written_is_said_before_training(follow, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "log.csv", tmp_path):
        with pytest.raises(OSError):
            follow([1], CSVLogger(path))


def test_a_missing_folder_is_made(follow, tmp_path):
    follow([1], CSVLogger(tmp_path / "a" / "b" / "log.csv"))
    assert (tmp_path / "a" / "b" / "log.csv").read_text().startswith("epoch,")


@pytest.mark.parametrize("separator", ["", "::", None])
def test_a_separator_is_one_character(table, separator):
    with pytest.raises(ValueError, match="^separator must be one character, got"):
        CSVLogger(table, separator)
