"""What compiles in this process: who waits for it is told, and who times steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import event as events

from sora_np.kernels.machine.cache import folder_of

from .terminal import tell


class Compiling(events.Listener):  # type: ignore[misc]
    """Listens to numba: a function begins to compile, be it a user's own.

    Attributes
    ----------
    count : how many functions so far
    called : what is called whenever one begins
    """

    def __init__(self) -> None:
        self.count, self.told = 0, False
        self.called: list[Callable[[], object]] = []

    def on_start(self, event: Any) -> None:
        self.count += 1
        function = event.data["dispatcher"]
        module = getattr(getattr(function, "py_func", None), "__module__", None) or ""
        if not self.told and module.startswith("sora_np."):
            self.told = True  # once a process
            tell(f"sora_np: compiling for this CPU, {_how_long(folder_of(function))}")
        for call in tuple(self.called):
            call()

    def on_end(self, event: Any) -> None:
        """Nobody asks."""


def _how_long(folder: str) -> str:
    if folder == "nowhere":
        return "usually 5 to 20 seconds in every process: there is no folder to keep it"
    where = Path(folder).parent
    return f"usually 5 to 20 seconds; kept for the next time in {where}"


COMPILING = Compiling()
events.register("numba:compile", COMPILING)
