"""The page: compute the results of the model, write its sections in order."""

import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sora_np.callbacks import History, Stopwatch
from sora_np.common.inputs import as_numbers
from sora_np.common.markup import Markup, text
from sora_np.common.versions import VERSION, versions
from sora_np.datasets.image_folder import ImageFolder
from sora_np.models import Sequential
from sora_np.models.summary import summary_html
from sora_np.plots.curves import history_table, in_words, panels, plot_history
from sora_np.plots.figure import new_figure
from sora_np.saving.atomic import replacing

from . import classes, looks, regression
from .markup import pairs, picture, scroll, section


def write(
    path: str | Path,
    model: Sequential,
    x_test: Any,
    y_test: ArrayLike | None = None,
    *,
    title: str | None = None,
    configuration: Mapping[str, object] | None = None,
    times: Stopwatch | None = None,
    results: Sequence[Markup] | None = None,
) -> None:
    """Write one self-contained HTML page about a trained model.

    The page has the curves of ``model.history``, the scores on the test samples, the
    layers, configuration, seed, times and versions.  For a classifier it has the scores
    of every class with Wilson intervals, the confusion matrix, and correct and wrong
    samples; for images also where the model looks, with a randomisation test (see
    ``explain/``).  For other models it has their errors.  The page loads no other file.

    Parameters
    ----------
    path : of the page; an existing file is replaced completely or not at all
    model : compiled; ``model.class_names`` name the classes
    x_test, y_test : (N, ...), as for ``model.evaluate``, at least one sample; or only a
        result of ``image_dataset_from_directory``, and then the page names files
    title : by default the model's name
    configuration : name -> value, such as the data's name and the batch size
    times : a stopwatch that was among the callbacks of ``fit``
    results : sections that replace those about classes or errors, such as those of
        ``report.pictures.sections``

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    RuntimeError, ValueError, TypeError : as ``evaluate``
    OSError : if the page cannot be written

    Examples
    --------
    >>> from sora_np import Dense, Sequential, report
    >>> model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> x, y = np.eye(3), np.array([0, 1, 1])
    >>> history = model.fit(x, y, epochs=3, verbose=0)
    >>> report.write("run.html", model, x, y)  # doctest: +SKIP
    """
    new_figure(1, 1)  # without matplotlib this fails at once
    named = None
    if isinstance(x_test, ImageFolder):
        named = [path.name for path in x_test.file_paths]
        x_test, y_test = x_test.arrays()
    x, y = as_numbers(x_test, "x_test"), as_numbers(y_test, "y_test")
    scores = model.evaluate(x, y, verbose=0, return_dict=True)
    outputs = model.predict(x, verbose=0)
    found = classes.classified(model, y, outputs) if results is None else None
    about = [*(results or ())]
    if found is not None:
        about = classes.sections(x, found, named) + looks.sections(model, x, found)
    elif results is None and y.size == outputs.size and not _are_flags(y):
        columns = outputs.reshape(len(outputs), -1)
        about = regression.sections(
            y.reshape(columns.shape), columns, model.class_names
        )
    layers = scroll(summary_html(model))
    history = model.history if model.history and model.history.epoch else None
    sections = [
        *([_curves(history)] if history is not None else []),
        *about,
        section("Model", Markup(f'<div class="model">{layers}</div>')),
        Markup('<div class="columns">'),
        section("Configuration", pairs(_configuration(model, x, configuration or {}))),
        *([_time(times)] if times is not None else []),
        section("Versions", pairs(versions())),
        Markup("</div>"),
    ]
    template = Template(
        (files("sora_np.report") / "page.html").read_text(encoding="utf-8")
    )
    page = template.substitute(
        title=text(title or model.name),
        generator=f"sora_np {VERSION}",
        date=time.strftime("%d %B %Y, %H:%M UTC", time.gmtime()),
        tiles=_tiles(model, scores, found, times),
        sections="\n".join(sections),
    )
    with replacing(path) as file:
        file.write(page.encode())


def _are_flags(y: NDArray[Any]) -> bool:
    """Whether y is 0 or 1; then differences to predictions have little meaning."""
    return bool(np.isin(y, (0, 1)).all())


def _tiles(
    model: Sequential,
    scores: Mapping[str, Any],
    found: classes.Classified | None,
    times: Stopwatch | None,
) -> str:
    tiles: list[tuple[str, str, str]] = []
    if found is not None:
        hits, count = int((found.taken == found.labels).sum()), len(found.labels)
        low, high = classes.wilson(hits, count) or (0, 1)
        interval = f"{low:.3f} to {high:.3f}, Wilson, 95 %"
        tiles.append(("Test accuracy", f"{hits / count:.4f}", interval))
    for name, value in scores.items():
        if np.ndim(value) == 0 and not (found and name in ("accuracy", "acc")):
            tiles.append((f"Test {name}", f"{value:.4f}", ""))
    size = f"{len(model.leaves)} layers, {model.dtype}"
    tiles.append(("Parameters", f"{model.count_params():,}", size))
    if times is not None:
        without = f"{_duration(times.seconds - times.first)} without compiling"
        tiles.append(("Training time", _duration(times.seconds), without))
    return "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd>"
        + (f"<dd>{text(more)}</dd>" if more else "")
        + "</div>"
        for name, value, more in tiles
    )


def _curves(history: History) -> Markup:
    drawn = "".join(
        picture(
            lambda name=name: plot_history(history, [name]),  # type: ignore[misc]
            in_words(history, [name]),
        )
        for name in panels(history)
    )
    numbers = scroll(history_table(history))
    return section(
        "Curves",
        Markup(f'<div class="curves">{drawn}</div>'),
        Markup(f"<details><summary>All numbers</summary>{numbers}</details>"),
        note="Training numbers are means over an epoch while the model changes; "
        "validation's are measured at its end.",
    )


def _configuration(
    model: Sequential, x: NDArray[Any], given: Mapping[str, object]
) -> dict[str, object]:
    assert model.optimizer is not None  # evaluate has seen to it
    config = model.optimizer.get_config()
    options = ", ".join(
        f"{name} {value}"
        for name, value in config.items()
        if value not in (None, False, model.optimizer.name)
        and (config["use_ema"] or not name.startswith("ema_"))
    )
    rows = dict(given)
    rows["Optimiser"] = f"{type(model.optimizer).__name__}: {options}"
    rows["Loss"] = getattr(model.loss, "name", model.loss)
    rows["Metrics"] = ", ".join(model.metrics_names[1:]) or "none"
    if model.history is not None and model.history.params:
        rows["Epochs"] = len(model.history.epoch)
        rows["Steps an epoch"] = model.history.params["steps"]
    rows["Test samples"] = f"{len(x):,} of shape {x.shape[1:]}"
    rows["Seed"] = model.seed
    return rows


def _time(times: Stopwatch) -> Markup:
    rest = times.seconds - times.first
    rows = {
        "Training": _duration(times.seconds),
        "Compiling, of that": _duration(times.first),
        "Training without compiling": _duration(rest),
        "Epoch without compiling": _duration(rest / max(times.epochs, 1)),
        "Training step": _duration(times.step),
    }
    note = (
        "The first step of training and of validation also compile kernels or load "
        "them from the cache, and later steps may compile some. Compiling is the "
        "additional time of these steps."
    )
    return section("Time", pairs(rows), note=note)


def _duration(seconds: float) -> str:
    """Return a time in a suitable unit.

    >>> _duration(0.00321), _duration(12.34), _duration(754)
    ('3.21 ms', '12.3 s', '12 min 34 s')
    """
    if seconds < 0.1:
        return f"{seconds * 1e3:.2f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
