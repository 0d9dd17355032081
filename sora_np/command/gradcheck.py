"""Check the gradients of a model, and of its layers."""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np import gradcheck
from sora_np.layers import BatchNormalization, Layer
from sora_np.models import Sequential, ranges
from sora_np.sora_model import create_sora_model
from sora_np.utils import to_categorical

from .options import add_model, saved_model
from .specimens import SAMPLES, Specimen, losses_alone, specimens

ABOUT = "check the gradients of a model, and of its layers"
FEW = 12  # entries of each array of the small networks


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_model(
        parser,
        nargs="?",
        help="by default the source document's network with random biases, and small "
        "networks that contain every layer type (sora_np/command/specimens.py)",
    )
    parser.add_argument(
        "--samples",
        type=int,
        default=gradcheck.SAMPLES,
        help=f"entries of every array ({gradcheck.SAMPLES}); with 0, only some "
        "directions of the whole array",
    )
    parser.add_argument(
        "--full", action="store_true", help="check all entries; takes minutes"
    )
    parser.add_argument("--seed", type=int, default=0)


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    rng = np.random.default_rng(options.seed)
    if options.model is None:
        model = create_sora_model((28, 28, 1), seed=options.seed, dtype="float64")
        for layer in model.layers:
            if "bias" in layer.params:
                layer.params["bias"] = rng.normal(0, 0.1, layer.params["bias"].shape)
    else:
        model = _in_float64(saved_model(options))
    samples = None if options.full else options.samples
    how: dict[str, Any] = {"samples": samples, "seed": options.seed}
    print(f"{model.name} in float64: central differences, eps {gradcheck.EPS:g}")
    reports = list(_gradchecks(model, rng, how))
    if options.model is None and samples is not None:
        how["samples"] = min(samples, FEW)
    for specimen in specimens(options.seed) if options.model is None else ():
        print(
            f"\n{specimen.model.name}: {', '.join(map(_kind, specimen.model.layers))}"
        )
        reports += _gradchecks(specimen.model, rng, how, specimen)
    for loss, y, y_pred in losses_alone(options.seed) if options.model is None else ():
        weights = rng.uniform(0.5, 2, len(y))
        report = gradcheck.check_loss(loss, y, y_pred, weights, **how)
        reports.append(_shown(f"{loss.name} alone", report, report.passed))
    passed = all(report.passed for report in reports)
    print("\nall gradients agree" if passed else "\nWRONG gradients")
    return int(not passed)


def _gradchecks(
    model: Sequential,
    rng: np.random.Generator,
    how: dict[str, Any],
    given: Specimen | None = None,
) -> Iterator[gradcheck.Report]:
    """Check a model's layers, the whole model, and its training; print the results.

    Of ``given``, which has its own batch, only what is wrong.
    """
    assert model.sample_shape is not None
    normalised = any(isinstance(layer, BatchNormalization) for layer in model.leaves)
    count = 2 if given is None and not normalised else SAMPLES

    def shown(title: str, report: gradcheck.Report) -> gradcheck.Report:
        return _shown(title, report, given is not None and report.passed)

    for layer in model.leaves:
        assert layer.input_shape is not None
        x = rng.standard_normal((count, *layer.input_shape))
        report = gradcheck.check_layer(layer, x, **how)
        yield shown(f"{layer.name} ({_kind(layer)}) alone", report)
    shape = count, *model.sample_shape
    x = rng.uniform(*ranges.taken(model).range, shape) if given is None else given.x
    yield shown("the whole model", gradcheck.check_model(model, x, **how))
    if model.loss is not None:
        name = getattr(model.loss, "name", model.loss)
        y = _targets(name, model, rng, count) if given is None else given.y
        weights = None if given is None else given.weights
        report = gradcheck.check_model(model, x, y, weights, **how)
        yield shown(f"the whole model as it trains: {name}, by the plan", report)
    if normalised:
        report = gradcheck.check_statistics(model, x)
        yield shown("moving statistics, against their formulas", report)


def _shown(title: str, report: gradcheck.Report, hide: bool) -> gradcheck.Report:
    if not hide:
        print(f"\n{title}", report, sep="\n", flush=True)
    return report


def _kind(layer: Layer) -> str:
    return type(layer).__name__


def _in_float64(saved: Sequential) -> Sequential:
    """Return an equal model in float64."""
    model = Sequential.from_config(saved.get_config() | {"dtype": "float64"})
    model.set_weights(saved.get_weights())
    model.input_range = saved.input_range
    if saved.optimizer is not None:
        model.compile(saved.optimizer, saved.loss)
    return model


def _targets(
    loss: str, model: Sequential, rng: np.random.Generator, count: int
) -> NDArray[Any]:
    """Return random targets for some samples, as the loss takes them."""
    shape = (count, *model.output_sample_shape)
    if "crossentropy" not in loss and loss != "ce":
        return rng.standard_normal(shape)
    if "binary" in loss or shape[-1] == 1:
        return rng.integers(0, 2, shape)
    labels = rng.integers(0, shape[-1], shape[:-1])
    return labels if "sparse" in loss else to_categorical(labels, shape[-1])
