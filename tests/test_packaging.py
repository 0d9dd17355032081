import configparser
import os
import pwd
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
    "print(sora_np.__file__)\n"
)


def test_one_version():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == sora_np.__version__


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
    """As nobody, who may write neither to the package nor to a home folder."""
    pip = [sys.executable, "-m", "pip", "-q"]
    source = tmp_path / "source"
    shutil.copytree(
        ROOT,
        source,
        symlinks=True,
        ignore=shutil.ignore_patterns(".git", ".venv*", "__pycache__", "build"),
    )
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "-t", site, wheel], check=True)
    for path in [tmp_path, site, *site.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in tmp_path.parents[:2]:  # pytest's folders are private
        parent.chmod(0o755)
    user = {}
    if os.getuid() == 0:  # root may write anywhere: be nobody
        user = {"user": pwd.getpwnam("nobody").pw_uid}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "PYTHONPATH")
    }
    packages = os.pathsep.join([str(site), *(p for p in sys.path if "site-pack" in p)])
    try:
        result = subprocess.run(
            [sys.executable, "-c", TWO_STEPS],
            cwd="/",
            env=environment | {"PYTHONPATH": packages},
            capture_output=True,
            text=True,
            **user,
        )
    finally:
        for path in [tmp_path, site, *site.rglob("*")]:
            path.chmod(0o755)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(site))
