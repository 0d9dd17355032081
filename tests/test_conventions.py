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
layers.Add()
layers.Average()
layers.AveragePooling1D(pool_size, strides=None, padding="valid")
layers.AveragePooling2D(pool_size, strides=None, padding="valid")
layers.ActivityRegularization(l1=0.0, l2=0.0)
layers.AlphaDropout(rate, noise_shape=None, seed=None)
layers.BatchNormalization(axis=-1, momentum=0.99, epsilon=0.001, center=True,
    scale=True, beta_initializer="zeros", gamma_initializer="ones",
    moving_mean_initializer="zeros", moving_variance_initializer="ones",
    beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
    gamma_constraint=None, renorm=False, renorm_clipping=None, renorm_momentum=0.99,
    synchronized=False)
layers.CenterCrop(height, width)
layers.Concatenate(axis=-1)
layers.Conv1D(filters, kernel_size, strides=1, padding="valid", dilation_rate=1,
    groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
    bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
    activity_regularizer=None, kernel_constraint=None, bias_constraint=None)
layers.Conv1DTranspose(filters, kernel_size, strides=1, padding="valid",
    output_padding=None, dilation_rate=1, activation=None, use_bias=True,
    kernel_initializer="glorot_uniform", bias_initializer="zeros",
    kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
    kernel_constraint=None, bias_constraint=None)
layers.Conv2D(filters, kernel_size, strides=(1, 1), padding="valid", dilation_rate=(1,
    1), groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform",
    bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
    activity_regularizer=None, kernel_constraint=None, bias_constraint=None)
layers.Cropping1D(cropping=(1, 1))
layers.Cropping2D(cropping=((0, 0), (0, 0)))
layers.Conv2DTranspose(filters, kernel_size, strides=(1, 1), padding="valid",
    output_padding=None, dilation_rate=(1, 1), activation=None, use_bias=True,
    kernel_initializer="glorot_uniform", bias_initializer="zeros",
    kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
    kernel_constraint=None, bias_constraint=None)
layers.Dense(units, activation=None, use_bias=True,
    kernel_initializer="glorot_uniform", bias_initializer="zeros",
    kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
    kernel_constraint=None, bias_constraint=None, lora_rank=None, lora_alpha=None,
    quantization_config=None)
layers.Dot(axes, normalize=False)
layers.Dropout(rate, noise_shape=None, seed=None)
layers.ELU(alpha=1.0)
layers.Flatten()
layers.GaussianDropout(rate, seed=None)
layers.GaussianNoise(stddev, seed=None)
layers.Identity()
layers.Lambda(function, output_shape=None, mask=None, arguments=None)
layers.DepthwiseConv1D(kernel_size, strides=1, padding="valid", depth_multiplier=1,
    dilation_rate=1, activation=None, use_bias=True,
    depthwise_initializer="glorot_uniform", bias_initializer="zeros",
    depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
    depthwise_constraint=None, bias_constraint=None)
layers.DepthwiseConv2D(kernel_size, strides=(1, 1), padding="valid", depth_multiplier=1,
    dilation_rate=(1, 1), activation=None, use_bias=True,
    depthwise_initializer="glorot_uniform", bias_initializer="zeros",
    depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
    depthwise_constraint=None, bias_constraint=None)
layers.Dropout(rate, noise_shape=None, seed=None)
layers.Flatten()
layers.GaussianNoise(stddev, seed=None)
layers.GlobalAveragePooling1D(keepdims=False)
layers.GlobalAveragePooling2D(keepdims=False)
layers.GlobalMaxPooling1D(keepdims=False)
layers.GlobalMaxPooling2D(keepdims=False)
layers.MaxPooling1D(pool_size=2, strides=None, padding="valid")
layers.GroupNormalization(groups=32, axis=-1, epsilon=0.001, center=True, scale=True,
    beta_initializer="zeros", gamma_initializer="ones", beta_regularizer=None,
    gamma_regularizer=None, beta_constraint=None, gamma_constraint=None)
layers.LayerNormalization(axis=-1, epsilon=0.001, center=True, scale=True,
    beta_initializer="zeros", gamma_initializer="ones", beta_regularizer=None,
    gamma_regularizer=None, beta_constraint=None, gamma_constraint=None)
