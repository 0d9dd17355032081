"""Say what a saved model sees in images."""

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.terminal import shortened
from sora_np.datasets.idx import DataFileError
from sora_np.models import Sequential
from sora_np.saving import atomic

from . import answers, photos, reading
from .options import add_model, saved_model

ABOUT = "say what a saved model sees in images"


class Seen(NamedTuple):
    """The result for a sample: the share of every class, or an error."""

    name: str
    shares: NDArray[Any] | None
    error: str = ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_model(parser)
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="an image, a folder of images, or .npz with x; a broken file is named and "
        "skipped; the exit status is then 1, or 2 if no file could be read",
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="OUT.csv",
        help="write a row for every sample instead: file, class, probability, error, "
        "and the probability of every class",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    model = saved_model(options)
    if options.csv is not None:
        atomic.prepare(options.csv)  # fail now if it cannot be written
    seen: list[Seen] = []
    for one in _seen(model, photos.found(options.files)):
        if one.error:
            print(f"sora-np: error: {shortened(one.error)}", file=sys.stderr)
        elif options.csv is None:
            _print(model, one)
        seen.append(one)
    broken = sum(bool(one.error) for one in seen)
    if broken == len(seen):
        return 2
    if options.csv is not None:
        _write(options.csv, model, seen)
        print(f"{len(seen) - broken} predictions written to {options.csv}")
    return 1 if broken else 0


def _seen(model: Sequential, files: Sequence[Path]) -> Iterator[Seen]:
    """Yield the result for every file, in their order."""
    pictures: list[Path] = []
    for file in files:
        if file.suffix.lower() != ".npz":
            pictures.append(file)
            continue
        yield from _pictures(model, pictures)
        pictures = []
        try:
            x = reading.samples(file)
        except (DataFileError, OSError) as error:
            yield Seen(str(file), None, str(error))
        else:
            for number, shares in enumerate(_shares(model, x)):
                yield Seen(f"{file}[{number}]", shares)
    yield from _pictures(model, pictures)


def _pictures(model: Sequential, files: Sequence[Path]) -> Iterator[Seen]:
    if not files:
        return
    grey = len(model.sample_shape or ()) == 2  # images without a channel axis
    for some, x, broken in photos.batches(files, photos.form_of(model)):
        shares = iter(_shares(model, x[..., 0] if grey else x) if len(x) else ())
        for file, error in zip(some, broken, strict=True):
            yield Seen(str(file), next(shares) if error is None else None, error or "")


def _shares(model: Sequential, x: NDArray[Any]) -> NDArray[Any]:
    taken, bytes_are = reading.as_taken(x, model, "x")
    if model.input_range is None:  # a file that does not say; else all is as usual
        answers.say_of_bytes(bytes_are, sys.stderr)
    return answers.shares_of(model, model.predict(taken, verbose=0))


def _print(model: Sequential, one: Seen) -> None:
    y = one.shares
    assert y is not None
    names = answers.names_of(model, len(y))
    form = ".1%" if y.min() >= 0 and y.max() <= 1 else ".4g"
    best = np.argsort(-y, kind="stable")[:3]
    print(f"{one.name}: {', '.join(f'{names[k]} {y[k]:{form}}' for k in best)}")


def _write(path: Path, model: Sequential, seen: Sequence[Seen]) -> None:
    """Write a table of all samples, completely or not at all."""
    width = next(len(one.shares) for one in seen if one.shares is not None)
    names, text = answers.names_of(model, width), io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(["file", "class", "share", "error", *names])
    for one in seen:
        if one.shares is None:
            rows.writerow([one.name, "", "", one.error, *[""] * width])
            continue
        best = int(one.shares.argmax())
        shares = [f"{share:.6g}" for share in one.shares]
        rows.writerow([one.name, names[best], shares[best], "", *shares])
    with atomic.replacing(path) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))
