"""The wheel, built from the source distribution, and what it brings along.

A minute to build, some to train every network with ready and with compiled code.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sora_np.kernels.machine.ready import MANIFEST, TARGETS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere wheels are pure"),
]
ROOT = Path(__file__).parents[1]
PURE = {"SORA_NP_PURE_WHEEL": "1"}
FORCED = {
    name: {
        "NUMBA_CPU_NAME": name,
        "NUMBA_CPU_FEATURES": ",".join(f"+{f}" for f in target.features),
    }
    for name, target in TARGETS.items()
}


def python(*arguments, cwd=None, **environment):
    """Return what a Python process prints; nothing of ours is in its environment."""
    ours = "SORA_NP_", "NUMBA_"
    own = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    own.pop("PYTHONPATH", None)
    own["PYTHONDONTWRITEBYTECODE"] = "1"  # the site stays as it was installed
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=own | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of this checkout."""
    folder = tmp_path_factory.mktemp("source") / "sora_np"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "build", "objects")
    shutil.copytree(ROOT, folder, symlinks=True, ignore=ignored)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    """The wheel, built from the source distribution as PyPI has it."""
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "build", "-o", folder, source)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """Where the wheel is installed."""
    return installed(wheel, tmp_path_factory.mktemp("site"))


def installed(wheel, folder):
    options = "-q", "--no-deps", "--no-compile"
    python("-m", "pip", "install", *options, "-t", folder, wheel)
    return folder


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_is_of_a_platform_and_has_objects_of_every_target(wheel):
    assert wheel.name.endswith("-py3-none-linux_x86_64.whl")
    found = [name for name in names(wheel) if "/objects/" in name]
    for target in TARGETS:
        of_target = [name for name in found if f"/{target}/" in name]
        assert f"sora_np/kernels/objects/{target}/{MANIFEST}" in of_target
        assert len(of_target) > 50


def test_another_build_gives_the_same_objects(site, tmp_path):
    """By another Python process, in another folder."""
    target = min(TARGETS)
    program = "import sys; from pathlib import Path\n"
    program += "from sora_np.ready import __main__ as m\n"
    program += "m.write_target(Path(sys.argv[1]), sys.argv[2])"
    python("-c", program, tmp_path, target, cwd=ROOT)
    built = site / "sora_np" / "kernels" / "objects" / target
    files = [
        {p.name: p.read_bytes() for p in f.iterdir()}
        for f in (built, tmp_path / target)
    ]
    assert files[0] == files[1]


def test_a_pure_wheel_has_none(source, tmp_path):
    python("-m", "build", "-w", "-o", tmp_path, source, **PURE)
    (found,) = tmp_path.glob("*.whl")
    assert found.name.endswith("-py3-none-any.whl")
    assert not [name for name in names(found) if "/objects/" in name]
    assert "sora_np/kernels/machine/tile.py" in names(found)


EDITABLE = """
import sys
from build import ProjectBuilder
from build.env import DefaultIsolatedEnv

source, out = sys.argv[1:]
with DefaultIsolatedEnv() as env:
    builder = ProjectBuilder.from_isolated_env(env, source)
    env.install(builder.build_system_requires)
    for what in ("editable", "sdist", "wheel"):
        needed = builder.get_requires_for_build(what)
        assert any("numba" in n for n in needed) == (what == "wheel"), (what, needed)
    print(builder.build("editable", out))
"""


def test_an_editable_install_has_none(source, tmp_path):
    """It is what its checkout is; numba is needed for the build of a wheel alone."""
    name = python("-c", EDITABLE, source, tmp_path).splitlines()[-1]
    assert name.endswith("-py3-none-any.whl")
    assert not [*source.rglob("objects")]


TWO_STEPS = (
    "import numpy as np, sora_np\n"
    "from sora_np.sora_model import create_sora_model\n"
    "m = create_sora_model((10, 10, 1))\n"
    "m.fit(np.ones((8, 10, 10, 1)), np.eye(10)[:8], batch_size=4, verbose=0)\n"
    "from sora_np.datasets import fashion_mini\n"
    "assert fashion_mini.load_data()[0][0].shape == (10000, 28, 28)\n"
    "from sora_np.kernels.loops.images import pad as kernel\n"
    "assert not hasattr(kernel._cache, '_impl'), 'it found a place to cache'\n"
    "print(sora_np.__file__)\n"
)


@pytest.mark.parametrize("switch", ["1", "0"], ids=["ready", "compiled"])
def test_a_wheel_elsewhere_read_only_and_without_home(wheel, tmp_path, switch):
    """Neither the package nor any home can take numba's cache; it runs all the same.

    Root ignores the modes of files, so a file named __pycache__ and a home below
    /dev/null see to it.
    """
    site = installed(wheel, tmp_path)
    for room in (site / "sora_np" / "kernels").iterdir():
        if room.is_dir() and room.name != "objects":
            (room / "__pycache__").write_text("in the way")
    places = {"HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/cache"}
    places |= {"PYTHONPATH": str(site), "SORA_NP_READY": switch}
    assert python("-c", TWO_STEPS, cwd="/", **places).startswith(str(site))


