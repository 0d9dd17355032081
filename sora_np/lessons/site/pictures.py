"""The pictures in both READMEs: ``python -m sora_np.lessons.site.pictures``.

It trains the program of the README for a few epochs on ``fashion_mini``, and writes
three PNG files into the folder ``pictures`` beside this file.  The seeds are fixed, so
another run writes the same pictures (another matplotlib may draw them differently).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sora_np import explain
from sora_np.datasets import fashion_mini
from sora_np.layers import Conv2D
from sora_np.sora_model import create_sora_model
from sora_np.tracing import trace_layer
from sora_np.utils import to_categorical

FOLDER = Path(__file__).parent / "pictures"
EPOCHS = 6
SHOWN = (9, 0, 8)  # ankle boot, T-shirt, bag


def window() -> Any:
    """Return the figure of one output of a convolution: its window, filter and sum.

    Sobel's filter takes the column on the right minus the column on the left, so the
    map shows the vertical edges of a square of 3s among 1s.
    """
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    image = np.ones((1, 7, 7, 1))
    image[0, 2:6, 2:6] = 3
    layer = Conv2D(1, 3)
    layer(image)  # the first call builds the layer
    layer.params["kernel"] = sobel.reshape(3, 3, 1, 1)
    return trace_layer(layer, image).plot("y[0, 2, 1, 0]")


def trained() -> Iterator[tuple[str, Any]]:
    """Yield the curves of a training, then Grad-CAM of one test image of some classes.

    The images are the first of their class that the model recognises.
    """
    (x, y), (x_test, y_test) = fashion_mini.load_data()
    images, test_images = x[..., None] / 255, x_test[..., None] / 255
    model = create_sora_model(images.shape[1:])
    targets, held_out = to_categorical(y), (test_images, to_categorical(y_test))
    history = model.fit(
        images, targets, epochs=EPOCHS, validation_data=held_out, verbose=0
    )
    yield "curves", history.plot()
    right = np.argmax(model.predict(test_images, verbose=0), axis=1) == y_test
    first = [np.flatnonzero(right & (y_test == label))[0] for label in SHOWN]
    maps = explain.grad_cam(model, test_images[first], y_test[first])
    names = [fashion_mini.CLASS_NAMES[label] for label in SHOWN]
    yield "grad_cam", explain.plot_grad_cam(test_images[first], maps, names)


def draw(folder: Path = FOLDER) -> list[Path]:
    """Write all pictures into a folder, and return their files.

    Raises ImportError without matplotlib, the extra ``plot``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, figure in [("window", window()), *trained()]:
        files.append(folder / f"{name}.png")
        figure.savefig(files[-1], dpi=100, metadata={"Software": None})
    return files


if __name__ == "__main__":
    for path in draw():
        print(f"{path.stat().st_size:7,} bytes  {path}")
