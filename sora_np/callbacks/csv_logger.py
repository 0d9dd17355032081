"""CSVLogger: writes the numbers of every epoch to a CSV file."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sora_np.common.arguments import as_flag, as_path

from .base import Callback, Logs


class CSVLogger(Callback):
    """Writes the numbers of every epoch to a table: "epoch", then the sorted names.

    The file is open only while a row is written, so an interrupted run leaves a valid
    table.  If a name first appears in a later epoch, its column is added then, with NA
    in the rows before.

    Parameters
    ----------
    filename : of the table; missing folders are created
    separator : one character between cells
    append : whether to add to an existing table instead of replacing it; a line end is
        added to the last row if it has none

    Raises
    ------
    TypeError, ValueError : if filename is not a path, or is empty; for a separator that
        is not one character; at the start of training, for appending to a file that is
        not a table of epochs with this separator
    OSError : at the start of training, if the file cannot be written
    """

    adds = ()

    def __init__(
        self, filename: str | Path, separator: str = ",", append: bool = False
    ) -> None:
        if not (isinstance(separator, str) and len(separator) == 1):
            raise ValueError(f"separator must be one character, got {separator!r}")
        self.filename, self.sep = as_path(filename, "filename"), separator
        self.append = as_flag(append, "append")
        self.keys: list[str] | None = None  # the columns after "epoch"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.keys = None
        self.filename.parent.mkdir(parents=True, exist_ok=True)
        with open(self.filename, "a", newline="", encoding="utf-8"):
            pass  # if it cannot be written, this fails before training
        if self.append and self.filename.stat().st_size:
            head = self._read()[0]
            if head[:1] != ["epoch"]:
                raise ValueError(
                    f"{self.filename} is not a table of epochs with the separator "
                    f"{self.sep!r}: its first line is {self.sep.join(head)[:80]!r}. "
                    "Give another file, another separator, or append=False"
                )
            self.keys = head[1:]
            with open(self.filename, "rb+") as file:
                file.seek(-1, os.SEEK_END)
                if file.read() not in (b"\n", b"\r"):
                    file.write(b"\r\n")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            self._write("w", [["epoch", *self.keys]])
        late = sorted(logs.keys() - set(self.keys))
        if late:
            self._widen(late)
        self._write("a", [[epoch, *(_cell(logs.get(key, "NA")) for key in self.keys)]])

    def _widen(self, names: list[str]) -> None:
        """Add columns: write a new file that then replaces the table."""
        assert self.keys is not None
        head, *rows = self._read()
        self.keys += names
        wider = [[*head, *names], *([*row, *["NA"] * len(names)] for row in rows)]
        target = self.filename
        self.filename = target.with_name(f".{target.name}.new")
        try:
            self._write("w", wider)
            os.replace(self.filename, target)
        finally:
            self.filename.unlink(missing_ok=True)
            self.filename = target

    def _read(self) -> list[list[str]]:
        with open(self.filename, newline="", encoding="utf-8") as file:
            return list(csv.reader(file, delimiter=self.sep))

    def _write(self, mode: str, rows: list[list[Any]]) -> None:
        with open(self.filename, mode, newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=self.sep).writerows(rows)

    def get_state(self) -> dict[str, Any]:
        """Return the columns, and the length of the table in bytes."""
        size = self.filename.stat().st_size if self.keys is not None else 0
        return {"keys": self.keys, "size": size}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue where the table ended then: later rows are dropped."""
        self.keys = None
        if state["keys"] is not None and self.filename.stat().st_size >= state["size"]:
            self.keys = list(state["keys"])
            os.truncate(self.filename, state["size"])


def _cell(value: Any) -> Any:
    return f"[{', '.join(map(str, value))}]" if np.ndim(value) else value
