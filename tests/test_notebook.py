"""A real notebook, run by Jupyter's kernel: everything shows itself, nothing is red."""

import base64
import io
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

image = pytest.importorskip("matplotlib.image")  # the extra [plot]
if not all(map(find_spec, ("nbclient", "ipykernel"))):  # imported, they would make
    pytest.skip("needs the extra [test]", allow_module_level=True)  # this a notebook

CELLS = {
    "begin": """
import numpy as np, sys
from sora_np import Dense, Flatten, Sequential, gradcheck, metrics, plots
from sora_np import preprocessing, sanity
x = np.random.default_rng(0).random((40, 6, 6, 1), np.float32)
y = np.arange(40) % 2
model = Sequential([Flatten(input_shape=(6, 6, 1)), Dense(2, "softmax", name="<b>")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
""",
    "model": "model",
    "one epoch": "model.fit(x, y)",
    "history": "model.fit(x, y, epochs=3)",
    "figure": "plots.plot_mistakes(x, y, model.predict(x), ['<b>', '$'])",
    "no pyplot": "'matplotlib.pyplot' in sys.modules",
    "gradcheck": "gradcheck.check_layer(Dense(2, name='<b>'), np.ones((2, 3)))",
    "sanity": "sanity.SanityReport('<b>', [sanity.Finding(*'abcdef')])",
    "cleaning": "preprocessing.clean(x, y, verbose=0)[-1]",
    "classes": "metrics.classification_report(y, y, ['<b>', '$'])",
    "compiling": """
from sora_np.common.compiling import COMPILING
import numba
COMPILING.told = False  # whatever the cells above have found
def double(x):
    x[0] *= 2
double.__module__ = "sora_np.kernels.activations.relu"
for dtype in (np.float32, np.float64):
    numba.njit(double)(np.ones(1, dtype))
""",
    "pyplot": "import matplotlib.pyplot",
    "with pyplot": "plots.plot_confusion_matrix(y, y)",
    "displayed": "display(model.history.plot())",
}
WIDGET = "application/vnd.jupyter.widget-view+json"  # a bar, with ipywidgets
RUN = """
import json, sys
import nbformat
from nbclient import NotebookClient
cells = [nbformat.v4.new_code_cell(source) for source in json.load(sys.stdin)]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
print(json.dumps([cell.outputs for cell in notebook.cells]))
"""


@pytest.fixture(scope="module")
def shown():
    """What each cell shows: name -> Jupyter's outputs."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps([*CELLS.values()]),
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CELLS, json.loads(done.stdout), strict=True))


def data(outputs):
    """Return the one thing that a cell shows besides what it prints, and bars."""
    every = [output["data"] for output in outputs if "data" in output]
    (found,) = [some for some in every if WIDGET not in some]
    return found


@pytest.mark.parametrize("cell", ["figure", "with pyplot", "displayed"])
def test_a_figure_shows_once(shown, cell):
    """Whether or not pyplot, and with it IPython's own way, was loaded."""
    png = base64.b64decode(data(shown[cell])["image/png"])
    assert image.imread(io.BytesIO(png)).std() > 0.05
    assert data(shown["no pyplot"])["text/plain"] == "False"


@pytest.mark.parametrize("cell", ["model", "one epoch", "gradcheck", "sanity"])
def test_a_table_shows(shown, cell):
    html = data(shown[cell])["text/html"]
    assert html.count("<table") == 1 and "<b>" not in html


def test_the_rest_shows(shown):
    assert "<table" in data(shown["cleaning"])["text/html"]
    assert data(shown["history"])["text/html"].startswith("<img alt=")
    text = data(shown["classes"])["text/html"]
    assert text.startswith("<pre>") and "&lt;b&gt;  " in text


def test_training_shows_a_bar_and_a_line_an_epoch(shown):
    said = json.dumps(shown["history"])
    assert "Epoch 1/3:   0%|" in said and "Epoch 3/3 - 2/2 - " in said


def test_what_takes_long_is_told(shown):
    """Once, and on standard output."""
    (told,) = shown["compiling"]
    assert told["name"] == "stdout" and told["text"].count("\n") == 1
    assert told["text"].startswith("sora_np: compiling for this CPU, usually 5 to 20 s")


def test_nothing_is_red(shown):
    """No warning, and no bar on standard error, which notebooks show on red."""
    every = [output for outputs in shown.values() for output in outputs]
    assert not [o for o in every if o.get("name") == "stderr"]
    assert not [o for o in every if o["output_type"] == "error"]
