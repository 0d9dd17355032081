"""Copy the lessons into a folder."""

import argparse

from sora_np.lessons import LANGUAGES, copy_lessons

ABOUT = "copy the lessons into a folder, as text or as notebooks"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "folder", metavar="DIR", help="the folder to write to; created if missing"
    )
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        default="en",
        help="; ".join(f"{key}: {name}" for key, name in LANGUAGES.items()),
    )
    parser.add_argument(
        "--notebooks",
        action="store_true",
        help='notebooks instead of text; needs jupytext, the extra "lessons"',
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    copies = copy_lessons(options.folder, options.language, notebooks=options.notebooks)
    for path in copies.written:
        print(f"written    {path}")
    for path in copies.unchanged:
        print(f"unchanged  {path}")
    for path in copies.kept:
        print(f"KEPT       {path}")
    if copies.written and not copies.unchanged and not copies.kept:
        first = copies.written[0]
        print(
            f"Begin with {first.name}: run its cells in order."
            if options.notebooks
            else f"Begin with {first.name}: copy its blocks of code into one Python "
            "program, one after another, or write notebooks with --notebooks."
        )
    if copies.kept:
        print(
            f"{len(copies.kept)} files were there and differ from the lessons, so they "
            "were not overwritten. To have a lesson anew, give your file another name."
        )
    return 0