# --- all networks ---------------------------------------------------------------------

USE = """
import hashlib
from sora_np.ready.networks import NETWORKS, PYRAMIDS
from sora_np.ready.use import use
from sora_np.common.compiling import COMPILING
for name, network in (NETWORKS | PYRAMIDS).items():
    before = COMPILING.count
    digest = hashlib.sha256(b"".join(a.tobytes() for a in use(network))).hexdigest()
    print(name, COMPILING.count - before, digest, sep="|")
"""


def used(site, cache, program=USE, **environment):
    """Return name -> how many functions compiled, and name -> digest of all bits."""
    path = os.pathsep.join([str(site), str(ROOT)])
    environment |= {"PYTHONPATH": path, "NUMBA_CACHE_DIR": str(cache)}
    lines = python("-c", program, cwd=site, **environment).splitlines()
    rows = [line.split("|") for line in lines]
    compiled = {name: int(count) for name, count, _ in rows}
    return compiled, {name: digest for name, _, digest in rows}


def runs_here(target):
    """Return whether this CPU has what a target needs."""
    from llvmlite import binding

    has = binding.get_host_cpu_features()
    return all(has.get(feature) for feature in TARGETS[target].features)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({}, id="this CPU"),
        *(
            pytest.param(
                FORCED[name],
                marks=pytest.mark.skipif(not runs_here(name), reason=f"runs no {name}"),
                id=name,
            )
            for name in TARGETS
        ),
    ],
)
def by_ready(request, site, tmp_path_factory):
    """An environment, and what all networks give in it from the wheel."""
    cache = tmp_path_factory.mktemp("cache")
    return request.param, used(site, cache, **request.param), [*cache.rglob("*.nb?")]


def test_no_network_of_the_list_compiles_anything(by_ready):
    _, (compiled, _), kept = by_ready
    assert len(compiled) >= 16
    assert not any(compiled.values()), compiled
    assert not kept


def test_ready_code_gives_the_bits_of_compiled_code(by_ready, site, tmp_path):
    environment, (_, digests), _ = by_ready
    compiled, expected = used(site, tmp_path, SORA_NP_READY="0", **environment)
    assert sum(compiled.values()) > 50
    assert digests == expected


def test_the_bits_are_the_same_for_any_threads(site, tmp_path):
    one = used(site, tmp_path, NUMBA_NUM_THREADS="1")
    many = {"NUMBA_NUM_THREADS": "7", "NUMBA_THREADING_LAYER": "workqueue"}
    compiled, digests = used(site, tmp_path, **many)
    assert (compiled, digests) == one
    assert not any(compiled.values()), compiled


OTHERS = """
import hashlib
from sora_np.ready.networks import *
from sora_np.ready.blocks import *
from sora_np.ready.use import use
from sora_np.common.compiling import COMPILING
NETWORKS = {
    "Keras's MNIST example": Network((28, 28, 1), lambda: pyramid((32, 64), 3)),
    "Keras's CIFAR-10 example": Network((32, 32, 3), lambda: [
        Conv2D(32, 3, activation="relu"), MaxPooling2D(),
        Conv2D(64, 3, activation="relu"), MaxPooling2D(),
        Conv2D(64, 3, activation="relu"), *dense(64, 10)], RMSprop),
    "PyTorch's CIFAR-10 tutorial": Network((32, 32, 3), lambda: [
        Conv2D(6, 5, activation="relu"), MaxPooling2D(),
        Conv2D(16, 5, activation="relu"), MaxPooling2D(), *dense(120, 84, 10)],
        lambda: SGD(0.001, momentum=0.9)),
    "VGG with dropout": Network((64, 64, 3), lambda: [
        *doubled(16, 32, 64), Dropout(0.3), *dense(256, 5, rate=0.5)]),
    "normalised": Network((28, 28, 1), lambda: [
        *normalised(32), MaxPooling2D(), *normalised(64), MaxPooling2D(),
        *normalised(128), *dense(10)], AdamW),
    "separable": Network((48, 48, 3), lambda: [
        *normalised(32, strides=2), *separable(32, 64), *separable(64, 128, 2),
        *dense(20)]),
    "perceptron": Network((20,), lambda: dense(100, 50, 3)),
    "odd": Network((30, 30, 2), lambda: [
        same(7, 4), ReLU(), MaxPooling2D(3), same(21, 2, activation="tanh"),
        *dense(33, 6)]),
}
for name, network in NETWORKS.items():
    before = COMPILING.count
    use(network, (64, 10))
    print(name, COMPILING.count - before, "", sep="|")
"""


def test_networks_that_are_not_on_the_list_compile_little(site, tmp_path):
    compiled, _ = used(site, tmp_path, OTHERS)
    assert len(compiled) == 8
    assert sum(count > 0 for count in compiled.values()) <= 2, compiled
