"""The part of the page about a model whose outputs are numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.markup import Markup
from sora_np.metrics import R2Score
from sora_np.plots.figure import TRAINING, new_figure

from .markup import picture, section, table

POINTS, ERRORS = 2000, 10  # drawn; listed


def sections(
    y: NDArray[Any], outputs: NDArray[Any], names: Sequence[str] | None
) -> list[Markup]:
    """Return the sections about errors, for outputs and y of one shape (N, K)."""
    if names is None or len(names) != y.shape[1]:
        names = [f"output {k}" for k in range(y.shape[1])]
    errors = outputs.astype(np.float64) - y
    rows = [
        (
            name,
            f"{np.abs(errors[:, k]).mean():.4g}",
            f"{np.sqrt(np.square(errors[:, k]).mean()):.4g}",
            f"{R2Score()(y[:, k : k + 1], outputs[:, k : k + 1]):.4f}",
        )
        for k, name in enumerate(names)
    ]
    far = np.argsort(-np.abs(errors), axis=None, kind="stable")[:ERRORS]
    worst = [
        (
            f"sample {n}",
            names[k],
            *(f"{number:.4g}" for number in (y[n, k], outputs[n, k], errors[n, k])),
        )
        for n, k in (divmod(int(place), y.shape[1]) for place in far)
    ]
    count = min(len(y), -(-POINTS // y.shape[1]))
    alt = f"Predicted against true numbers of {count} test samples, about a diagonal."
    drawn = picture(lambda: _scatter(y[:count], outputs[:count]), alt)
    head = "Sample", "Output", "True", "Predicted", "Error"
    return [
        section(
            "Errors",
            table(("Output", "Mean absolute", "Root mean square", "R2"), rows),
            Markup(f'<div class="curves">{drawn}</div>'),
            note="On the test samples. A point on the diagonal is predicted exactly.",
        ),
        section("Largest errors", table(head, worst)),
    ]


def _scatter(y: NDArray[Any], outputs: NDArray[Any]) -> Any:
    figure = new_figure(4.8, 4.2)
    ax = figure.subplots()
    low, high = min(y.min(), outputs.min()), max(y.max(), outputs.max())
    ax.plot([low, high], [low, high], "--", color="#888888")
    ax.plot(y.ravel(), outputs.ravel(), ".", color=TRAINING, alpha=0.5)
    ax.set(xlabel="true", ylabel="predicted")
    return figure
