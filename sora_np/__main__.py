"""The command ``sora-np``: train, evaluate, predict, gradcheck, info."""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sora_np
from sora_np import gradcheck, metrics, ranges, reading, recipes, report
from sora_np.callbacks import BackupAndRestore, Stopwatch
from sora_np.common.arguments import as_count
from sora_np.common.shapes import batch_of
from sora_np.common.terminal import shortened
from sora_np.common.versions import versions
from sora_np.layers import BatchNormalization, Layer
from sora_np.models import Sequential, load_model
from sora_np.plots.figure import new_figure
from sora_np.report.classes import as_probabilities
from sora_np.saving import atomic, model_file
from sora_np.sora_model import create_sora_model
from sora_np.specimens import SAMPLES, Specimen, losses_alone, specimens
from sora_np.utils import to_categorical

FEW = 12  # entries of each array of the small networks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status, 2 for a mistake of the user's."""
    options = _parser().parse_args(arguments)
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of classes may be any text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (
        *(ValueError, TypeError, OSError, ImportError, RuntimeError, MemoryError),
    ) as error:
        text = shortened(str(error) or type(error).__name__)
        print(f"sora-np: error: {text}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        text = f": {error}" if str(error) else ""
        print(f"sora-np: interrupted{text}", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "sora-np", description=sora_np.__doc__.split(">")[0]
    )
    parser.add_argument("--version", action="version", version=sora_np.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Any, text: str) -> argparse.ArgumentParser:
        name = run.__name__.strip("_")
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    train = command(_train, "train a network and report on it")
    train.add_argument(
        "--recipe",
        default="sora",
        metavar="NAME",
        help=f"{' or '.join(recipes.RECIPES)}: network, optimiser, augmentation and, "
        "unless given, data, epochs and batch size (sora_np/recipes.py)",
    )
    _add_data(train, default=None)
    train.add_argument("--epochs", type=int)
    train.add_argument("--batch-size", type=int)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--save", type=Path, metavar="FILE.npz", help="write the model")
    train.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write a page about the run"
    )
    train.add_argument(
        "--resume",
        type=Path,
        nargs="?",
        const=Path("sora-np-backup"),
        metavar="FOLDER",
        help="keep checkpoints in a folder (sora-np-backup), and go on from the last "
        "one if training was interrupted; removed when all is done",
    )

    evaluate = command(_evaluate, "report how well a saved model does on test data")
    _add_model(evaluate)
    _add_data(evaluate)

    predict = command(_predict, "say what a saved model sees in images")
    _add_model(predict)
    predict.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="an image, or .npz with x"
    )

    check = command(_gradcheck, "check the gradients of a model, and of its layers")
    _add_model(
        check,
        nargs="?",
        help="by default the source document's network with random biases, and small "
        "networks in which every kind of layer occurs (sora_np/specimens.py)",
    )
    check.add_argument(
        "--samples",
        type=int,
        default=gradcheck.SAMPLES,
        help=f"entries of every array ({gradcheck.SAMPLES}); with 0, only some "
        "directions of it as a whole",
    )
    check.add_argument("--full", action="store_true", help="check all entries: minutes")
    check.add_argument("--seed", type=int, default=0)

    command(_info, "show versions, threads, vector width and cache folder")
    return parser


def _add_model(parser: argparse.ArgumentParser, **how: Any) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.npz", **how)
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="run a Python module of yours, from this folder too, that defines classes "
        "which the model needs; may be given several times.  Only what is named here "
        "is ever imported",
    )


def _load_model(options: argparse.Namespace) -> Sequential:
    return load_model(options.model, reading.own_classes(options.modules))


def _add_data(
    parser: argparse.ArgumentParser, default: str | None = "fashion_mini"
) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--dataset", choices=reading.DATASETS, default=default)
    group.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="arrays x_train, y_train, x_test, y_test; bytes are divided by 255, "
        "unless the model takes them as they are",
    )


