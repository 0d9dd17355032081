"""The command ``sora-np``: train, evaluate, predict, gradcheck, info."""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sora_np
from sora_np import gradcheck, metrics, recipes, report
from sora_np.callbacks import BackupAndRestore, Stopwatch
from sora_np.datasets import fashion_mini, fashion_mnist, mnist, npz
from sora_np.datasets.image import read_image
from sora_np.models import Sequential, load_model
from sora_np.plots.figure import new_figure
from sora_np.sora_model import create_sora_model
from sora_np.utils import to_categorical
from sora_np.versions import versions
from sora_np.windows import as_count, classes_up_to

DATASETS = {
    "fashion_mini": fashion_mini,
    "fashion_mnist": fashion_mnist,
    "mnist": mnist,
}
Split = tuple[NDArray[Any], NDArray[Any]]


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
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        print(f"sora-np: error: {error}", file=sys.stderr)
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
    evaluate.add_argument("model", type=Path, metavar="MODEL.npz")
    _add_data(evaluate)

    predict = command(_predict, "say what a saved model sees in images")
    predict.add_argument("model", type=Path, metavar="MODEL.npz")
    predict.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="an image, or .npz with x"
    )

    check = command(_gradcheck, "check the gradients of a model, and of its layers")
    check.add_argument(
        "model",
        type=Path,
        nargs="?",
        metavar="MODEL.npz",
        help="by default the source document's network with random biases",
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


def _add_data(
    parser: argparse.ArgumentParser, default: str | None = "fashion_mini"
) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--dataset", choices=DATASETS, default=default)
    group.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="arrays x_train, y_train, x_test, y_test; bytes are scaled to [0, 1]",
    )


# --- the commands ---------------------------------------------------------------


def _train(options: argparse.Namespace) -> int:
    recipe = recipes.get(options.recipe)
    options.dataset = options.dataset or recipe.dataset
    epochs = recipe.epochs if options.epochs is None else options.epochs
    batch_size = recipe.batch_size if options.batch_size is None else options.batch_size
    (x_train, y_train), (x_test, y_test), names = _load(options)
    print(f"training: x {x_train.shape}, y {y_train.shape}", end="; ")
    print(f"test: x {x_test.shape}, y {y_test.shape}")
    for option, file in (("--save", options.save), ("--report", options.report)):
        if file is not None and not file.resolve().parent.is_dir():
            raise FileNotFoundError(f"{option}: no folder {file.resolve().parent}")
    if options.report is not None:
        new_figure(1, 1)  # without matplotlib this fails now, not after training
    steps = as_count(epochs, "epochs") * -(
        -len(x_train) // as_count(batch_size, "batch_size")
    )
    model = recipe.make(x_train.shape[1:], len(names), options.seed, steps)
    model.class_names = list(names)
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
    model = load_model(options.model)
    _, (x_test, y_test), _ = _load(options)
    _report(model, x_test, y_test)
    return 0


def _predict(options: argparse.Namespace) -> int:
    model = load_model(options.model)
    for file in options.files:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as members:
                x = _scaled(members["x" if "x" in members else members.files[0]])
        else:
            x = _read_image(file, model)
        for number, y in enumerate(model.predict(x, verbose=0)):
            label = f"{file}[{number}]" if file.suffix == ".npz" else file
            best = np.argsort(-y, kind="stable")[:3]
            text = (f"{_names(model)[k]} {y[k]:.1%}" for k in best)
            print(f"{label}: {', '.join(text)}")
    return 0


