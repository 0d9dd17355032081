"""OpenVINO: inference, and convolutions forward; for latency, in float32."""

import os

import openvino

from benchmarks.images import samples
from benchmarks.onnx_models import conv_model, nchw, network_model, nhwc
from benchmarks.peers import Variant
from benchmarks.problems import operands

SETTINGS = {
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "f32",  # it takes bfloat16 where the CPU has it
    "INFERENCE_NUM_THREADS": int(os.environ["BENCHMARK_THREADS"]),
}


def version():
    return openvino.__version__


def variants(task):
    if task.kind == "predict":
        model, x = network_model(task), samples(task)[0]
    elif task.kind == "conv2d":
        a = operands(task)
        model, x = conv_model(task.what, a["w"], a["b"]), a["x"]
    else:
        return {}
    return {"latency": lambda: _run(model, nchw(x))}


def _run(model, x):
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", SETTINGS)
    request = compiled.create_infer_request()

    def run():
        outputs = request.infer([x], share_inputs=True, share_outputs=True)
        return outputs[0]

    return Variant(run, nhwc)