# --- the commands ---------------------------------------------------------------


def _train(options: argparse.Namespace) -> int:
    recipe = recipes.get(options.recipe)
    options.dataset = options.dataset or recipe.dataset
    epochs = recipe.epochs if options.epochs is None else options.epochs
    batch_size = recipe.batch_size if options.batch_size is None else options.batch_size
    train, test, names = reading.training_data(options.dataset, options.data)
    (x_train, y_train), (x_test, y_test) = (
        (reading.with_channels(x), y) for x, y in (train, test)
    )
    print(f"training: x {x_train.shape}, y {y_train.shape}", end="; ")
    print(f"test: x {x_test.shape}, y {y_test.shape}")
    for option, file in (("--save", options.save), ("--report", options.report)):
        if file is not None:  # what cannot be written fails now, not after training
            try:
                model_file.check_suffix(file)
                atomic.prepare(file)
            except (OSError, ValueError) as error:
                raise ValueError(f"{option}: {error}") from error
    if options.report is not None:
        new_figure(1, 1)  # without matplotlib this fails now, not after training
    steps = as_count(epochs, "epochs") * -(
        -len(x_train) // as_count(batch_size, "batch_size")
    )
    model = recipe.make(x_train.shape[1:], len(names), options.seed, steps)
    model.class_names = names
    x_train, bytes_are = reading.as_taken(x_train, model, "x_train")
    x_test, _ = reading.as_taken(x_test, model, "x_test")
    _say_of_bytes(bytes_are)
    model.summary()
    watch, backup = Stopwatch(), []
    if options.resume is not None:
        backup = [BackupAndRestore(options.resume, delete_checkpoint=False)]
    model.fit(
        *(x_train, to_categorical(y_train, len(names))),
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(x_test, to_categorical(y_test, len(names))),
        callbacks=[watch, *backup],
    )
    _report(model, x_test, y_test)
    if options.save is not None:
        model.save(options.save)
        print(f"saved to {options.save}")
    if options.report is not None:
        data = options.data.name if options.data else options.dataset
        report.write(
            *(options.report, model, x_test, to_categorical(y_test, len(names))),
            title=f"{model.name} on {data}",
            configuration={
                "Data": data,
                **({"Bytes": bytes_are} if bytes_are else {}),
                "Training samples": f"{len(x_train):,}",
                "Recipe": options.recipe,
                "Batch size": batch_size,
            },
            times=watch,
        )
        print(f"report written to {options.report}")
    for checkpoints in backup:
        checkpoints.delete()
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    model = _load_model(options)
    x, y_test = reading.evaluation_data(options.dataset, options.data)
    x_test, bytes_are = reading.as_taken(x, model, "x_test")
    _say_of_bytes(bytes_are)
    _report(model, x_test, y_test)
    return 0


def _predict(options: argparse.Namespace) -> int:
    model = _load_model(options)
    for file in options.files:
        x, bytes_are = reading.as_taken(reading.images(file, model), model, "x")
        if model.input_range is None:  # a file that does not say; else all is as usual
            _say_of_bytes(bytes_are, sys.stderr)
        outputs = model.predict(x, verbose=0)
        shares = _shares(model, outputs)
        names = _names(model, shares.shape[1])
        form = ".1%" if shares.min() >= 0 and shares.max() <= 1 else ".4g"
        for number, y in enumerate(shares):
            label = f"{file}[{number}]" if file.suffix.lower() == ".npz" else file
            best = np.argsort(-y, kind="stable")[:3]
            print(f"{label}: {', '.join(f'{names[k]} {y[k]:{form}}' for k in best)}")
    return 0


