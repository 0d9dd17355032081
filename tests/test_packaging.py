import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sora_np

ROOT = Path(__file__).parents[1]
TWO_STEPS = (
    "import numpy as np, sora_np\n"
    "from sora_np.sora_model import create_sora_model\n"
    "m = create_sora_model((10, 10, 1))\n"
    "m.fit(np.ones((8, 10, 10, 1)), np.eye(10)[:8], batch_size=4, verbose=0)\n"
    "from sora_np.datasets import fashion_mini\n"
    "assert fashion_mini.load_data()[0][0].shape == (10000, 28, 28)\n"
    "from sora_np.kernels.images import pad as kernel\n"
    "assert not hasattr(kernel._cache, '_impl'), 'it found a place to cache'\n"
    "print(sora_np.__file__)\n"
)


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


@pytest.mark.slow
def test_a_wheel_elsewhere_read_only_and_without_home(tmp_path):
    """Neither the package nor any home can take numba's cache; it runs all the same.

    Root ignores the modes of files, so a file named __pycache__ and a home below
    /dev/null see to it.
    """
    pip = [sys.executable, "-m", "pip", "-q"]
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "build")
    shutil.copytree(ROOT, source, symlinks=True, ignore=ignored)
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    install = [*pip, "install", "--no-deps", "--no-compile", "-t", site, wheel]
    subprocess.run(install, check=True)
    (site / "sora_np" / "kernels" / "__pycache__").write_text("in the way")
    environment = {
        name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"
    }
    environment |= {"HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/cache"}
    result = subprocess.run(
        [sys.executable, "-c", TWO_STEPS],
        cwd="/",
        env=environment | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(site))
