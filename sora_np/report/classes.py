"""The part of the page about a classifier: classes, confusions, samples."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.markup import Markup, text
from sora_np.engine.head import split_activation, to_probabilities
from sora_np.losses import Hinge, Loss
from sora_np.metrics import confusion_matrix, macro_average, precision_recall_f1
from sora_np.models import Sequential
from sora_np.plots.classes import worst_mistakes
from sora_np.plots.figure import scaled

from .markup import image, scroll, section, table

SAMPLES = 12  # shown of each kind
CONFIDENCE = 0.95


class Classified(NamedTuple):
    """Labels (N,), probabilities (N, K), and the names of the K classes."""

    labels: NDArray[np.int64]
    probabilities: NDArray[Any]
    names: Sequence[str]

    @property
    def taken(self) -> NDArray[np.intp]:
        """The class (N,) with the largest probability."""
        return self.probabilities.argmax(axis=1)


def as_probabilities(
    model: Sequential, outputs: NDArray[Any], loss: Loss | None = None
) -> NDArray[Any] | None:
    """Return probabilities (N, K) for the outputs, or None if they are something else.

    Probabilities come from softmax over K outputs, from one sigmoid, or from logits
    with a cross-entropy.
    """
    if outputs.ndim != 2:
        return None
    ends, probabilities = {split_activation(model.graph)[1].name}, outputs
    loss = model.loss if loss is None else loss
    if isinstance(loss, Loss):
        made = to_probabilities(loss, model.graph)
        if isinstance(loss, Hinge) and made.name != "linear":
            return None  # its scores are no probabilities
        ends, probabilities = ends | {made.name}, made.forward(outputs)
    if outputs.shape[1] == 1:
        if "sigmoid" not in ends:
            return None
        return np.concatenate([1 - probabilities, probabilities], axis=1)
    return probabilities if "softmax" in ends else None


def classified(
    model: Sequential, y: NDArray[Any], outputs: NDArray[Any]
) -> Classified | None:
    """Return the predictions of a classifier, or None for another model.

    A classifier has softmax over K outputs, one sigmoid, or logits with a
    cross-entropy.
    """
    if len(y) != len(outputs):
        return None
    probabilities = as_probabilities(model, outputs, model._steps.loss_for(y))
    if probabilities is None:
        return None
    width = outputs.shape[1]
    if width > 1 and y.shape == outputs.shape:
        if not (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()):
            return None  # several classes for a sample, or shares of classes
        labels = y.argmax(axis=1)
    elif y.size == len(y):
        labels = y.reshape(len(y))
        if not np.array_equal(labels, labels.astype(np.int64)):
            return None
    else:
        return None
    names = model.class_names
    classes = probabilities.shape[1]
    if names is None or len(names) != classes:
        names = [str(k) for k in range(classes)]
    return Classified(labels.astype(np.int64), probabilities, names)


def wilson(hits: int, count: int) -> tuple[float, float] | None:
    """Return Wilson's interval of a share with 95 % confidence; None for 0 of 0.

    >>> [round(limit, 4) for limit in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    from scipy import stats  # here: it takes as long as all the rest of sora_np

    if count == 0:
        return None
    found = stats.binomtest(int(hits), int(count)).proportion_ci(CONFIDENCE, "wilson")
    return float(found.low), float(found.high)


def sections(
    x: NDArray[Any], found: Classified, files: Sequence[str] | None = None
) -> list[Markup]:
    """Return the sections about classes, confusions and samples.

    Parameters
    ----------
    files : the name of every sample's file, if it has one
    """
    matrix = confusion_matrix(found.labels, found.taken, len(found.names))
    return [
        _scores(matrix, found),
        _confusion(matrix, found),
        *_samples(x, found, files),
    ]


def _scores(matrix: NDArray[np.int64], found: Classified) -> Markup:
    scores = precision_recall_f1(matrix)
    taken, members = matrix.sum(axis=0), matrix.sum(axis=1)
    rows: list[list[object]] = [
        [
            name,
            _share(matrix[k, k], taken[k]),
            _share(matrix[k, k], members[k], bar=True),
            f"{scores[k, 2]:.3f}",
            f"{members[k]:,}",
        ]
        for k, name in enumerate(found.names)
    ]
    mean = [f"{value:.3f}" for value in macro_average(matrix)]
    rows.append(["mean of the classes", *mean, f"{members.sum():,}"])
    return section(
        "Classes",
        table(("Class", "Precision", "Recall", "F1", "Samples"), rows, name="scores"),
        note="Small numbers and bars are Wilson intervals with 95 % confidence, for "
        "these test samples as a draw from many; precision's takes as given how many "
        "samples the model put into the class. F1 is no share, and has none.",
    )


def _share(hits: int, count: int, *, bar: bool = False) -> Markup:
    limits = wilson(hits, count)
    if limits is None:
        return Markup('<span class="range">no samples</span>')
    low, high = limits
    drawn = ""
    if bar:
        drawn = (
            f'<span class="bar" aria-hidden="true" style="--low:{low:.4f};'
            f'--high:{high:.4f};--at:{hits / count:.4f}"></span>'
        )
    return Markup(
        f"{hits / count:.3f} "
        f'<span class="range">{low:.3f}\N{EN DASH}{high:.3f}</span>{drawn}'
    )


def _confusion(matrix: NDArray[np.int64], found: Classified) -> Markup:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    off = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    worst = [
        divmod(int(place), len(matrix))
        for place in np.argsort(-off, axis=None, kind="stable")[:3]
        if off.flat[place]
    ]
    most = "; ".join(
        f"{found.names[i]} for {found.names[j]}, {off[i, j]} times" for i, j in worst
    )
    note = "Rows are true classes, columns predicted ones; shades are shares of a row."
    if most:
        note += f" Mistaken most often: {most}."
    head = "".join(
        f'<th scope="col"><span>{text(name)}</span></th>' for name in found.names
    )
    rows = []
    for i, name in enumerate(found.names):
        cells = "".join(
            _cell(int(matrix[i, j]), float(shares[i, j]), i == j)
            for j in range(len(matrix))
        )
        rows.append(f'<tr><th scope="row">{text(name)}</th>{cells}</tr>')
    body = f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    classes = f"--classes:{len(found.names)}"
    content = scroll(f'<table class="matrix" style="{classes}">{body}</table>')
    return section("Confusion matrix", content, note=note)


def _cell(count: int, share: float, right: bool) -> str:
    kind = "right" if right else "wrong" if count else "none"
    strong = " strong" if share > 0.5 else ""
    shade = share if right else min(0.15 + 2 * share, 1) if count else 0
    return f'<td class="{kind}{strong}" style="--share:{shade:.2f}">{count}</td>'


def _samples(
    x: NDArray[Any], found: Classified, files: Sequence[str] | None
) -> list[Markup]:
    wrong = worst_mistakes(found.labels, found.probabilities)
    right = np.flatnonzero(found.taken == found.labels)
    _, first = np.unique(found.labels[right], return_index=True)
    total = f"{len(wrong):,} of {len(found.labels):,} test samples"
    return [
        section(
            "Mistakes",
            _gallery(x, found, wrong[:SAMPLES], files),
            note=f"{total} are wrong; these have the largest probability."
            if len(wrong)
            else "There are none.",
        ),
        section(
            "Recognised",
            _gallery(x, found, right[first][:SAMPLES], files),
            note="The first test sample of each class that is taken for what it is.",
        ),
    ]


def _gallery(
    x: NDArray[Any],
    found: Classified,
    samples: NDArray[Any],
    files: Sequence[str] | None,
) -> Markup:
    """Return images with captions, or a table if the samples are not images."""
    said = [answer_of(found, int(sample)) for sample in samples]
    if x.ndim != 4 or x.shape[3] not in (1, 3):
        rows = [
            (f"sample {sample}", taken, f"{sure:.1%}", true)
            for sample, (taken, sure, true) in zip(samples, said, strict=True)
        ]
        return table(("Sample", "Taken for", "Probability", "Is"), rows)
    cards = []
    shown: Any = scaled(x[samples]) if len(samples) else []
    for sample, pixels, (taken, sure, true) in zip(samples, shown, said, strict=True):
        alt = f"Test sample {sample}, {true}, taken for {taken} at {sure:.1%}"
        wrong = "" if taken == true else f'<span class="is">is {text(true)}</span>'
        named = f'<span class="range">{text(files[sample])}</span>' if files else ""
        cards.append(
            f"<figure>{image(pixels, alt)}<figcaption><b>{text(taken)}</b> {sure:.1%}"
            f"{wrong}{named}</figcaption></figure>"
        )
    return Markup(f'<div class="gallery">{"".join(cards)}</div>')


def answer_of(found: Classified, sample: int) -> tuple[str, float, str]:
    """Return the predicted class of a sample, its probability, and the true class."""
    taken = int(found.taken[sample])
    sure = float(found.probabilities[sample, taken])
    return found.names[taken], sure, found.names[int(found.labels[sample])]
