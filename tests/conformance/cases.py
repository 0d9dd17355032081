"""The table: what every layer is tried on, besides the cases of the other tests.

Numbers of channels lie around the widths of vectors, numbers of images around the
number of threads and of the chunks that kernels cut batches into.
"""

from itertools import product

CHANNELS = (1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 65)
IMAGES = (0, 1, 2, 3, 9, 33, 300)
SIZES = (1, 7, 64, 65, 8191, 8192, 8193, 20000)  # kernels cut entries into 8192
PADDINGS = ("valid", "same")


def by(text, **parts):
    """Return an id such as "3x3-same" from numbers, pairs and words."""
    pairs = {
        k: "x".join(map(str, v)) if isinstance(v, tuple) else v
        for k, v in parts.items()
    }
    return text.format(**pairs)


# --- id: (shape of x, arguments of Conv2D) ----------------------------------------

CONV2D = {
    **{f"{c}-channels": ((1, 5, 6, c), (3, 3), {}) for c in CHANNELS},
    **{f"{c}-filters": ((2, 4, 5, 3), (c, (2, 3)), {}) for c in CHANNELS},
    **{
        f"{c}-depthwise": ((2, 5, 9, c), (c, 3), {"groups": c, "padding": "same"})
        for c in CHANNELS
    },
    **{  # as many tiles and channels as Winograd's convolution wants, in float32
        f"{c}-channels-{padding}": ((4, 9, 8, c), (c, 3), {"padding": padding})
        for c in CHANNELS
        for padding in PADDINGS
    },
    **{f"{n}-images": ((n, 4, 5, 2), (3, 2), {}) for n in IMAGES},
    **{f"{n}-images-same": ((n, 4, 5, 2), (3, 3, 2, "same"), {}) for n in IMAGES},
    **{
        by("strides-{s}-of-{k}-{p}", s=s, k=k, p=p): ((2, 8, 9, 2), (3, k, s, p), {})
        for s, k, p in product(
            [(2, 2), (2, 3), (3, 2), (4, 1), (1, 2)], [(3, 3), (2, 2)], PADDINGS
        )
    },
    **{
        by("strides-{s}-above-{k}-{p}", s=s, k=k, p=p): ((2, 8, 9, 3), (4, k, s, p), {})
        for s, k, p in product([(3, 4), (5, 2)], [(1, 1), (2, 1)], PADDINGS)
    },
    **{
        by("even-{k}-on-{n}", k=k, n=n): ((2, *n, 2), (3, k, 1, "same"), {})
        for k, n in product(
            [(2, 2), (4, 4), (2, 4), (6, 2), (2, 3), (4, 1)], [(5, 6), (4, 4)]
        )
    },
    **{
        by("dilation-{d}-of-{k}-{p}", d=d, k=k, p=p): (
            *((2, 8, 9, 2), (3, k, 1, p)),
            {"dilation_rate": d},
        )
        for d, k, p in product(
            [(2, 2), (3, 1), (1, 2), (2, 3)], [(3, 2), (2, 3)], PADDINGS
        )
    },
    **{
        by("{g}-groups-{c}-to-{o}-strides-{s}", g=g, c=c, o=o, s=s): (
            *((2, 5, 6, c), (o, 3, s, "same")),
            {"groups": g},
        )
        for (g, c, o), s in product(
            [(2, 6, 4), (3, 6, 9), (4, 4, 8), (2, 34, 34), (2, 32, 16), (3, 33, 3)],
            [(1, 1), (2, 2)],
        )
    },
    **{
        by("depthwise-dilation-{d}-{p}", d=d, p=p): (
            *((2, 9, 10, 5), (5, 3, 1, p)),
            {"groups": 5, "dilation_rate": d},
        )
        for d, p in product([(2, 2), (1, 3)], PADDINGS)
    },
    **{
        by("window-{k}-{p}", k=k, p=p): ((2, 7, 8, 3), (4, k, 1, p), {})
        for k, p in product([(1, 5), (5, 1), (3, 2), (2, 7), (7, 1)], PADDINGS)
    },
    **{
        by("window-is-image-of-{c}", c=c): ((2, 5, 6, c), (3, (5, 6)), {})
        for c in (1, 3, 17)
    },
    **{
        by("window-{k}-above-image-strides-{s}", k=k, s=s): (
            *((2, 4, 3, 2), (3, k, s, "same")),
            {},
        )
        for k, s in product([(9, 9), (5, 8)], [(1, 1), (2, 2), (5, 4)])
    },
    **{
        by("strides-{s}-dilation-{d}-{p}", s=s, d=d, p=p): (
            *((2, 9, 10, c), (o, (3, 2), s, p)),
            {"dilation_rate": d, "groups": g},
        )
        for (s, d, g, c, o), p in product(
            [
                *(((2, 2), (2, 2), 1, 3, 4), ((2, 3), (3, 2), 1, 2, 17)),
                *(((3, 1), (2, 1), 2, 4, 6), ((2, 2), (3, 3), 5, 5, 5)),
            ],
            PADDINGS,
        )
    },
    "no-bias": ((2, 5, 6, 3), (4, 3), {"use_bias": False}),
    "no-bias-depthwise": ((2, 5, 6, 3), (3, 3), {"groups": 3, "use_bias": False}),
}

