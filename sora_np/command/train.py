"""Train a network, and report on it."""

import argparse
from pathlib import Path

from sora_np import recipes, report
from sora_np.callbacks import BackupAndRestore, Stopwatch
from sora_np.common.arguments import as_count
from sora_np.utils import to_categorical

from . import answers, photos, pictures, reading
from .options import add_data, check_outputs

ABOUT = "train a network and report on it"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--recipe",
        default="sora",
        metavar="NAME",
        help=f"{' or '.join(recipes.RECIPES)}: network, optimiser, augmentation and, "
        "unless given, data, epochs and batch size (sora_np/recipes/).  Pictures of "
        "nuclei-unet and trees-centers come with the packages stardist and deepforest, "
        "or lie in the folder that --data names",
    )
    add_data(parser, default=None)
    parser.add_argument(
        "--size",
        type=int,
        default=64,
        metavar="PIXELS",
        help="height and width that the images of a folder are scaled to (64)",
    )
    parser.add_argument(
        "--validation-split",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="test on this share of every class in a folder, chosen by the seed (0.2)",
    )
    parser.add_argument(
        "--hold-out",
        type=float,
        metavar="SHARE",
        help="test on this share of every class of the training data, such as 0.1, "
        "chosen by the seed, and do not train on it; the test data stay unused.  Use "
        "this to compare networks or options",
    )
    parser.add_argument(
        "--augment",
        action="store_true",
        help="rotate, shift, scale and flip images at random in training",
    )
    parser.add_argument(
        "--class-weight",
        choices=["balanced"],
        help="give samples of rare classes a larger weight",
    )
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, metavar="FILE.npz", help="write the model")
    parser.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write a page about the run"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        nargs="?",
        const=Path("sora-np-backup"),
        metavar="FOLDER",
        help="write checkpoints to a folder (sora-np-backup), and continue from the "
        "last one if training was interrupted; the folder is removed at the end",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return its exit status."""
    recipe = recipes.get(options.recipe)
    if isinstance(recipe, recipes.PictureRecipe):
        return pictures.run(options, recipe)
    options.dataset = options.dataset or recipe.dataset
    epochs = recipe.epochs if options.epochs is None else options.epochs
    batch_size = recipe.batch_size if options.batch_size is None else options.batch_size
    tested_by = None
    watches = recipe.watches or options.hold_out is not None
    if options.data is not None and options.data.is_dir():
        share = options.validation_split
        if options.hold_out is not None:
            raise ValueError(
                "--hold-out is for data with test data of their own; of a folder, "
                "--validation-split says what to test by"
            )
        folders = photos.training_folders(
            options.data, as_count(options.size, "--size"), share, options.seed
        )
        tested_by, names = folders[1], folders[0].class_names
        train, test = ((f.arrays()[0], f.labels) for f in folders)
    else:
        train, test, names = reading.training_data(options.dataset, options.data)
        if options.hold_out is not None:
            train, test = reading.held_out(train, options.hold_out, options.seed)
    (x_train, y_train), (x_test, y_test) = (
        (reading.with_channels(x), y) for x, y in (train, test)
    )
    print(f"training: x {x_train.shape}, y {y_train.shape}", end="; ")
    apart = "test" if options.hold_out is None else "held out of training"
    print(f"{apart}: x {x_test.shape}, y {y_test.shape}")
    check_outputs(options)
    steps = as_count(epochs, "epochs") * -(
        -len(x_train) // as_count(batch_size, "batch_size")
    )
    model = recipe.make(x_train.shape[1:], len(names), options.seed, steps)
    model = photos.with_front(model, tested_by is not None, options.augment)
    model.class_names = names
    if tested_by is not None:
        bytes_are = f"given as they are: {model.layers[0]} divides them by 255"
    else:
        x_train, bytes_are = reading.as_taken(x_train, model, "x_train")
        x_test, _ = reading.as_taken(x_test, model, "x_test")
    answers.say_of_bytes(bytes_are)
    model.summary()
    watch, backup = Stopwatch(), []
    if options.resume is not None:
        backup = [BackupAndRestore(options.resume, delete_checkpoint=False)]
    model.fit(
        *(x_train, to_categorical(y_train, len(names))),
        batch_size=batch_size,
        epochs=epochs,
        class_weight=options.class_weight,
        validation_data=(
            (x_test, to_categorical(y_test, len(names))) if watches else None
        ),
        callbacks=[watch, *backup],
    )
    answers.report(model, x_test, y_test, "Test" if apart == "test" else "Held-out")
    if options.save is not None:
        model.save(options.save)
        print(f"saved to {options.save}")
    if options.report is not None:
        data = options.data.name if options.data else options.dataset
        tests = x_test, to_categorical(y_test, len(names))
        report.write(
            *(options.report, model, *(tests if tested_by is None else (tested_by,))),
            title=f"{model.name} on {data}",
            configuration={
                "Data": data,
                **({"Bytes": bytes_are} if bytes_are else {}),
                "Training samples": f"{len(x_train):,}",
                "Recipe": options.recipe,
                **({"Tested by": f"samples {apart}"} if apart != "test" else {}),
                **({"Augmentation": "yes"} if options.augment else {}),
                **({"Class weight": "balanced"} if options.class_weight else {}),
                "Batch size": batch_size,
            },
            times=watch,
        )
        print(f"report written to {options.report}")
    for checkpoints in backup:
        checkpoints.delete()
    return 0
