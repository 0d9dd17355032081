"""The command line: choose the command to run, and report errors."""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence

from sora_np.common.terminal import shortened
from sora_np.common.versions import VERSION

from . import evaluate, gradcheck, info, lessons, predict, train

ABOUT = (
    "A CNN framework in NumPy, Numba and SciPy: readable, proved by gradient checks, "
    "fast."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status, which is 2 for a user's mistake."""
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
    parser = argparse.ArgumentParser("sora-np", description=ABOUT)
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (train, evaluate, predict, gradcheck, lessons, info):
        name = command.__name__.rpartition(".")[2]
        added = commands.add_parser(name, help=command.ABOUT, description=command.ABOUT)
        command.add_options(added)
        added.set_defaults(run=command.run)
    return parser
