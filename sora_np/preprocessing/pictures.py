"""Pictures of samples, before and after."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.inputs import as_numbers
from sora_np.engine.layer_by_layer import forward
from sora_np.kernels.machine.arrays import kernel_array
from sora_np.layers import Layer
from sora_np.layers.base import Samples
from sora_np.layers.preprocessing.warp import joined_warps
from sora_np.models import Sequential
from sora_np.plots.figure import as_images, draw_image, new_figure, scaled


def plot_augmented(
    x: ArrayLike, layers: Sequence[Layer], versions: int = 5, *, seed: int = 0
) -> Any:
    """Return a figure of samples before and after layers, with one row a sample.

    On the left is the original sample, then its augmented form in each epoch.
    Layers of a model that has been built, such as ``model.layers[:4]``, show what that
    model sees.

    Parameters
    ----------
    x : a few images (N, H, W, C) with 1 or 3 channels
    layers : of augmentation and scaling; they are copied, and do not change
    versions : how many epochs
    seed : for layers that are not built yet

    Returns
    -------
    matplotlib.figure.Figure : ``figure.savefig("augmented.png")`` writes it

    Raises
    ------
    ImportError : without matplotlib, the extra ``plot``
    """
    images = as_images(kernel_array(as_numbers(x)))
    figure = new_figure(1.2 * (versions + 1), 1.3 * len(images))
    model = Sequential(copy.deepcopy(list(layers)), seed=seed)
    model.build((None, *images.shape[1:]))
    nodes = joined_warps(model.graph).nodes
    after = []
    for epoch in range(versions):
        for layer in model.layers:
            layer.share(Samples(epoch, np.arange(len(images))))
        after.append(forward(nodes, images, training=True)[-1])
    shown = [*scaled(images[None]), *scaled(np.array(after))]
    axes = figure.subplots(len(images), len(shown), squeeze=False)
    for column, batch in enumerate(shown):
        axes[0, column].set_title(f"epoch {column - 1}" if column else "before")
        for ax, image in zip(axes[:, column], batch, strict=True):
            draw_image(ax, image)
    return figure