# --- id: (shape of x, arguments of Conv1D, options) ---------------------------------

CONV1D = {
    **{f"{c}-channels": ((3, 9, c), (c, 3), {}) for c in CHANNELS},
    **{f"{n}-sequences": ((n, 6, 2), (3, 3, 1, "same"), {}) for n in IMAGES},
    **{
        by("{k}-taps-strides-{s}-dilation-{d}-{p}", k=k, s=s, d=d, p=p): (
            *((2, 11, 4), (6, k, s, p)),
            {"dilation_rate": d, "groups": 2},
        )
        for k, s, d, p in product(
            (1, 2, 3, 4), (1, 2, 3), (1, 3), (*PADDINGS, "causal")
        )
    },
    **{f"long-{p}": ((1, 400, 3), (8, 9, 1, p), {}) for p in (*PADDINGS, "causal")},
    "window-above-sequence": ((2, 3, 2), (3, 9, 2, "causal"), {}),
    "window-is-sequence": ((2, 7, 2), (3, 7), {}),
}

# --- id: (shape of x, arguments of Conv2DTranspose, options) ------------------------

TRANSPOSED = {
    **{f"{c}-channels": ((1, 4, 3, c), (3, 3, 2), {}) for c in CHANNELS},
    **{f"{c}-filters": ((2, 3, 4, 3), (c, (2, 3), 2, "same"), {}) for c in CHANNELS},
    **{  # as many tiles and channels as Winograd's convolution wants, in float32
        f"{c}-channels-{p}": ((4, 9, 8, c), (c, 3, 1, p), {})
        for c in (15, 16, 33)
        for p in PADDINGS
    },
    **{f"{n}-images": ((n, 3, 4, 2), (3, 3, 2, "same"), {}) for n in IMAGES},
    **{
        by("strides-{s}-of-{k}-{p}", s=s, k=k, p=p): ((2, 4, 3, 2), (3, k, s, p), {})
        for s, k, p in product(
            [(1, 1), (2, 2), (3, 2), (1, 4)],
            [(1, 1), (2, 2), (3, 3), (4, 5)],
            PADDINGS,
        )
    },
    **{
        by("more-{m}-of-{k}-{p}", m=m, k=k, p=p): (
            *((2, 4, 3, 2), (3, k, (2, 3), p, m)),
            {},
        )
        for m, k, p in product([0, (1, 0), (0, 2), 1], [(3, 3), (2, 4)], PADDINGS)
    },
    **{
        by("strides-{s}-dilation-{d}-{p}", s=s, d=d, p=p): (
            *((2, 4, 3, 2), (3, (3, 2), s, p)),
            {"dilation_rate": d},
        )
        for s, d, p in product([(1, 1), (2, 3)], [(2, 2), (1, 3)], PADDINGS)
    },
    "no-bias": ((2, 3, 4, 3), (4, 3), {"use_bias": False}),
}

# --- id: (shape of x, arguments of DepthwiseConv2D, options); of SeparableConv2D ----

