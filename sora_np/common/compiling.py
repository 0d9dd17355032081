"""Notices when numba compiles, for a message to the user and for timings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import event as events

from sora_np.kernels.machine.cache import folder_of

from .terminal import tell


class Compiling(events.Listener):  # type: ignore[misc]
    """Listens to numba: notices whenever a function starts to compile.

    Attributes
    ----------
    count : how many functions so far, including a user's own
    called : functions to call whenever one starts
    """

    def __init__(self) -> None:
        self.count, self.told = 0, False
        self.called: list[Callable[[], object]] = []

    def on_start(self, event: Any) -> None:
        self.count += 1
        function = event.data["dispatcher"]
        module = getattr(getattr(function, "py_func", None), "__module__", None) or ""
        if not self.told and module.startswith("sora_np."):
            self.told = True  # once per process
            tell(f"sora_np: compiling for this CPU, {_how_long(folder_of(function))}")
        for call in tuple(self.called):
            call()

    def on_end(self, event: Any) -> None:
        """Do nothing: only starts matter."""


def _how_long(folder: str) -> str:
    if folder == "nowhere":
        return "usually 5 to 20 seconds in every process: no folder can keep the result"
    where = Path(folder).parent
    return f"usually 5 to 20 seconds; kept for the next time in {where}"


COMPILING = Compiling()
events.register("numba:compile", COMPILING)
