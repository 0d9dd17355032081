"""Exercises: whether what a learner wrote is right, and if not, a hint.

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
           hint: The bias does not arrive in the result.
...

:func:`task` shows what an exercise asks for, ``EXERCISES`` has their names.
:func:`check` runs hidden cases (edges, ties, strides, dtypes, one sample, images that
are not square) and returns a report: what is right, what is not, and a hint that fits
the likely mistake, never the solution.  ``report.passed`` is for programs.

There is one file a subject: the task, its cases, and the results of known mistakes,
by which a learner's mistake is recognised.  Open ``softmax.py`` first.  ``cases.py``
runs functions and layers on the cases, ``learner.py`` says where their code raised,
``compare.py`` compares results, ``windows.py`` has loops over windows, and
``report.py`` is what comes back.  Learners call :func:`check`.  It calls
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

    What the code raises is part of the report, with the line of the learner's code.

    Parameters
    ----------
    solution : the function, or the class of a layer, itself
    exercise : its name; None takes it from the solution's name, which may say more:
        ``MyConv2D`` and ``conv2d_by_hand`` are "conv2d"

    Raises
    ------
    ValueError : for an exercise that does not exist; for a name that holds none

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
    """Return what an exercise asks for, or the names of all; a text to ``print``.

    Raises ValueError for an exercise that does not exist.

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
    """Return the exercise that a solution's name holds, the longest of several.

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
