"""Train by a recipe whose network outputs pictures: masks, or maps of boxes."""

import argparse

from sora_np import report
from sora_np.callbacks import BackupAndRestore, Stopwatch
from sora_np.common.arguments import as_count
from sora_np.recipes import PictureRecipe
from sora_np.report.pictures import sections

from .options import check_outputs

OTHERS = {  # options that these recipes do not have, and their defaults
    "dataset": None,
    "size": 64,
    "validation_split": 0.2,
    "hold_out": None,
    "augment": False,
    "class_weight": None,
}


def run(options: argparse.Namespace, recipe: PictureRecipe) -> int:
    """Run the command; return its exit status."""
    for name, default in OTHERS.items():
        if getattr(options, name) != default:
            raise ValueError(
                f"--{name.replace('_', '-')} does not go with --recipe "
                f"{options.recipe}, whose data are {recipe.data}"
            )
    epochs = recipe.epochs if options.epochs is None else options.epochs
    batch_size = recipe.batch_size if options.batch_size is None else options.batch_size
    check_outputs(options)
    data = recipe.load(options.data)
    print(f"training: x {data.x_train.shape}, y {data.y_train.shape}", end="; ")
    print(f"test: x {data.x_test.shape}, y {data.y_test.shape}")
    steps = as_count(epochs, "epochs") * -(
        -len(data.x_train) // as_count(batch_size, "batch_size")
    )
    model = recipe.make(data.x_train.shape[1:], options.seed, steps)
    model.summary()
    watch, backup = Stopwatch(), []
    if options.resume is not None:
        backup = [BackupAndRestore(options.resume, delete_checkpoint=False)]
    model.fit(
        *(data.x_train, data.y_train),
        batch_size=batch_size,
        epochs=epochs,
        callbacks=[watch, *backup],
    )
    outputs = model.predict(data.x_test, batch_size=batch_size, verbose=0)
    judged = recipe.judge(outputs, data)
    print()
    for name, value in judged.scores.items():
        print(f"Test {name}: {value:.4g}")
    if options.save is not None:
        model.save(options.save)
        print(f"saved to {options.save}")
    if options.report is not None:
        report.write(
            *(options.report, model, data.x_test, data.y_test),
            title=f"{model.name}, recipe {options.recipe}",
            configuration={
                "Data": recipe.data,
                "Training samples": f"{len(data.x_train):,}",
                "Recipe": options.recipe,
                "Batch size": batch_size,
            },
            times=watch,
            results=sections(judged.scores, judged.rows),
        )
        print(f"report written to {options.report}")
    for checkpoints in backup:
        checkpoints.delete()
    return 0