def _gradcheck(options: argparse.Namespace) -> int:
    rng = np.random.default_rng(options.seed)
    if options.model is None:
        model = create_sora_model((28, 28, 1), seed=options.seed, dtype="float64")
        for layer in model.layers:
            if "bias" in layer.params:
                layer.params["bias"] = rng.normal(0, 0.1, layer.params["bias"].shape)
    else:
        model = _in_float64(_load_model(options))
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
    """Check a model's layers, the whole of it, and how it trains; print what is found.

    Of ``given``, which has its own batch, only what is wrong.
    """
    assert model.input_shape is not None
    normalised = any(isinstance(layer, BatchNormalization) for layer in model.layers)
    count = 2 if given is None and not normalised else SAMPLES

    def shown(title: str, report: gradcheck.Report) -> gradcheck.Report:
        return _shown(title, report, given is not None and report.passed)

    for layer in model.layers:
        assert layer.input_shape is not None
        x = rng.standard_normal((count, *layer.input_shape))
        report = gradcheck.check_layer(layer, x, **how)
        yield shown(f"{layer.name} ({_kind(layer)}) alone", report)
    shape = count, *model.input_shape
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


def _info(options: argparse.Namespace) -> int:
    from sora_np.kernels.cache import folder_of
    from sora_np.kernels.relu import _relu_item

    found = versions() | {"numba cache": folder_of(_relu_item)}
    for name, value in found.items():
        print(f"{name:<16} {value}")
    return 0


# --- helpers --------------------------------------------------------------------


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
    shape = (count, *model.output_shape)
    if "crossentropy" not in loss and loss != "ce":
        return rng.standard_normal(shape)
    if "binary" in loss or shape[-1] == 1:
        return rng.integers(0, 2, shape)
    labels = rng.integers(0, shape[-1], shape[:-1])
    return labels if "sparse" in loss else to_categorical(labels, shape[-1])


def _say_of_bytes(bytes_are: str, file: Any = None) -> None:
    if bytes_are:
        print(f"bytes are {bytes_are}", file=file)


def _names(model: Sequential, count: int) -> list[str]:
    """Return the names of so many classes: numbers where the model has no such."""
    names = model.class_names
    if names is not None and len(names) != count:
        warnings.warn(
            f"the model has {len(names)} class_names for {count} classes: they are "
            "shown as numbers",
            stacklevel=2,
        )
    if names is None or len(names) != count:
        return [str(k) for k in range(count)]
    return names


def _shares(model: Sequential, outputs: NDArray[Any]) -> NDArray[Any]:
    """Return what each class has of an output (N, K): the largest is the answer."""
    found = as_probabilities(model, outputs)
    if found is not None:
        return found
    if outputs.ndim != 2 or outputs.shape[1] == 1:
        raise ValueError(
            f"this model gives outputs {batch_of(outputs.shape[1:])}, not one class a "
            "sample: use model.predict and model.evaluate in Python"
        )
    return outputs


def _report(model: Sequential, x: NDArray[Any], y: NDArray[Any]) -> None:
    """Print the test accuracy, the scores of every class and the confusion matrix."""
    shares = _shares(model, model.predict(x, verbose=0))
    predicted, names = shares.argmax(axis=-1), _names(model, shares.shape[1])
    if y.max() >= len(names):
        raise ValueError(
            f"the labels go up to {y.max()}, but the model has {len(names)} classes, "
            "counted from 0"
        )
    print(f"\nTest accuracy: {np.mean(predicted == y):.4f}\n")
    print(metrics.classification_report(y, predicted, names))
    print("\nConfusion matrix: rows are true classes, columns predicted ones")
    matrix = metrics.confusion_matrix(y, predicted, len(names))
    width = max(len(str(matrix.max())), len(str(len(names) - 1))) + 1
    margin = max(len(name) for name in names) + len(str(len(names))) + 2
    print(" " * margin + "".join(f"{k:>{width}}" for k in range(len(names))))
    for k, row in enumerate(matrix):
        head = f"{names[k]} {k:>{len(str(len(names)))}}"
        print(f"{head:>{margin}}" + "".join(f"{count:>{width}}" for count in row))


if __name__ == "__main__":
    sys.exit(main())
