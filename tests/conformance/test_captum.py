"""The same attributions as captum, PyTorch's library of them; where it is installed.

It is no test dependency: without it this module is skipped, and says so.  With it:
``python -m pip install torch captum``.
"""

import numpy as np
import pytest

from sora_np import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    MaxPool,
    Model,
    ReLU,
    Sequential,
    explain,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
captum = pytest.importorskip("captum.attr", reason="captum is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require"),
    pytest.mark.filterwarnings("ignore:Setting (backward|forward)"),
]
nn = torch.nn
TOLERANCE = {"float64": 1e-6, "float32": 1e-4}  # of the largest number
TARGETS = np.array([0, 2, 1, 2, 0])


class Flat(nn.Module):
    """Flattens with the channels last, as here."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Shared(nn.Module):
    """relu(a(x)), then b twice with a sum around it, the mean, and a dense layer."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.dense = nn.Linear(4, 3)
        self.relus = nn.ModuleList([nn.ReLU() for _ in range(4)])
        self.sum = nn.Identity()  # a place for Grad-CAM to look at

    def forward(self, x):
        h = self.relus[0](self.a(x))
        b = self.relus[1](self.b(h))
        h = self.relus[3](self.sum(h + self.relus[2](self.b(b))))
        return self.dense(h.mean((2, 3)))


def sequential(dtype):
    """A row of layers, its PyTorch twin, and layers of both for Grad-CAM."""
    layers = [
        Conv2D(4, 3, activation="relu", name="one"),
        BatchNormalization(),
        MaxPool(2),
        Conv2D(5, 2, name="two"),
        ReLU(),
        Dropout(0.5),
        Flatten(),
        Dense(6, "relu"),
        Dense(3, "softmax"),
    ]
    model = Sequential(layers, dtype=dtype)
    model.build((None, 9, 8, 2))
    twin = nn.Sequential(
        *(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.BatchNorm2d(4, 1e-3), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 5, 2), nn.ReLU(), Flat(), nn.Linear(20, 6), nn.ReLU()),
        nn.Linear(6, 3),
    )
    pairs = [(layers[0], twin[0]), (layers[1], twin[2]), (layers[3], twin[4])]
    pairs += [(layers[7], twin[7]), (layers[8], twin[9])]
    return model, twin, pairs, [("one", twin[1]), ("two", twin[4]), ("re_lu", twin[5])]


def shared(dtype):
    """A graph with a sum, in which a convolution is used twice."""
    x = Input((9, 8, 2))
    a, b = Conv2D(4, 3, activation="relu"), Conv2D(4, 3, 1, "same", activation="relu")
    h = a(x)
    h = ReLU()(Add(name="sum")([h, b(b(h))]))
    dense = Dense(3, "softmax")
    model = Model(x, dense(GlobalAveragePooling2D()(h)), dtype=dtype)
    twin = Shared()
    pairs = [(a, twin.a), (b, twin.b), (dense, twin.dense)]
    return model, twin, pairs, [("conv2d", twin.relus[0]), ("sum", twin.sum)]


@pytest.fixture(params=[sequential, shared], ids=lambda make: make.__name__)
def case(request, dtype, rng):
    """A model, a function of x as PyTorch has it, layers, x, and a comparison."""
    model, twin, pairs, layers = request.param(dtype)
    twin = twin.to(getattr(torch, dtype)).eval()
    for ours, theirs in pairs:
        arrays = [rng.standard_normal(a.shape) / 2 for a in ours.get_weights()]
        if isinstance(ours, BatchNormalization):
            arrays[3] = arrays[3] ** 2 + 0.5
        ours.set_weights([a.astype(dtype) for a in arrays])
        names = ["weight", "bias", "running_mean", "running_var"]
        turns = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}
        for name, a in zip(names, ours.get_weights(), strict=False):
            getattr(theirs, name).data = torch.tensor(a.transpose(turns[a.ndim]).copy())
    x = rng.standard_normal((5, 9, 8, 2)).astype(dtype)

    def close(ours, theirs):
        theirs = theirs.detach().numpy()
        theirs = np.moveaxis(theirs, 1, -1) if theirs.ndim == 4 else theirs
        assert ours.shape == theirs.shape and ours.dtype == dtype
        atol = TOLERANCE[dtype] * np.abs(theirs).max()
        assert atol > 0
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)

    there = torch.tensor(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    return model, twin, layers, x, there, close


T = torch.tensor(TARGETS)


def test_the_logits_are_equal(case):
    model, twin, _, x, there, close = case
    close(model.predict(x, verbose=0), torch.softmax(twin(there), 1))


def test_saliency(case):
    model, twin, _, x, there, close = case
    found = captum.Saliency(twin).attribute(there, T)
    close(explain.saliency(model, x, TARGETS), found)
    found = captum.Saliency(twin).attribute(there, T, abs=False)
    close(explain.saliency(model, x, TARGETS, absolute=False), found)


@pytest.mark.parametrize("baseline", [0, 0.5])
def test_integrated_gradients(case, baseline):
    """On ways with no step so near to a kink that rounding decides on which side."""
    model, twin, _, x, there, close = case
    found = captum.IntegratedGradients(twin).attribute(
        there, baseline, T, n_steps=250, method="riemann_middle"
    )
    ours = explain.integrated_gradients(model, x, TARGETS, baseline, 250)
    close(ours, found)


def test_guided_backpropagation(case):
    model, twin, _, x, there, close = case
    found = captum.GuidedBackprop(twin).attribute(there, T)
    close(explain.guided_backpropagation(model, x, TARGETS), found)


def test_smooth_grad(case, monkeypatch):
    """With the same noise, which captum draws sample by sample."""
    model, twin, _, x, there, close = case
    rng, widths = np.random.default_rng(3), np.ptp(x.reshape(5, -1), axis=1)
    noise = [rng.standard_normal(x.shape) for _ in range(4)]
    noise = 0.1 * np.array(noise) * widths.reshape(-1, 1, 1, 1)
    rows = np.moveaxis(noise, 0, 1).reshape(-1, *x.shape[1:])  # 4 of each sample
    drawn = torch.tensor(np.ascontiguousarray(np.moveaxis(rows, -1, 1))).to(there.dtype)
    monkeypatch.setattr(torch, "normal", lambda *_: drawn)
    found = captum.NoiseTunnel(captum.Saliency(twin)).attribute(
        there, "smoothgrad", nt_samples=4, stdevs=1.0, abs=False, target=T
    )
    close(explain.smooth_grad(model, x, TARGETS, 4, 0.1, seed=3), found)


@pytest.mark.parametrize(
    "window, stride", [((3, 3), (1, 1)), ((4, 3), (3, 2)), ((9, 8), (9, 8))], ids=str
)
def test_occlusion(case, window, stride):
    model, twin, _, x, there, close = case
    found = captum.Occlusion(twin).attribute(
        there, (2, *window), (2, *stride), 0.25, T, perturbations_per_eval=1
    )
    ours = explain.occlusion(model, x, TARGETS, window, stride, baseline=0.25)
    close(ours, found)


def test_grad_cam(case):
    model, twin, layers, x, there, close = case
    for name, layer in layers:
        found = captum.LayerGradCam(twin, layer).attribute(there, T)
        ours = explain.grad_cam(model, x, TARGETS, name)
        close(ours, torch.relu(found)[:, 0])
