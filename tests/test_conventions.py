"""Arguments in Keras's order, with its names and defaults: scripts move over unchanged.

The table is read off Keras 3.15.  We may lack arguments of its, and then refuse them by
name; what we have stands in its order.
"""

import ast
import inspect

import pytest

import sora_np

KERAS = """
layers.Activation(activation)
layers.ActivityRegularization(l1=0.0, l2=0.0)
layers.AlphaDropout(rate, noise_shape=None, seed=None)
layers.BatchNormalization(axis=-1, momentum=0.99, epsilon=0.001, center=True,
    scale=True, beta_initializer="zeros", gamma_initializer="ones",
    moving_mean_initializer="zeros", moving_variance_initializer="ones",
    beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
    gamma_constraint=None, renorm=False, renorm_clipping=None, renorm_momentum=0.99,
    synchronized=False)
layers.Conv2D(filters, kernel_size, strides=(1, 1), padding="valid", dilation_rate=(1,
    1), groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
    bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
    activity_regularizer=None, kernel_constraint=None, bias_constraint=None)
layers.Dense(units, activation=None, use_bias=True,
    kernel_initializer="glorot_uniform", bias_initializer="zeros",
    kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
    kernel_constraint=None, bias_constraint=None, lora_rank=None, lora_alpha=None,
    quantization_config=None)
layers.Dropout(rate, noise_shape=None, seed=None)
layers.ELU(alpha=1.0)
layers.Flatten()
layers.GaussianDropout(rate, seed=None)
layers.GaussianNoise(stddev, seed=None)
layers.GroupNormalization(groups=32, axis=-1, epsilon=0.001, center=True, scale=True,
    beta_initializer="zeros", gamma_initializer="ones", beta_regularizer=None,
    gamma_regularizer=None, beta_constraint=None, gamma_constraint=None)
layers.LayerNormalization(axis=-1, epsilon=0.001, center=True, scale=True,
    beta_initializer="zeros", gamma_initializer="ones", beta_regularizer=None,
    gamma_regularizer=None, beta_constraint=None, gamma_constraint=None)
layers.LeakyReLU(negative_slope=0.3)
layers.MaxPooling2D(pool_size=(2, 2), strides=None, padding="valid")
layers.Normalization(axis=-1, mean=None, variance=None, invert=False)
layers.PReLU(alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None,
    shared_axes=None)
layers.RMSNormalization(axis=-1, epsilon=1e-06)
layers.RandomBrightness(factor, value_range=(0, 255), seed=None)
layers.RandomContrast(factor, value_range=(0, 255), seed=None)
layers.RandomErasing(factor=1.0, scale=(0.02, 0.33), fill_value=None, value_range=(0,
    255), seed=None)
layers.RandomFlip(mode="horizontal_and_vertical", seed=None)
layers.RandomRotation(factor, fill_mode="reflect", interpolation="bilinear",
    seed=None, fill_value=0.0)
layers.RandomShear(x_factor=0.0, y_factor=0.0, interpolation="bilinear",
    fill_mode="reflect", fill_value=0.0, seed=None)
layers.RandomTranslation(height_factor, width_factor, fill_mode="reflect",
    interpolation="bilinear", seed=None, fill_value=0.0)
layers.RandomZoom(height_factor, width_factor=None, fill_mode="reflect",
    interpolation="bilinear", seed=None, fill_value=0.0)
layers.ReLU(max_value=None, negative_slope=0.0, threshold=0.0)
layers.Rescaling(scale, offset=0.0)
layers.Softmax(axis=-1)
layers.SpatialDropout1D(rate, seed=None)
layers.SpatialDropout2D(rate, data_format=None, seed=None)
layers.UnitNormalization(axis=-1)
losses.BinaryCrossentropy(from_logits=False, label_smoothing=0.0, axis=-1,
    reduction="sum_over_batch_size")
losses.CategoricalCrossentropy(from_logits=False, label_smoothing=0.0, axis=-1,
    reduction="sum_over_batch_size")
losses.Hinge(reduction="sum_over_batch_size")
losses.Huber(delta=1.0, reduction="sum_over_batch_size")
losses.KLDivergence(reduction="sum_over_batch_size")
losses.LogCosh(reduction="sum_over_batch_size")
losses.MeanAbsoluteError(reduction="sum_over_batch_size")
losses.MeanAbsolutePercentageError(reduction="sum_over_batch_size")
losses.MeanSquaredError(reduction="sum_over_batch_size")
losses.MeanSquaredLogarithmicError(reduction="sum_over_batch_size")
losses.Poisson(reduction="sum_over_batch_size")
losses.SparseCategoricalCrossentropy(from_logits=False, ignore_class=None,
    reduction="sum_over_batch_size", axis=-1)
metrics.Accuracy()
metrics.BinaryAccuracy(threshold=0.5)
metrics.CategoricalAccuracy()
metrics.F1Score(average=None, threshold=None)
metrics.MeanAbsoluteError()
metrics.MeanSquaredError()
metrics.Precision(thresholds=None, top_k=None, class_id=None)
metrics.R2Score(class_aggregation="uniform_average", num_regressors=0)
metrics.Recall(thresholds=None, top_k=None, class_id=None)
metrics.RootMeanSquaredError()
metrics.SparseCategoricalAccuracy()
metrics.SparseTopKCategoricalAccuracy(k=5, from_sorted_ids=False)
metrics.TopKCategoricalAccuracy(k=5)
optimizers.Adagrad(learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-07,
    weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
    use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
    loss_scale_factor=None, gradient_accumulation_steps=None)
optimizers.Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07,
    amsgrad=False, weight_decay=None, clipnorm=None, clipvalue=None,
    global_clipnorm=None, use_ema=False, ema_momentum=0.99,
    ema_overwrite_frequency=None, loss_scale_factor=None,
    gradient_accumulation_steps=None)
optimizers.AdamW(learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999,
    epsilon=1e-07, amsgrad=False, clipnorm=None, clipvalue=None, global_clipnorm=None,
    use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
    loss_scale_factor=None, gradient_accumulation_steps=None)
optimizers.Nadam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07,
    weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
    use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
    loss_scale_factor=None, gradient_accumulation_steps=None)
optimizers.RMSprop(learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-07,
    centered=False, weight_decay=None, clipnorm=None, clipvalue=None,
    global_clipnorm=None, use_ema=False, ema_momentum=0.99,
    ema_overwrite_frequency=None, loss_scale_factor=None,
    gradient_accumulation_steps=None)
optimizers.SGD(learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None,
    clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
    ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
    gradient_accumulation_steps=None)
optimizers.schedules.CosineDecay(initial_learning_rate, decay_steps, alpha=0.0,
    warmup_target=None, warmup_steps=0)
optimizers.schedules.ExponentialDecay(initial_learning_rate, decay_steps, decay_rate,
    staircase=False)
optimizers.schedules.PiecewiseConstantDecay(boundaries, values)
callbacks.CSVLogger(filename, separator=",", append=False)
callbacks.EarlyStopping(monitor="val_loss", min_delta=0, patience=0, verbose=0,
    mode="auto", baseline=None, restore_best_weights=False, start_from_epoch=0)
callbacks.History()
callbacks.LambdaCallback(on_epoch_begin=None, on_epoch_end=None, on_train_begin=None,
    on_train_end=None, on_train_batch_begin=None, on_train_batch_end=None)
callbacks.LearningRateScheduler(schedule, verbose=0)
callbacks.ModelCheckpoint(filepath, monitor="val_loss", verbose=0,
    save_best_only=False, save_weights_only=False, mode="auto", save_freq="epoch",
    initial_value_threshold=None)
callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.1, patience=10, verbose=0,
    mode="auto", min_delta=0.0001, cooldown=0, min_lr=0.0)
callbacks.TerminateOnNaN(raise_error=False)
initializers.Constant(value=0.0)
initializers.GlorotNormal(seed=None, input_axes=None, output_axes=None)
initializers.GlorotUniform(seed=None, input_axes=None, output_axes=None)
initializers.HeNormal(seed=None, input_axes=None, output_axes=None)
initializers.HeUniform(seed=None, input_axes=None, output_axes=None)
initializers.LecunNormal(seed=None, input_axes=None, output_axes=None)
initializers.LecunUniform(seed=None, input_axes=None, output_axes=None)
initializers.Ones()
initializers.RandomNormal(mean=0.0, stddev=0.05, seed=None)
initializers.RandomUniform(minval=-0.05, maxval=0.05, seed=None)
initializers.TruncatedNormal(mean=0.0, stddev=0.05, seed=None)
initializers.VarianceScaling(scale=1.0, mode="fan_in",
    distribution="truncated_normal", seed=None, input_axes=None, output_axes=None)
initializers.Zeros()
regularizers.L1(l1=0.01)
regularizers.L1L2(l1=0.0, l2=0.0)
regularizers.L2(l2=0.01)
"""
CALLS = {
    ast.unparse(call.func): call
    for call in (node.value for node in ast.parse(KERAS.replace("\n    ", " ")).body)
}


def ours(name):
    """Return a class of ours by its name in Keras."""
    thing = sora_np
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.mark.parametrize("name", CALLS)
def test_arguments(name):
    keras = [argument.id for argument in CALLS[name].args]
    defaults = {k.arg: ast.literal_eval(k.value) for k in CALLS[name].keywords}
    keras += defaults
    parameters = dict(inspect.signature(ours(name)).parameters)
    shared = [argument for argument in parameters if argument in keras]
    assert shared == sorted(shared, key=keras.index)
    for argument in shared:
        default = parameters[argument].default
        assert default == defaults.get(argument, inspect.Parameter.empty), argument
    for argument, default in (("name", None), ("trainable", True)):
        if argument in parameters and name.startswith("layers."):
            assert parameters[argument].default is default


@pytest.mark.parametrize("name", CALLS)
def test_what_is_missing_is_named(name):
    required = [argument.id for argument in CALLS[name].args]
    lacking = {k.arg for k in CALLS[name].keywords} - set(
        inspect.signature(ours(name)).parameters
    )
    for argument in lacking:
        with pytest.raises(TypeError, match=argument):
            ours(name)(*[1] * len(required), **{argument: None})
