"""CSVLogger."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sora_np.common.arguments import as_flag, as_path

from .base import Callback, Logs


class CSVLogger(Callback):
    """Writes the numbers of every epoch to a table: "epoch", then names in order.

    The file is open only while a row is written, so an interrupted run leaves a whole
    table.  A name that appears later gets its column then, with NA in the rows before.

    Parameters
    ----------
    filename : of the table; a missing folder is made
    separator : between its cells
    append : whether to go on with a table that is there, instead of replacing it; a
        last line without an end, as an editor may leave it, gets one

    Raises
    ------
    TypeError, ValueError : for a filename that is no path, or empty; for a separator
        that is not one character; when training begins, for appending to what is no
        table of epochs with this separator
    OSError : when training begins, where the file cannot be written
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
            pass  # what cannot be written fails before training, not after an epoch
        if self.append and self.filename.stat().st_size:
            head = self._read()[0]
            if head[:1] != ["epoch"]:
                raise ValueError(
                    f"{self.filename} is no table of epochs with the separator "
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
        """Add columns: to another file that then takes the place of this one."""
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
        """Return the columns and the length of the table in bytes."""
        size = self.filename.stat().st_size if self.keys is not None else 0
        return {"keys": self.keys, "size": size}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on where the table ended then: rows written since are dropped."""
        self.keys = None
        if state["keys"] is not None and self.filename.stat().st_size >= state["size"]:
            self.keys = list(state["keys"])
            os.truncate(self.filename, state["size"])


def _cell(value: Any) -> Any:
    return f"[{', '.join(map(str, value))}]" if np.ndim(value) else value