layers.LeakyReLU(negative_slope=0.3)
layers.MaxPooling2D(pool_size=(2, 2), strides=None, padding="valid")
layers.Maximum()
layers.Minimum()
layers.Multiply()
layers.Normalization(axis=-1, mean=None, variance=None, invert=False)
layers.Permute(dims)
layers.PReLU(alpha_initializer="Zeros", alpha_regularizer=None, alpha_constraint=None,
    shared_axes=None)
layers.RMSNormalization(axis=-1, epsilon=1e-06)
layers.RandomBrightness(factor, value_range=(0, 255), seed=None)
layers.RandomContrast(factor, value_range=(0, 255), seed=None)
layers.RandomCrop(height, width, seed=None)
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
layers.RepeatVector(n)
layers.Rescaling(scale, offset=0.0)
layers.Reshape(target_shape)
layers.Resizing(height, width, interpolation="bilinear", crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False, fill_mode="constant", fill_value=0.0, antialias=False)
layers.SeparableConv1D(filters, kernel_size, strides=1, padding="valid",
    dilation_rate=1, depth_multiplier=1, activation=None, use_bias=True,
    depthwise_initializer="glorot_uniform", pointwise_initializer="glorot_uniform",
    bias_initializer="zeros", depthwise_regularizer=None, pointwise_regularizer=None,
    bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
    pointwise_constraint=None, bias_constraint=None)
layers.SeparableConv2D(filters, kernel_size, strides=(1, 1), padding="valid",
    dilation_rate=(1, 1), depth_multiplier=1, activation=None, use_bias=True,
    depthwise_initializer="glorot_uniform", pointwise_initializer="glorot_uniform",
    bias_initializer="zeros", depthwise_regularizer=None, pointwise_regularizer=None,
    bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
    pointwise_constraint=None, bias_constraint=None)
layers.Softmax(axis=-1)
layers.Subtract()
layers.UpSampling1D(size=2)
layers.UpSampling2D(size=(2, 2), interpolation="nearest")
layers.ZeroPadding1D(padding=1)
layers.ZeroPadding2D(padding=(1, 1))
layers.add(inputs)
layers.average(inputs)
layers.concatenate(inputs, axis=-1)
layers.dot(inputs, axes=-1)
layers.maximum(inputs)
layers.minimum(inputs)
layers.multiply(inputs)
layers.subtract(inputs)
layers.SpatialDropout1D(rate, seed=None)
layers.SpatialDropout2D(rate, data_format=None, seed=None)
layers.UnitNormalization(axis=-1)
losses.BinaryCrossentropy(from_logits=False, label_smoothing=0.0, axis=-1,
    reduction="sum_over_batch_size")
