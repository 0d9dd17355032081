"""Known networks: as many parameters as published, and they learn."""

import numpy as np
import pytest

from sora_np import applications
from sora_np.optimizers import Adam

SMALL = 32, 32, 3


def learnt(model):
    return sum(p.size for layer in model.leaves for p in layer.params.values())


@pytest.mark.parametrize(
    "model, count",
    [
        # LeCun et al. (1998): 156 + 2,416 + 48,120 + 10,164 + 850, C3 complete
        (applications.lenet5(), 61_706),
        # He et al. (2015), table 6: 0.27, 0.46, 0.85 million, with option A; ours has
        # 2,752 more: convolutions 1x1 of 512 and 2,048, normalised by 64 and 128
        (applications.resnet20(SMALL, 10), 269_722 + 2_752),
        (applications.resnet32(SMALL, 10), 464_154 + 2_752),
        (applications.resnet56(SMALL, 10), 853_018 + 2_752),
        # Huang et al. (2017), table 2: 1.0 and 0.8 million
        (applications.densenet(SMALL, 10), 1_019_722),
        (applications.densenet(SMALL, 10, 100, 12, True, 0.5), 769_162),
        # Howard et al. (2017), table 8: 4.2 million
        (applications.mobilenet(), 4_231_976),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_parameters_as_published(model, count):
    assert learnt(model) == count


def test_vgg16_of_the_paper():
    """Simonyan & Zisserman (2015), table 2: 138 million."""
    blocks = (64, 64), (128, 128), (256,) * 3, (512,) * 3
    small = applications.vgg((16, 16, 3), 10, blocks, (8,))
    convolutions = sum(
        9 * before * after + after
        for before, after in zip((3, *sum(blocks, ())), sum(blocks, ()), strict=False)
    )
    assert learnt(small) == convolutions + 512 * 8 + 8 + 8 * 10 + 10


MAKERS = {
    "lenet5": (lambda: applications.lenet5((16, 16, 1), 4), (16, 16, 1)),
    "vgg": (lambda: applications.vgg((8, 8, 3), 4, ((8,), (8,)), (8,), 0.0), (8, 8, 3)),
    "resnet": (lambda: applications.resnet((8, 8, 3), 4, 1, 1, 4), (8, 8, 3)),
    "resnet v2": (
        lambda: applications.resnet((8, 8, 3), 4, 1, 2, 4, 1e-4),
        (8, 8, 3),
    ),
    "mobilenet": (
        lambda: applications.mobilenet(
            (8, 8, 3), 4, 0.25, ((1, 16), (2, 32)), (1, 16), 0.0
        ),
        (8, 8, 3),
    ),
    "densenet": (lambda: applications.densenet((8, 8, 3), 4, 7, 4), (8, 8, 3)),
}


@pytest.mark.parametrize("make, shape", MAKERS.values(), ids=MAKERS)
def test_they_learn_a_few_images_by_heart(make, shape, rng):
    model = make()
    model.compile(Adam(0.01), "sparse_categorical_crossentropy")
    x, y = rng.standard_normal((8, *shape)).astype("f"), np.arange(8) % 4
    losses = model.fit(x, y, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert model.predict(x, verbose=0).shape == (8, 4)


def test_a_unet_finds_bright_pixels(rng):
    model = applications.unet((8, 8, 1), 1, 4, 2)
    x = rng.standard_normal((16, 8, 8, 1)).astype("f")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    logs = model.fit(x, x > 0.3, epochs=40, batch_size=16, verbose=0).history
    assert logs["accuracy"][-1] > 0.8 > logs["accuracy"][0]
    assert applications.unet((8, 8, 3), 5, 2, 1).output_shape == (None, 8, 8, 5)
    with pytest.raises(ValueError, match=r"multiples of 2\*\*depth = 8"):
        applications.unet((12, 8, 1))


def test_an_autoencoder_is_its_two_halves(rng):
    whole, encoder, decoder = applications.autoencoder((8, 8, 1), 6, (4, 4))
    x = rng.random((12, 8, 8, 1), np.float32)
    whole.compile("adam", "mse")
    losses = whole.fit(x, x, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    code = encoder.predict(x, verbose=0)
    assert code.shape == (12, 6)
    np.testing.assert_allclose(
        decoder.predict(code, verbose=0), whole.predict(x, verbose=0), atol=1e-6
    )
    assert whole.layers[1:] == [encoder, decoder]


def test_depths_that_cannot_be():
    with pytest.raises(ValueError, match="depth must be 3 n"):
        applications.densenet(SMALL, 10, 41)
    with pytest.raises(ValueError, match="version must be 1 or 2"):
        applications.resnet(SMALL, 10, version=3)
    with pytest.raises(ValueError, match="multiples of 4"):
        applications.autoencoder((10, 8, 1))
