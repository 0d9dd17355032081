"""The training step and inference of the source document's network, against PyTorch.

    python -m benchmarks [--quick] [--json FILE]

Variants are measured in turn, round after round, so that a machine whose speed drifts
is as slow for one as for the other; medians and ratios are printed.  Before anything
is timed, losses and predictions from equal weights must agree.  Peers are measured
where they are installed; those that are missing are named.
"""

import argparse
import json
import os
import platform
import statistics
import time

import numba
import numpy as np

import sora_np
from sora_np.sora_model import create_sora_model
from sora_np.utils import to_categorical


def main():
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one call each")
    parser.add_argument("--json", help="append the results to this file, one a line")
    options = parser.parse_args()
    threads = numba.get_num_threads()
    peers = {"sora_np": SoraNP}
    versions = {"sora_np": sora_np.__version__, "numba": numba.__version__}
    try:
        import torch
    except ImportError:
        print("not installed, not measured: PyTorch (pip install torch)")
    else:
        torch.set_num_threads(threads)
        peers |= {"torch": Torch, "torch, channels last": TorchChannelsLast}
        versions["torch"] = torch.__version__
    print(f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads;", versions)
    results = []
    for batch in (32,) if options.quick else (32, 128, 512):
        networks = {name: peer(batch) for name, peer in peers.items()}
        check_agreement(networks)
        for task in ("train", "predict"):
            thunks = {name: getattr(net, task) for name, net in networks.items()}
            times = interleaved(thunks, rounds=1 if options.quick else 30)
            results += report(f"{task}, batch {batch}", times, versions, threads)
    if options.json:
        with open(options.json, "a") as file:
            file.writelines(json.dumps(result) + "\n" for result in results)


def interleaved(thunks, rounds):
    """Return name -> seconds a call, every variant once a round after a warm-up."""
    times = {name: [] for name in thunks}
    for thunk in thunks.values():
        thunk()
    for _ in range(rounds):
        for name, thunk in thunks.items():
            # as many calls as fill 20 ms, so that none is measured with a cold cache
            start, calls = time.perf_counter(), 0
            while calls == 0 or (rounds > 1 and time.perf_counter() - start < 0.02):
                thunk()
                calls += 1
            times[name].append((time.perf_counter() - start) / calls)
    return times


def report(title, times, versions, threads):
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = min((m for name, m in medians.items() if name != "sora_np"), default=None)
    for name, median in medians.items():
        low, high = min(times[name]), max(times[name])
        ratio = f"{median / best:6.2f} of the best peer" if best else ""
        print(
            f"{title:<20} {name:<22} {1e3 * median:8.3f} ms "
            f"({1e3 * low:.3f} to {1e3 * high:.3f}) {ratio}",
            flush=True,
        )
    return [
        {
            "task": title,
            "variant": name,
            "median_ms": 1e3 * median,
            "calls": len(times[name]),
            "threads": threads,
            "versions": versions,
        }
        for name, median in medians.items()
    ]


def check_agreement(networks):
    """Hold predictions and first losses equal before anything is timed."""
    (_, ours), *others = networks.items()
    expected, loss = ours.predict(), ours.loss()
    for name, net in others:
        np.testing.assert_allclose(net.predict(), expected, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(net.loss(), loss, rtol=1e-5, err_msg=name)


class SoraNP:
    """The network in sora_np, on images and labels that all variants share."""

    def __init__(self, batch):
        rng = np.random.default_rng(0)
        self.x = rng.random((batch, 28, 28, 1), np.float32)
        self.labels = rng.integers(0, 10, batch)
        self.model = create_sora_model((28, 28, 1))
        self.y = to_categorical(self.labels, 10)

    def loss(self):
        return self.model.test_on_batch(self.x, self.y)[0]

    def train(self):
        self.model.train_on_batch(self.x, self.y)

    def predict(self):
        return self.model.predict_on_batch(self.x)


class Torch:
    """The same in PyTorch, with the same weights and fused Adam."""

    channels_last = False

    def __init__(self, batch):
        import torch
        from torch import nn

        ours = SoraNP(batch)
        self.torch = torch
        layers = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        layers += [nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)]
        self.net = nn.Sequential(*layers)
        weights = iter(ours.model.get_weights())
        with torch.no_grad():
            for layer in (m for m in self.net if hasattr(m, "weight")):
                w = next(weights)
                if w.ndim == 4:
                    w = w.transpose(3, 2, 0, 1)
                elif len(w) == 1600:  # rows come in (H, W, C) here, in (C, H, W) there
                    w = w.reshape(5, 5, 64, 128).transpose(3, 2, 0, 1).reshape(128, -1)
                else:
                    w = w.T
                layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(w)))
                layer.bias.copy_(torch.from_numpy(next(weights)))
        self.x = torch.from_numpy(ours.x.transpose(0, 3, 1, 2).copy())
        if self.channels_last:
            self.net = self.net.to(memory_format=torch.channels_last)
            # with one channel the strides must be forced, or PyTorch takes NCHW
            self.x = self.x.as_strided(self.x.shape, (784, 1, 28, 1))
        self.y = torch.from_numpy(ours.labels)
        self.optimizer = torch.optim.Adam(self.net.parameters(), fused=True)

    def _loss(self):
        return self.torch.nn.functional.cross_entropy(self.net(self.x), self.y)

    def loss(self):
        with self.torch.inference_mode():
            return float(self._loss())

    def train(self):
        self.optimizer.zero_grad(set_to_none=True)
        self._loss().backward()
        self.optimizer.step()

    def predict(self):
        with self.torch.inference_mode():
            return self.net(self.x).softmax(1).numpy()


class TorchChannelsLast(Torch):
    """PyTorch with NHWC strides."""

    channels_last = True


if __name__ == "__main__":
    main()
