"""Test a saved model, and report the results."""

import argparse

from . import answers, photos, reading
from .options import add_data, add_model, saved_model

ABOUT = "report how well a saved model does on test data"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_model(parser)
    add_data(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    model = saved_model(options)
    if options.data is not None and options.data.is_dir():
        x, y_test = photos.test_folder(options.data, model).arrays()
    else:
        x, y_test = reading.evaluation_data(options.dataset, options.data)
    x_test, bytes_are = reading.as_taken(x, model, "x_test")
    answers.say_of_bytes(bytes_are)
    answers.report(model, x_test, y_test)
    return 0
