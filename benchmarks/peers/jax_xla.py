"""JAX: everything under jit, NHWC and HWIO, Adam written out."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.images import batches, one_hot, samples
from benchmarks.layer_ops import is_layer_op
from benchmarks.networks import Conv, Norm, Pool, has, initial, start, walk, weights
from benchmarks.peers import Variant, jax_layer_ops, training
from benchmarks.problems import operands

LAYOUT = ("NHWC", "HWIO", "NHWC")


def version():
    return jax.__version__


def variants(task):
    made = {"train": _train, "predict": _predict}.get(task.kind, _op)
    if is_layer_op(task):
        return {"jit": lambda: jax_layer_ops.op(task)}
    if task.kind == "fit" or task.group == "graphs":
        return {}
    if task.kind == "train" and has(task.what, Norm):
        return {}
    return {"jit": lambda: made(task)}


def _conv(x, w, pad=0, stride=1, dilation=1, groups=1):
    return lax.conv_general_dilated(
        *(x, w, (stride, stride), [(pad, pad)] * 2),
        rhs_dilation=(dilation, dilation),
        dimension_numbers=LAYOUT,
        feature_group_count=groups,
    )


def _pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def logits(network, params, x):
    params = iter(params)
    for layer, _, _, _ in walk(network):
        if isinstance(layer, Pool):
            x = _pool(x)
            continue
        w, b = next(params), next(params)
        if isinstance(layer, Conv):
            x = _conv(x, w, layer.size // 2 if layer.padding == "same" else 0) + b
        else:
            x = x.reshape(len(x), -1) @ w + b
        if layer is not network.layers[-1]:
            x = jax.nn.relu(x)
    return x


def _train(task):
    network = task.what
    data = [(jnp.asarray(x), jnp.asarray(one_hot(y))) for x, y in batches(task)]

    def loss_of(params, x, y):
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(logits(network, params, x)), 1))

    def step(state, x, y):
        t, params, ms, vs = state
        loss, grads = jax.value_and_grad(loss_of)(params, x, y)
        t = t + 1
        tree = jax.tree_util.tree_map
        ms = tree(lambda m, g: 0.9 * m + 0.1 * g, ms, grads)
        vs = tree(lambda v, g: 0.999 * v + 0.001 * g * g, vs, grads)
        alpha = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        params = tree(
            lambda p, m, v: p - alpha * m / (jnp.sqrt(v) + 1e-7), params, ms, vs
        )
        return (t, params, ms, vs), loss

    step = jax.jit(step, donate_argnums=0)

    state = []

    def load(new):
        arrays = [[jnp.array(a) for a in part] for part in new[:3]]
        state[:] = [(jnp.float32(new.step), *arrays)]

    def run(x, y):
        state[0], loss = step(state[0], x, y)
        jax.block_until_ready(state[0])
        return loss

    def gradients():
        params = [jnp.asarray(w) for w in weights(network)]
        return jax.grad(loss_of)(params, *data[0])

    load(initial(network))
    return training(run, data, gradients, load)


def _predict(task):
    params = [jnp.asarray(w) for w in start(task)]
    x = jnp.asarray(samples(task)[0])
    call = jax.jit(lambda params, x: jax.nn.softmax(logits(task.what, params, x)))
    return Variant(lambda: call(params, x).block_until_ready())


def _vjp(function, which):
    """Return (dy, *args) -> the gradient of ``function`` by one of its arguments."""
    return lambda dy, *args: jax.vjp(function, *args)[1](dy)[which]


def _op(task):
    a = {name: jnp.asarray(value) for name, value in operands(task).items()}
    op = task.what

    def conv(x, w):
        return _conv(x, w, op.pad, op.stride, op.dilation, op.groups)

    def crossentropy(z, t):
        def loss(z):
            return -jnp.sum(t * jax.nn.log_softmax(z))

        return jax.value_and_grad(loss)(z)

    def dense(x, w):
        return x @ w

    if task.kind == "adam":
        return _adam(a["p"], a["g"])
    function, names = {
        "conv2d": (lambda x, w, b: conv(x, w) + b, "x w b"),
        "conv2d_dw": (_vjp(conv, 1), "dy x w"),
        "conv2d_dx": (_vjp(conv, 0), "dy x w"),
        "dense": (lambda x, w, b: x @ w + b, "x w b"),
        "dense_dw": (_vjp(dense, 1), "dy x w"),
        "dense_dx": (_vjp(dense, 0), "dy x w"),
        "maxpool2d": (_pool, "x"),
        "maxpool2d_dx": (_vjp(_pool, 0), "dy x"),
        "crossentropy": (crossentropy, "z t"),
    }[task.kind]
    function, args = jax.jit(function), [a[name] for name in names.split()]
    return Variant(lambda: jax.block_until_ready(function(*args)))


def _adam(p, g):
    @jax.jit
    def step(t, p, g, m, v):
        t = t + 1
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        alpha = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return t, p - alpha * m / (jnp.sqrt(v) + 1e-7), m, v

    state = [(jnp.float32(0), p, jnp.zeros_like(p), jnp.zeros_like(p))]

    def run():
        t, p, m, v = state[0]
        state[0] = jax.block_until_ready(step(t, p, g, m, v))
        return state[0][1]

    return Variant(run)
