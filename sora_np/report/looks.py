"""The part of the page about where a classifier of images looks, with its test."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np import explain
from sora_np.common.markup import Markup, text
from sora_np.explain.grad_cam import has_maps
from sora_np.layers import Resizing
from sora_np.plots.classes import worst_mistakes
from sora_np.plots.figure import scaled

from .classes import Classified, answer_of
from .markup import image, section, table

EACH, TRIED = 6, 12  # samples shown, wrong and right; samples of the test
TITLE = "What the model looks at"


def sections(model: Any, x: NDArray[Any], found: Classified) -> list[Markup]:
    """Return the section about where the model looks; empty if x are not images.

    If the model cannot be explained, the section says why.
    """
    if x.ndim != 4 or x.shape[3] not in (1, 3):
        return []
    wrong = worst_mistakes(found.labels, found.probabilities)[:EACH]
    right = np.flatnonzero(found.taken == found.labels)
    _, first = np.unique(found.labels[right], return_index=True)
    shown = np.concatenate([wrong, right[first][:EACH]])
    tried = np.arange(min(TRIED, len(x)))
    by_maps = has_maps(model)
    method: Any = explain.grad_cam if by_maps else explain.saliency
    name = "Grad-CAM" if by_maps else "Saliency"
    try:
        heat = _in_rows(method(model, x[shown], found.taken[shown]), x.shape[1:3])
        results = [
            explain.parameter_randomization(
                model, x[tried], found.taken[tried], one, draws=1
            )
            for one in (method, explain.edge_detector)
        ]
    except (RuntimeError, TypeError, ValueError) as error:
        return [section(TITLE, note=f"It is not shown: {error}")]
    rows = [
        (step.name, f"{step.correlation:.2f}", f"{control.correlation:.2f}")
        for step, control in zip(*(result.steps for result in results), strict=True)
    ]
    trial = (
        f"Randomisation test (Adebayo et al., 2018): {name} {results[0].verdict}, an "
        f"edge detector, the control, {results[1].verdict}. {results[0].reason}"
    )
    head = "Weights drawn anew, cascading", name, "Edge detector"
    return [
        section(
            TITLE,
            _gallery(x[shown], heat, found, shown),
            Markup(f'<p class="note">{text(trial)}</p>'),
            table(head, rows),
            note=f"{name} of the class that is predicted for each sample: wrong "
            "predictions first, then correct ones. Bright places support that class. "
            "The table has the rank correlation with the trained model's pictures.",
        )
    ]


def _in_rows(values: NDArray[Any], size: tuple[int, ...]) -> NDArray[np.float64]:
    """Return attributions as one number for each place of the image, at most 1."""
    maps = np.abs(values).max(axis=3) if values.ndim == 4 else values
    maps = maps.astype(np.float64)
    if maps.shape[1:] != size:
        height, width = size
        maps = np.asarray(Resizing(height, width)(maps[..., None]))[..., 0]
    largest = maps.max(axis=(1, 2), keepdims=True, initial=0)
    return np.asarray(maps / np.where(largest > 0, largest, 1))


def _gallery(
    x: NDArray[Any],
    heat: NDArray[np.float64],
    found: Classified,
    samples: NDArray[Any],
) -> Markup:
    """Return the images, each beside a copy with the attribution laid over it."""
    from matplotlib import colormaps

    cards = []
    for pixels, warmth, sample in zip(scaled(x), heat, samples, strict=True):
        colours = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
        over = 0.4 * colours + 0.6 * colormaps["magma"](warmth)[..., :3]
        taken, sure, true = answer_of(found, int(sample))
        alt = f"Test sample {sample}, {true}, and what speaks for {taken} in it"
        wrong = "" if taken == true else f'<span class="is">is {text(true)}</span>'
        pair = image(np.concatenate([colours, over], axis=1), alt)
        cards.append(
            f"<figure>{pair}<figcaption><b>{text(taken)}</b> {sure:.1%}{wrong}"
            "</figcaption></figure>"
        )
    return Markup(f'<div class="gallery">{"".join(cards)}</div>')