DEPTHWISE = {
    **{f"{c}-channels": ((2, 5, 9, c), (3, 1, "same"), {}) for c in CHANNELS},
    **{f"{c}-channels-twice": ((2, 5, 4, c), (3, 1, "same", 2), {}) for c in CHANNELS},
    **{f"{n}-images": ((n, 4, 5, 2), (3, 2, "same", 3), {}) for n in IMAGES},
    **{
        by("{m}-times-{k}-strides-{s}-dilation-{d}-{p}", m=m, k=k, s=s, d=d, p=p): (
            *((2, 8, 9, 3), (k, s, p, m)),
            {"dilation_rate": d},
        )
        for m, k, s, d, p in product(
            (1, 2), [(3, 3), (1, 4)], [(1, 1), (2, 3)], [(1, 1), (2, 2)], PADDINGS
        )
    },
    "no-bias": ((2, 5, 6, 3), (3, 1, "valid", 2), {"use_bias": False}),
}

# --- id: (shape of x, arguments of MaxPooling2D and AveragePooling2D) ---------------

MAX_POOLING = {
    **{f"{c}-channels": ((2, 5, 6, c), (2,)) for c in CHANNELS},
    **{f"{c}-channels-overlap": ((2, 5, 6, c), (3, 2, "same")) for c in CHANNELS},
    **{f"{n}-images": ((n, 4, 5, 2), (2,)) for n in IMAGES},
    **{
        by("window-{k}-strides-{s}-{p}", k=k, s=s, p=p): ((2, 5, 6, 3), (k, s, p))
        for k, s, p in product(
            [(2, 2), (3, 3), (2, 3), (1, 4), (5, 6)],
            [(1, 1), (2, 2), (2, 1), (3, 4)],
            PADDINGS,
        )
    },
    **{
        by("window-{k}-above-image-strides-{s}", k=k, s=s): (
            *((2, 4, 3, 2), (k, s, "same")),
        )
        for k, s in product([(9, 9), (17, 16)], [(1, 1), (2, 2)])
    },
}

# --- id: (shape of x, units) --------------------------------------------------------

DENSE = {
    **{f"{c}-inputs": ((5, c), 4) for c in CHANNELS},
    **{f"{c}-units": ((5, 4), c) for c in CHANNELS},
    **{f"{c}-to-{c}": ((12, c), c) for c in CHANNELS},
    **{f"{n}-samples": ((n, 7), 19) for n in IMAGES},
    "3-axes": ((2, 3, 17), 5),
    "4-axes": ((2, 3, 1, 4), 33),
}

# --- id: (shape of x, (rows, columns, filters), pooling window, options) ------------

CONV_RELU_POOL = {
    **{f"{c}-channels": ((2, 6, 6, c), (3, 3, 4), (2, 2), {}) for c in CHANNELS},
    **{f"{c}-filters": ((2, 6, 7, 3), (3, 2, c), (2, 2), {}) for c in CHANNELS},
    **{f"{c}-channels-same": ((4, 8, 8, c), (3, 3, c), (2, 2), {"pads": ((1, 1),) * 2})
       for c in (15, 16, 17, 33)},
    **{f"{n}-images": ((n, 5, 5, 9), (2, 2, 3), (2, 2), {}) for n in IMAGES},
    **{
        by("pooling-{k}", k=k): ((3, 9, 10, 3), (2, 3, 5), k, {})
        for k in [(1, 1), (3, 3), (1, 4), (8, 1), (8, 8), (5, 3)]
    },
    **{
        by("dilation-{d}", d=d): ((2, 9, 10, 3), (3, 2, 5), (2, 2), {"dilation": d})
        for d in [(2, 2), (3, 1), (1, 4)]
    },
    **{
        by("strides-{s}", s=s): ((2, 9, 10, 3), (3, 2, 5), (2, 2), {"strides": s})
        for s in [(2, 2), (3, 1), (1, 4)]
    },
    **{
        by("strides-{s}-dilation-{d}", s=s, d=d): (
            *((2, 11, 10, 3), (3, 2, 5), (2, 2)),
            {"strides": s, "dilation": d},
        )
        for s, d in [((2, 2), (2, 2)), ((3, 1), (2, 4)), ((1, 2), (3, 3))]
    },
    "uneven-pads": ((2, 5, 6, 2), (4, 3, 5), (3, 2), {"pads": ((3, 0), (0, 2))}),
    "one-position-left": ((2, 3, 3, 2), (3, 3, 5), (1, 1), {}),
}  # fmt: skip
