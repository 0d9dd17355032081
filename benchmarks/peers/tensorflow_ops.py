"""The operations in TensorFlow, under tf.function, plain and with XLA."""

import numpy as np
import tensorflow as tf

from benchmarks.peers import Variant
from benchmarks.problems import operands


def op_variant(task, xla):
    a, op = {k: tf.constant(v) for k, v in operands(task).items()}, task.what
    window = {}
    if task.kind.startswith("conv2d"):
        pads = [[0, 0], [op.pad] * 2, [op.pad] * 2, [0, 0]]
        window = {"strides": [1, op.stride, op.stride, 1], "padding": pads}
        if op.groups > 1:  # depthwise: (KH, KW, C, O/C)
            rows, columns, _, filters = op.w
            shape = rows, columns, op.groups, filters // op.groups
            a["w"] = tf.reshape(a["w"], shape)

    def conv(x, w):
        if op.groups > 1:  # stride 1, and pads by name alone
            return tf.nn.depthwise_conv2d(x, w, [1] * 4, "SAME" if op.pad else "VALID")
        return tf.nn.conv2d(x, w, dilations=op.dilation, **window)

    def gradient(of, dy, *args, which):
        with tf.GradientTape() as tape:
            tape.watch(args[which])
            y = of(*args)
        return tape.gradient(y, args[which], dy)

    def pool(x):
        return tf.nn.max_pool2d(x, 2, 2, "VALID")

    def crossentropy():
        with tf.GradientTape() as tape:
            tape.watch(a["z"])
            loss = tf.reduce_sum(
                tf.nn.sparse_softmax_cross_entropy_with_logits(a["labels"], a["z"])
            )
        return loss, tape.gradient(loss, a["z"])

    # arguments, so that nothing is computed once and for all when it is traced
    functions = {
        "conv2d": (lambda x, w, b: conv(x, w) + b, "x w b"),
        "conv2d_dw": (lambda dy, x, w: gradient(conv, dy, x, w, which=1), "dy x w"),
        "conv2d_dx": (lambda dy, x, w: gradient(conv, dy, x, w, which=0), "dy x w"),
        "dense": (lambda x, w, b: x @ w + b, "x w b"),
        "dense_dw": (lambda x, dy: tf.matmul(x, dy, transpose_a=True), "x dy"),
        "dense_dx": (lambda dy, w: tf.matmul(dy, w, transpose_b=True), "dy w"),
        "maxpool2d": (pool, "x"),
        "maxpool2d_dx": (lambda dy, x: gradient(pool, dy, x, which=0), "dy x"),
    }
    if task.kind == "crossentropy":
        z, labels = a["z"], a["labels"]

        @tf.function(jit_compile=xla)
        def both(z, labels):
            a.update(z=z, labels=labels)
            return crossentropy()

        return Variant(lambda: both(z, labels))
    function, names = functions[task.kind]
    function, args = (
        tf.function(function, jit_compile=xla),
        [a[n] for n in names.split()],
    )
    depthwise = getattr(op, "groups", 1) > 1 and task.kind == "conv2d_dw"

    def result(y):
        y = np.asarray(y)
        return [y.reshape(op.w) if depthwise else y]

    return Variant(lambda: function(*args), result)
