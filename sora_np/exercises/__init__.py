"""Exercises: check a learner's code, and give hints.

>>> from sora_np import exercises
>>> def neuron(x, w, b):
...     total = 0.0
...     for one, weight in zip(x, w):
...         total = total + one * weight
...     return total
>>> exercises.check(neuron)  # doctest: +ELLIPSIS
neuron, exercise neuron: 1 of 5 right
WRONG      three inputs: y
           y: expected 2.5, got 2
           hint: The bias is missing in the result.
...

:func:`task` shows the text of an exercise, ``EXERCISES`` has their names.
:func:`check` runs hidden cases (edges, ties, strides, dtypes, one sample, images that
are not square) and returns a report: what is right, what is not, and a hint that fits
the likely mistake, never the solution.  Programs read ``report.passed``.

There is one file for each subject.  It has the task, the cases, and the results of
known mistakes, which identify a learner's mistake.  Open ``softmax.py`` first.
``cases.py`` runs functions and layers on the cases, ``learner.py`` finds the line that
raised, ``compare.py`` compares results, ``windows.py`` has loops over windows, and
``report.py`` is the result.  Learners call :func:`check`.  It calls
``gradcheck/diagnosis.py`` to say what is wrong with an array.
"""

from typing import Any

from sora_np.common.markup import Listing
from sora_np.common.names import UnknownName, look_up, snake_case

from . import (
    adam,
    batch_normalization,
    conv2d,
    convolve2d,
    crossentropy,
    dense,
    flip,
    max_pooling2d,
    neuron,
    residual_block,
    sgd,
    softmax,
)
from .cases import Exercise
from .learner import Stumble
from .report import WRONG, ExerciseReport, Outcome

__all__ = ["EXERCISES", "Exercise", "ExerciseReport", "Outcome", "check", "task"]

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for module in (
        *(neuron, convolve2d, conv2d, max_pooling2d, softmax, crossentropy, sgd, adam),
        *(dense, batch_normalization, flip, residual_block),
    )
    for exercise in module.EXERCISES
}


def check(solution: Any, exercise: str | None = None) -> ExerciseReport:
    """Try a learner's solution of an exercise; ``print`` the report.

    If the code raises an error, the report has the error and the learner's line.

    Parameters
    ----------
    solution : the function, or the class of a layer
    exercise : its name; None finds it in the solution's name: ``MyConv2D`` and
        ``conv2d_by_hand`` are "conv2d"

    Raises
    ------
    ValueError : for an unknown exercise, or a solution's name without an exercise

    Examples
    --------
    >>> import numpy as np
    >>> def my_softmax(x):
    ...     return np.exp(x) / np.exp(x).sum()
    >>> report = check(my_softmax)
    >>> report.passed, report.hints[0]  # doctest: +NORMALIZE_WHITESPACE
    (False, 'Every row must sum to 1 by itself: along which axis is the sum, and does it
    keep its axis?')
    """
    subject = getattr(solution, "__name__", type(solution).__name__)
    name = _named_in(subject) if exercise is None else exercise
    found = look_up(EXERCISES, name, "exercise")
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(found.look(solution))
    except Stumble as error:
        outcomes.append(Outcome(subject, "all", WRONG, error.found, error.hint))
    return ExerciseReport(subject, found.name, outcomes)


def task(exercise: str | None = None) -> Listing:
    """Return the text of an exercise, or a list of all; ``print`` it.

    Raises ValueError for an unknown exercise.

    >>> print(task("softmax"))
    softmax(x) -> y
    <BLANKLINE>
    x (N, C), y (N, C): y_nc = exp(x_nc) / sum_c exp(x_nc), every row by itself.
    Numbers such as 1000 in x must not overflow.
    """
    if exercise is None:
        lines = [e.task.partition("\n")[0] for e in EXERCISES.values()]
        names = [f"{name:<30}" for name in EXERCISES]
        return Listing("\n".join(map(str.__add__, names, lines)))
    return Listing(look_up(EXERCISES, exercise, "exercise").task)


def _named_in(subject: str) -> str:
    """Return the exercise whose name is part of a solution's name, or the longest one.

    >>> _named_in("MyConv2D"), _named_in("softmax_crossentropy_gradient_v2")
    ('conv2d', 'softmax_crossentropy_gradient')
    """
    plain = snake_case(subject).replace("_", "")
    inside = [name for name in EXERCISES if name.replace("_", "") in plain]
    if not inside:
        try:
            look_up(EXERCISES, subject, "exercise, by the solution's name,")
        except UnknownName as error:
            rest = f'Name the exercise, such as check({subject}, "conv2d"). There are: '
            rest += ", ".join(EXERCISES)
            raise UnknownName(error.name, error.what, error.hint, rest) from None
    return max(inside, key=len)