def _gradcheck(options: argparse.Namespace) -> int:
    rng = np.random.default_rng(options.seed)
    if options.model is None:
        model = create_sora_model((28, 28, 1), seed=options.seed, dtype="float64")
        for layer in model.layers:
            if "bias" in layer.params:
                layer.params["bias"] = rng.normal(0, 0.1, layer.params["bias"].shape)
    else:
        model = _in_float64(load_model(options.model))
    assert model.input_shape is not None
    x = rng.random((2, *model.input_shape))
    samples = None if options.full else options.samples
    how: dict[str, Any] = {"samples": samples, "seed": options.seed}
    reports = []

    def show(title: str, report: gradcheck.Report) -> None:
        print(f"\n{title}", report, sep="\n", flush=True)
        reports.append(report)

    print(f"{model.name} in float64: central differences, eps {gradcheck.EPS:g}")
    for layer in model.layers:
        assert layer.input_shape is not None
        x_of_layer = rng.standard_normal((2, *layer.input_shape))
        report = gradcheck.check_layer(layer, x_of_layer, **how)
        show(f"{layer.name} ({type(layer).__name__}) alone", report)
    show("the whole model", gradcheck.check_model(model, x, **how))
    if model.loss is not None:
        name = getattr(model.loss, "name", model.loss)
        report = gradcheck.check_model(model, x, _targets(name, model, rng), **how)
        show(f"the whole model as it trains: {name}, by the plan", report)
    passed = all(report.passed for report in reports)
    print("\nall gradients agree" if passed else "\nWRONG gradients")
    return int(not passed)


def _info(options: argparse.Namespace) -> int:
    from sora_np.kernels.cache import folder_of
    from sora_np.kernels.relu import _relu_item

    found = versions() | {"numba cache": folder_of(_relu_item)}
    for name, value in found.items():
        print(f"{name:<16} {value}")
    return 0


# --- helpers --------------------------------------------------------------------


def _load(options: argparse.Namespace) -> tuple[Split, Split, list[str]]:
    """Return training data, test data and the names of the classes."""
    if options.data is None:
        module = DATASETS[options.dataset]
        train, test = module.load_data()
        names = list(module.CLASS_NAMES)
    else:
        train, test = npz.load_data(options.data)
        train, test = ((x, _as_labels(y)) for x, y in (train, test))
        largest = max(int(y.max(initial=0)) for _, y in (train, test))
        names = [str(k) for k in range(classes_up_to(largest))]
    return (_scaled(train[0]), train[1]), (_scaled(test[0]), test[1]), names


def _as_labels(y: NDArray[Any]) -> NDArray[Any]:
    """Return labels (N,) for labels or one-hot rows."""
    if y.ndim == 2 and y.shape[1] > 1:
        return y.argmax(axis=1)
    return y.reshape(len(y))


def _scaled(x: NDArray[Any]) -> NDArray[Any]:
    """Return images (N, H, W, C) in float32, bytes as [0, 1]."""
    x = x[..., None] if x.ndim == 3 else x
    scale = np.float32(255) if x.dtype == np.uint8 else np.float32(1)
    return x.astype(np.float32) / scale


def _read_image(file: Path, model: Sequential) -> NDArray[Any]:
    """Return an image file as x (1, H, W, C) of the model's size, [0, 1]."""
    shape = model.input_shape
    if shape is None or len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(f"this model takes {shape}, not grey or colour images")
    mode = "grayscale" if shape[2] == 1 else "rgb"
    return _scaled(read_image(file, mode, shape[:2])[0][None])


def _in_float64(saved: Sequential) -> Sequential:
    """Return an equal model in float64."""
    model = Sequential.from_config(saved.get_config() | {"dtype": "float64"})
    model.set_weights(saved.get_weights())
    if saved.optimizer is not None:
        model.compile(saved.optimizer, saved.loss)
    return model


def _targets(loss: str, model: Sequential, rng: np.random.Generator) -> NDArray[Any]:
    """Return random targets for two samples, as the loss takes them."""
    shape = (2, *model.output_shape)
    if "crossentropy" not in loss and loss != "ce":
        return rng.standard_normal(shape)
    if "binary" in loss or shape[-1] == 1:
        return rng.integers(0, 2, shape)
    labels = rng.integers(0, shape[-1], shape[:-1])
    return labels if "sparse" in loss else to_categorical(labels, shape[-1])


def _names(model: Sequential) -> list[str]:
    return model.class_names or [str(k) for k in range(model.output_shape[-1])]


def _report(model: Sequential, x: NDArray[Any], y: NDArray[Any]) -> None:
    """Print the test accuracy, the scores of every class and the confusion matrix."""
    predicted = model.predict(x, verbose=0).argmax(axis=-1)
    names = _names(model)
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
