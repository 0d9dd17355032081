import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sora_np

ROOT = Path(__file__).parents[1]


def test_one_version():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == sora_np.__version__


def test_every_folder_is_installed():
    """setup.cfg lists packages by hand, for kernels/ has a place of its own."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options"]["packages"].split()
    folders = [p.parent.relative_to(ROOT) for p in ROOT.glob("sora_np/**/__init__.py")]
    folders += [
        "sora_np" / p.parent.relative_to(ROOT)
        for p in ROOT.glob("kernels/**/__init__.py")
    ]
    assert listed == sorted({".".join(folder.parts) for folder in folders})
    for folder in {p.parent for p in ROOT.glob("sora_np/**/*.py")}:
        assert (folder / "__init__.py").exists(), f"{folder} is no package"


def test_import_compiles_nothing():
    program = (
        "import sys, sora_np\n"
        "from numba.core.dispatcher import Dispatcher\n"
        "found = [v for m in list(sys.modules.values())\n"
        "    if getattr(m, '__name__', '').startswith('sora_np.kernels')\n"
        "    for v in vars(m).values() if isinstance(v, Dispatcher)]\n"
        "assert found\n"
        "assert not any(v.signatures for v in found)\n"
        "assert 'matplotlib' not in sys.modules and 'PIL' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_the_jit():
    """The same source as plain Python, for teaching, with every index checked."""
    program = (
        "import numpy as np\n"
        "from sora_np import Conv2D, Dense, Flatten, MaxPool, Sequential\n"
        "m = Sequential([Conv2D(3, 2, padding='same', activation='relu',\n"
        "    input_shape=(4, 4, 2)), MaxPool(2), Flatten(), Dense(2, 'softmax')])\n"
        "m.compile('adam', 'sparse_categorical_crossentropy')\n"
        "x = np.random.default_rng(0).random((3, 4, 4, 2))\n"
        "m.fit(x, [0, 1, 0], epochs=2, verbose=0)\n"
        "print(m.predict(x, verbose=0).tolist())\n"
    )
    plain, jitted = (
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"NUMBA_DISABLE_JIT": disable},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for disable in "10"
    )
    for a, b in zip(eval(plain), eval(jitted), strict=True):
        assert a == pytest.approx(b, rel=1e-5)
