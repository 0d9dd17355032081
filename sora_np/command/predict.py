"""Say what a saved model sees in images."""

import argparse
import sys
from pathlib import Path

import numpy as np

from . import answers, reading
from .options import add_model, saved_model

ABOUT = "say what a saved model sees in images"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    add_model(parser)
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="an image, or .npz with x"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    model = saved_model(options)
    for file in options.files:
        x, bytes_are = reading.as_taken(reading.images(file, model), model, "x")
        if model.input_range is None:  # a file that does not say; else all is as usual
            answers.say_of_bytes(bytes_are, sys.stderr)
        outputs = model.predict(x, verbose=0)
        shares = answers.shares_of(model, outputs)
        names = answers.names_of(model, shares.shape[1])
        form = ".1%" if shares.min() >= 0 and shares.max() <= 1 else ".4g"
        for number, y in enumerate(shares):
            label = f"{file}[{number}]" if file.suffix.lower() == ".npz" else file
            best = np.argsort(-y, kind="stable")[:3]
            print(f"{label}: {', '.join(f'{names[k]} {y[k]:{form}}' for k in best)}")
    return 0
