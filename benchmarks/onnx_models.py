"""The networks and convolutions as ONNX models, for ONNX Runtime and OpenVINO.

ONNX has images (N, C, H, W) and filters (O, C, KH, KW); so has its input here, since
neither gains from a transposition that it would have to make.
"""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from benchmarks.networks import Conv, Pool, start, walk


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
        array = np.ascontiguousarray(array)
        constants.append(numpy_helper.from_array(array, label))
        return label

    for layer, _, _, output in walk(network):
        if isinstance(layer, Pool):
            name = node("MaxPool", name, kernel_shape=[2, 2], strides=[2, 2])
            image = output
            continue
        w, b = next(arrays), next(arrays)
        if isinstance(layer, Conv):
            pad = layer.size // 2 if layer.padding == "same" else 0
            w = constant(w.transpose(3, 2, 0, 1))
            name = node("Conv", name, w, constant(b), pads=[pad] * 4)
            image = output
        else:
            if image:  # rows of the first dense kernel from H, W, C to C, H, W
                w = w.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(w.shape)
                name, image = node("Flatten", name), None
            name = node("Gemm", name, constant(w), constant(b))
        if layer is not network.layers[-1]:
            name = node("Relu", name)
    name = node("Softmax", name, axis=1)
    h, v, c = network.input_shape
    return _model(nodes, constants, (batch, c, h, v), name, (batch, output[0]))


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
    """Return what a model gave as a list of one array, images as (N, H, W, C)."""
    y = np.array(y)
    return [y.transpose(0, 2, 3, 1) if y.ndim == 4 else y]
