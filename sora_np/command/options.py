"""Options that several commands have: the model, and data."""

import argparse
from pathlib import Path
from typing import Any

from sora_np.models import Sequential, load_model
from sora_np.plots.figure import new_figure
from sora_np.saving import atomic, model_file

from . import reading


def add_model(parser: argparse.ArgumentParser, **how: Any) -> None:
    """Add arguments for a saved model, and for modules with your own classes."""
    parser.add_argument("model", type=Path, metavar="MODEL.npz", **how)
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="import your own Python module, also from this folder, with classes that "
        "the model needs; may be given several times.  Only modules that are named "
        "here are imported",
    )


def saved_model(options: argparse.Namespace) -> Sequential:
    """Return the model that the user names."""
    return load_model(options.model, reading.own_classes(options.modules))


def add_data(
    parser: argparse.ArgumentParser, default: str | None = "fashion_mini"
) -> None:
    """Add arguments for a data set by its name, or for a file."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--dataset", choices=reading.DATASETS, default=default)
    group.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz or FOLDER",
        help="arrays x_train, y_train, x_test, y_test; bytes are divided by 255, "
        "unless the model takes unscaled bytes. Or a folder with a subfolder of "
        "images for every class",
    )


def check_outputs(options: argparse.Namespace) -> None:
    """Raise before training if --save or --report cannot be written."""
    for option, file in (("--save", options.save), ("--report", options.report)):
        if file is not None:
            try:
                model_file.check_suffix(file)
                atomic.prepare(file)
            except (OSError, ValueError) as error:
                raise ValueError(f"{option}: {error}") from error
    if options.report is not None:
        new_figure(1, 1)  # raises without matplotlib