losses.BinaryFocalCrossentropy(apply_class_balancing=False, alpha=0.25, gamma=2.0,
    from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size")
losses.CategoricalCrossentropy(from_logits=False, label_smoothing=0.0, axis=-1,
    reduction="sum_over_batch_size")
losses.CategoricalFocalCrossentropy(alpha=0.25, gamma=2.0, from_logits=False,
    label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size")
losses.CategoricalHinge(reduction="sum_over_batch_size")
losses.CosineSimilarity(axis=-1, reduction="sum_over_batch_size")
losses.Dice(reduction="sum_over_batch_size", axis=None)
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
losses.SquaredHinge(reduction="sum_over_batch_size")
losses.Tversky(alpha=0.5, beta=0.5, reduction="sum_over_batch_size", axis=None)
metrics.AUC(num_thresholds=200, curve="ROC", summation_method="interpolation",
    thresholds=None, multi_label=False, num_labels=None, label_weights=None,
    from_logits=False)
metrics.Accuracy()
metrics.BinaryAccuracy(threshold=0.5)
metrics.BinaryCrossentropy(from_logits=False, label_smoothing=0)
metrics.BinaryIoU(target_class_ids=(0, 1), threshold=0.5)
metrics.CategoricalAccuracy()
metrics.CategoricalCrossentropy(from_logits=False, label_smoothing=0, axis=-1)
metrics.CategoricalHinge()
metrics.CosineSimilarity(axis=-1)
metrics.F1Score(average=None, threshold=None)
metrics.FBetaScore(average=None, beta=1.0, threshold=None)
metrics.FalseNegatives(thresholds=None)
metrics.FalsePositives(thresholds=None)
metrics.Hinge()
metrics.IoU(num_classes, target_class_ids, ignore_class=None, sparse_y_true=True,
    sparse_y_pred=True, axis=-1)
metrics.KLDivergence()
metrics.LogCoshError()
metrics.MeanAbsoluteError()
metrics.MeanAbsolutePercentageError()
metrics.MeanIoU(num_classes, ignore_class=None, sparse_y_true=True, sparse_y_pred=True,
    axis=-1)
metrics.MeanSquaredError()
metrics.MeanSquaredLogarithmicError()
metrics.OneHotIoU(num_classes, target_class_ids, ignore_class=None, sparse_y_pred=False,
    axis=-1)
metrics.OneHotMeanIoU(num_classes, ignore_class=None, sparse_y_pred=False, axis=-1)
metrics.Poisson()
metrics.Precision(thresholds=None, top_k=None, class_id=None)
metrics.PrecisionAtRecall(recall, num_thresholds=200, class_id=None)
metrics.R2Score(class_aggregation="uniform_average", num_regressors=0)
metrics.Recall(thresholds=None, top_k=None, class_id=None)
metrics.RecallAtPrecision(precision, num_thresholds=200, class_id=None)
metrics.RootMeanSquaredError()
metrics.SensitivityAtSpecificity(specificity, num_thresholds=200, class_id=None)
metrics.SparseCategoricalAccuracy()
metrics.SparseCategoricalCrossentropy(from_logits=False, ignore_class=None, axis=-1)
metrics.SparseTopKCategoricalAccuracy(k=5, from_sorted_ids=False)
metrics.SpecificityAtSensitivity(sensitivity, num_thresholds=200, class_id=None)
metrics.SquaredHinge()
metrics.TopKCategoricalAccuracy(k=5)
metrics.TrueNegatives(thresholds=None)
metrics.TruePositives(thresholds=None)
optimizers.Adadelta(learning_rate=0.001, rho=0.95, epsilon=1e-07, weight_decay=None,
    clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
    ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
    gradient_accumulation_steps=None)
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
optimizers.Adamax(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07,
    weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
    use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
    loss_scale_factor=None, gradient_accumulation_steps=None)
optimizers.Lamb(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07,
    weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
    use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
    loss_scale_factor=None, gradient_accumulation_steps=None)
optimizers.Lion(learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None,
    clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
    ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
    gradient_accumulation_steps=None)
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
optimizers.schedules.CosineDecayRestarts(initial_learning_rate, first_decay_steps,
    t_mul=2.0, m_mul=1.0, alpha=0.0)
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
initializers.Identity(gain=1.0)
initializers.LecunNormal(seed=None, input_axes=None, output_axes=None)
initializers.LecunUniform(seed=None, input_axes=None, output_axes=None)
initializers.Ones()
initializers.Orthogonal(gain=1.0, seed=None)
initializers.RandomNormal(mean=0.0, stddev=0.05, seed=None)
initializers.RandomUniform(minval=-0.05, maxval=0.05, seed=None)
initializers.TruncatedNormal(mean=0.0, stddev=0.05, seed=None)
initializers.VarianceScaling(scale=1.0, mode="fan_in",
    distribution="truncated_normal", seed=None, input_axes=None, output_axes=None)
initializers.Zeros()
regularizers.L1(l1=0.01)
regularizers.L1L2(l1=0.0, l2=0.0)
regularizers.L2(l2=0.01)
constraints.MaxNorm(max_value=2, axis=0)
constraints.MinMaxNorm(min_value=0.0, max_value=1.0, rate=1.0, axis=0)
constraints.NonNeg()
constraints.UnitNorm(axis=0)
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
    if name.startswith("layers."):
        lacking -= {"data_format", "activity_regularizer"}  # layers/spelling.py
    for argument in lacking:
        with pytest.raises(TypeError, match=argument):
            ours(name)(*[1] * len(required), **{argument: None})
