"""ONNX Runtime: inference, and convolutions forward; all optimisations of the graph."""

import os

import numpy as np
import onnxruntime as ort

from benchmarks.images import samples
from benchmarks.onnx_models import conv_model, nchw, network_model, nhwc
from benchmarks.peers import Variant
from benchmarks.problems import operands


def version():
    return ort.__version__


def variants(task):
    if task.kind == "predict":
        model, x = network_model(task), samples(task)[0]
    elif task.kind == "conv2d":
        a = operands(task)
        model, x = conv_model(task.what, a["w"], a["b"]), a["x"]
    else:
        return {}
    return {
        "run": lambda: _run(model, nchw(x)),
        "I/O binding": lambda: _run_bound(model, nchw(x)),
    }


def _session(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(os.environ["BENCHMARK_THREADS"])
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(model, x):
    session = _session(model)
    return Variant(lambda: session.run(None, {"x": x})[0], nhwc)


def _run_bound(model, x):
    """Run with input and output in fixed places: nothing is allocated."""
    session = _session(model)
    shape = session.get_outputs()[0].shape
    y, binding = np.empty(shape, np.float32), session.io_binding()
    for bind, a in ((binding.bind_input, x), (binding.bind_output, y)):
        name = "x" if a is x else session.get_outputs()[0].name
        bind(name, "cpu", 0, np.float32, a.shape, a.ctypes.data)

    def run(x=x, y=y):  # which must live as long as their addresses are used
        session.run_with_iobinding(binding)
        return y

    return Variant(run, nhwc)
