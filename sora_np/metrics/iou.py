"""Intersection over union of classes, from a confusion matrix of an epoch.

For a class, with the total weights of samples, or of positions such as pixels::

    IoU = weight where y_true and y_pred are the class / weight where one or both are it

The result is the mean over the classes in y_true or y_pred, or 0 if there is none.

Source: Everingham et al. (2010), "The Pascal Visual Object Classes Challenge", 4.2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.common.arguments import as_count, as_flag, as_index, as_rate
from sora_np.common.inputs import as_numbers
from sora_np.losses.targets import class_labels

from .base import Metric, same_shape, sees_of, weights_for
from .confusion import Numbers, divide, mean_of


class IoU(Metric):
    """The mean intersection over union of some classes.

    Parameters
    ----------
    num_classes : the number of classes
    target_class_ids : the classes of which the mean is taken
    name : by default "io_u", as in Keras
    ignore_class : a label in y_true whose samples, or positions, do not count
    sparse_y_true, sparse_y_pred : whether they hold labels; else the label is the place
        of the largest entry along ``axis``.  A model does not return labels, so use
        ``sparse_y_pred=False``
    axis : the axis of the classes

    Raises
    ------
    ValueError : for labels outside 0..num_classes - 1 (Keras leaves them out)

    Examples
    --------
    >>> round(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    direction = "max"
    _matrix: Numbers

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        *,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        self.num_classes = as_count(num_classes, "num_classes")
        ids = [as_count(one, "each target class", 0) for one in target_class_ids]
        if not ids or max(ids) >= num_classes:
            raise ValueError(
                f"target_class_ids must be classes from 0 to {num_classes - 1}, got "
                f"{ids}"
            )
        self.target_class_ids = ids
        self.ignore_class = (
            None if ignore_class is None else as_index(ignore_class, "ignore_class")
        )
        self.sparse_y_true = as_flag(sparse_y_true, "sparse_y_true")
        self.sparse_y_pred = as_flag(sparse_y_pred, "sparse_y_pred")
        self.axis = as_index(axis, "axis")
        super().__init__(name)

    def check_targets(self, y_true: Any, y_pred: Any) -> None:
        self._labels(as_numbers(y_true, "y_true"), self.sparse_y_true, "y_true")

    def update_state(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        pred = self._labels(as_numbers(y_pred, "y_pred"), self.sparse_y_pred, "y_pred")
        true = self._labels(as_numbers(y_true, "y_true"), self.sparse_y_true, "y_true")
        true = self._fitting(true, pred)
        weight = weights_for(self, sample_weight, true.shape).reshape(-1)
        counted = (true != self.ignore_class).reshape(-1)
        places = (self.num_classes * true + pred).reshape(-1)[counted]
        sums = np.bincount(places, weight[counted], self.num_classes**2)
        self._matrix = self._matrix + sums.reshape(self._matrix.shape)

    def _labels(self, y: Any, sparse: bool, what: str) -> NDArray[np.int64]:
        if sparse:
            ignored = self.ignore_class if what == "y_true" else None
            try:
                return class_labels(y, self.num_classes, ignored, self.name)
            except ValueError as error:
                raise ValueError(str(error).replace("y_true", what)) from None
        if y.ndim < 2 or y.shape[self.axis] != self.num_classes:
            raise ValueError(
                f"{self.name} takes {what} with {self.num_classes} classes along axis "
                f"{self.axis}, got {y.shape}"
            )
        return y.argmax(axis=self.axis).astype(np.int64)

    def _fitting(self, true: Any, pred: Any) -> Any:
        """Return the labels of y_true in the shape of those of y_pred."""
        if self.sparse_y_pred and pred.shape[-1:] == (self.num_classes,):
            if true.shape in (pred.shape[:-1], (*pred.shape[:-1], 1)):
                raise ValueError(
                    f"{self.name} takes labels, but y_pred {pred.shape} seems to have "
                    "a number for every class: use sparse_y_pred=False"
                )
        return same_shape(self, true, pred)

    def result(self) -> Any:
        both = np.diag(self._matrix)
        either = self._matrix.sum(axis=0) + self._matrix.sum(axis=1) - both
        both, either = both[self.target_class_ids], either[self.target_class_ids]
        return float(mean_of(divide(both, either), either > 0))

    def reset_state(self) -> None:
        self._matrix = np.zeros((self.num_classes, self.num_classes))


class BinaryIoU(IoU):
    """The mean intersection over union of no (0) and yes (1): y_pred >= threshold.

    Parameters
    ----------
    target_class_ids : the classes of which the mean is taken: 0 is no, 1 is yes
    threshold : a y_pred that equals it means yes
    name : by default "binary_io_u", as in Keras

    Examples
    --------
    >>> round(BinaryIoU([1])([0, 1, 1, 0], [0.1, 0.5, 0.4, 0.7]), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
    ) -> None:
        self.threshold = as_rate(threshold, "threshold", 1)
        super().__init__(2, target_class_ids, name)

    @property
    def sees(self) -> str:
        return sees_of(self.threshold)

    def _labels(self, y: Any, sparse: bool, what: str) -> NDArray[np.int64]:
        if what == "y_pred":
            return np.asarray(y >= y.dtype.type(self.threshold), np.int64)
        return super()._labels(y, sparse, what)


class MeanIoU(IoU):
    """The mean intersection over union of all classes in y_true or y_pred.

    Parameters: as in :class:`IoU`, without the target classes; the name is "mean_io_u".

    >>> round(MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        *,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            *(num_classes, range(as_count(num_classes, "num_classes")), name),
            ignore_class=ignore_class,
            sparse_y_true=sparse_y_true,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )


class OneHotIoU(IoU):
    """The mean intersection over union of some classes, for a one-hot y_true.

    y_pred has a number for every class.  Parameters: as in :class:`IoU`.

    >>> y_pred = [[0.9, 0.1], [0.2, 0.8]]
    >>> OneHotIoU(2, [0])([[1, 0], [1, 0]], y_pred)
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        *,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            *(num_classes, target_class_ids, name),
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )


class OneHotMeanIoU(OneHotIoU):
    """The mean intersection over union of all classes, for a one-hot y_true.

    Parameters: as in :class:`MeanIoU`.

    >>> OneHotMeanIoU(2)([[1, 0], [1, 0]], [[0.9, 0.1], [0.2, 0.8]])
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        *,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            *(num_classes, range(as_count(num_classes, "num_classes")), name),
            ignore_class=ignore_class,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )
