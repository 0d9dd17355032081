"""Networks of sora_np.applications with skip connections or depthwise convolutions.

Their training takes much longer than that of the others, so a late row begins after 200
steps.

The images have noise, as photographs do.  A background of zeros becomes one number in
each channel after every convolution.  If this number is almost 0, rounding decides
whether all these pixels pass a ReLU, and gradients of two frameworks differ by 4 %.
"""

from benchmarks.networks import (
    Add,
    Concat,
    Conv,
    Dense,
    Depthwise,
    GlobalAverage,
    Keep,
    Network,
    Norm,
    Pool,
    Relu,
    Take,
    Transposed,
)

NORM = Norm(0.99)
TRAINED = {"steps": 200, "noise": 0.5}
# strides and filters of MobileNet's blocks; the filters are halved
BLOCKS = (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), (1, 512)


def _conv(filters, size, strides=1):
    """Return a convolution without a bias, for a normalisation after it."""
    return Conv(filters, size, "same", strides, bias=False, relu=False), NORM


def _residual(filters, strides):
    """Return ReLU(x + F(x)), F = norm(conv(ReLU(norm(conv(x)))))."""
    skip = ()
    if strides > 1:  # the shape changes
        skip = Keep("x"), *_conv(filters, 1, strides), Keep("skip"), Take("x")
    first = *_conv(filters, 3, strides), Relu()
    begin = skip or (Keep("skip"),)
    return *begin, *first, *_conv(filters, 3), Add("skip"), Relu()


def _resnet20():
    layers = [*_conv(16, 3), Relu()]
    for stage in range(3):
        for block in range(3):
            layers += _residual(16 * 2**stage, 2 if stage and not block else 1)
    return *layers, GlobalAverage(), Dense(10)


def _mobilenet():
    layers = [*_conv(16, 3), Relu(6.0)]
    for strides, filters in BLOCKS:
        layers += [Depthwise(3, strides), NORM, Relu(6.0)]
        layers += [*_conv(filters // 2, 1), Relu(6.0)]
    return *layers, GlobalAverage(), Dense(10)


def _twice(filters):
    return (*_conv(filters, 3), Relu()) * 2


def _unet(filters=16, depth=3):
    levels, layers = [filters * 2**level for level in range(depth)], []
    for number in levels:
        layers += [*_twice(number), Keep(f"of {number}"), Pool()]
    layers += _twice(filters * 2**depth)
    for number in reversed(levels):
        layers += [Transposed(number), Concat(f"of {number}"), *_twice(number)]
    return *layers, Conv(1, 1, relu=False)


RESNET = Network("ResNet-20", (32, 32, 3), _resnet20(), batch=64, **TRAINED)
MOBILENET = Network("MobileNet-like", (32, 32, 3), _mobilenet(), batch=64, **TRAINED)
UNET = Network("U-Net", (64, 64, 1), _unet(), batch=16, **TRAINED)
