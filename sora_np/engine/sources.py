"""The buffers into which a plan copies its batches."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from sora_np.kernels.machine.arrays import Array
from sora_np.kernels.machine.tasks import Task
from sora_np.kernels.preprocessing.gather import gather_tasks


class Source:
    """One of a plan's inputs.

    Parameters
    ----------
    x : the buffer (samples, ...)
    order : (samples,) the numbers of the next samples
    scale, offset : x = scale * samples + offset
    """

    def __init__(
        self, x: Array, order: NDArray[Any], scale: float, offset: float
    ) -> None:
        self.x, self.order = x, order
        self.scale, self.offset = scale, offset

    def fill(self, drawn: NDArray[Any]) -> None:
        """Copy the samples of a batch."""
        self.x[...] = drawn
        if (self.scale, self.offset) != (1, 0):
            self.x *= self.x.dtype.type(self.scale)
            self.x += self.x.dtype.type(self.offset)

    def tasks(self, x: NDArray[Any]) -> Sequence[Task] | None:
        """Return tasks that copy from x in parallel, or None if that is impossible."""
        fast = x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative
        if fast and x.dtype.kind in "fiu" and x.dtype.itemsize * 8 in (8, 32, 64):
            return gather_tasks(x, self.order, self.x, self.scale, self.offset)
        return None
