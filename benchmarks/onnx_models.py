"""The networks and convolutions as ONNX models, for ONNX Runtime and OpenVINO.

ONNX has images (N, C, H, W) and filters (O, C, KH, KW).  The input here has this
layout, too, because a transposition would only cost time.
"""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from benchmarks.networks import (
    MARKS,
    Add,
    Dense,
    Depthwise,
    GlobalAverage,
    Norm,
    Pool,
    Relu,
    Transposed,
    has_bias,
    of_pixels,
    start,
    walk,
    wire,
)


def network_model(task):
    """Return the bytes of the model of a task's network: x -> probabilities."""
    network, batch = task.what, task.batch
    nodes, constants, arrays = [], [], iter(start(task))
    name, image = "x", network.input_shape

    def node(kind, *inputs, **attributes):
        output = f"{kind}_{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(array):
        label = f"constant_{len(constants)}"
        array = np.asarray(array, order="C")
        constants.append(numpy_helper.from_array(array, label))
        return label

    def clipped(name, layer):
        bounds = (constant(np.array(n, np.float32)) for n in (0, layer.ceiling))
        return node("Clip", name, *bounds)

    def join(mark, names):
        if isinstance(mark, Add):
            return node("Add", *names)
        return node("Concat", *names, axis=1)

    kept = {}
    for layer, _, _, output in walk(network):
        if isinstance(layer, MARKS):
            name = wire(layer, name, kept, join)
        elif isinstance(layer, Pool):
            name = node("MaxPool", name, kernel_shape=[2, 2], strides=[2, 2])
        elif isinstance(layer, Relu):
            name = node("Relu", name) if layer.ceiling is None else clipped(name, layer)
        elif isinstance(layer, Norm):
            numbers = [constant(next(arrays)) for _ in range(4)]
            name = node("BatchNormalization", name, *numbers, epsilon=layer.epsilon)
        elif isinstance(layer, GlobalAverage):
            name = node("Flatten", node("GlobalAveragePool", name))
        elif isinstance(layer, Dense):
            w, b = next(arrays), next(arrays)
            if len(image) == 3:  # rows of the dense kernel from H, W, C to C, H, W
                w = w.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(w.shape)
                name = node("Flatten", name)
            name = node("Gemm", name, constant(w), constant(b))
        else:
            w = constant(next(arrays).transpose(3, 2, 0, 1))
            given = [w, constant(next(arrays))] if has_bias(layer) else [w]
            kind = "ConvTranspose" if isinstance(layer, Transposed) else "Conv"
            name = node(kind, name, *given, **_window(layer, image))
        if getattr(layer, "relu", isinstance(layer, Dense)):
            name = node("Relu", name) if layer is not network.layers[-1] else name
        image = output
    end = "Sigmoid" if of_pixels(network) else "Softmax"
    name = node(end, name, **({} if of_pixels(network) else {"axis": 1}))
    h, v, c = network.input_shape
    *image, channels = output
    return _model(nodes, constants, (batch, c, h, v), name, (batch, channels, *image))


def _window(layer, image):
    """Return how a convolution goes over its images (H, W, C)."""
    if isinstance(layer, Transposed):
        return {"strides": [2, 2]}
    strides, pads = layer.strides, [0] * 4
    if getattr(layer, "padding", "same") == "same":  # more of it below and on the right
        sizes = [-(-n // strides) * strides - strides + layer.size for n in image[:2]]
        lost = [max(0, size - n) for size, n in zip(sizes, image[:2], strict=True)]
        pads = [n // 2 for n in lost] + [n - n // 2 for n in lost]
    group = image[-1] if isinstance(layer, Depthwise) else 1
    return {"strides": [strides] * 2, "pads": pads, "group": group}


def conv_model(op, w, b):
    """Return the bytes of the model of one convolution."""
    attributes = {
        "strides": [op.stride] * 2,
        "pads": [op.pad] * 4,
        "dilations": [op.dilation] * 2,
        "group": op.groups,
    }
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], **attributes)
    w = np.ascontiguousarray(w.transpose(3, 2, 0, 1))
    constants = [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")]
    (n, h, v, c), (_, rows, columns, filters) = op.x, op.y
    return _model([node], constants, (n, c, h, v), "y", (n, filters, rows, columns))


def _model(nodes, constants, x_shape, y, y_shape):
    def info(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        *(nodes, "graph", [info("x", x_shape)], [info(y, y_shape)], constants)
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    checker.check_model(model)
    return model.SerializeToString()


def nchw(x):
    """Return images (N, H, W, C) as (N, C, H, W)."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def nhwc(y):
    """Return the output of a model as a list of one array, images as (N, H, W, C)."""
    y = np.array(y)
    return [y.transpose(0, 2, 3, 1) if y.ndim == 4 else y]
