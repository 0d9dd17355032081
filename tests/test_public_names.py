"""What users import: modules and names that stay, wherever the code moves."""

import importlib

import pytest

PUBLIC = {  # module -> its public names, all of them where it has __all__
    "sora_np": """
        Activation ActivityRegularization Add AlphaDropout Average
        AveragePooling1D AveragePooling2D AvgPool1D AvgPool2D BatchNormalization
        CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose
        Convolution1D Convolution1DTranspose Convolution2D
        Convolution2DTranspose Cropping1D Cropping2D Dense DepthwiseConv1D
        DepthwiseConv2D Dot Dropout ELU Flatten GaussianDropout GaussianNoise
        GlobalAveragePooling1D GlobalAveragePooling2D GlobalAvgPool1D
        GlobalAvgPool2D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPooling1D
        GlobalMaxPooling2D GroupNormalization Identity Input Lambda Layer
        LayerNormalization LeakyReLU MaxPool MaxPool1D MaxPool2D MaxPooling1D
        MaxPooling2D Maximum MinMaxScaling Minimum Model Multiply Normalization
        PReLU Permute RMSNormalization RandomBrightness RandomContrast
        RandomCrop RandomErasing RandomFlip RandomRotation RandomShear
        RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape
        Resizing SeparableConv1D SeparableConv2D SeparableConvolution1D
        SeparableConvolution2D Sequential Sigmoid Softmax SpatialDropout1D
        SpatialDropout2D Subtract UnitNormalization UpSampling1D UpSampling2D
        ZeroPadding1D ZeroPadding2D __version__ activations callbacks
        clone_model constraints datasets exercises explain
        gradcheck initializers keras layers load_model losses metrics models
        optimizers plots preprocessing regularizers report rung sanity tracing utils
    """,
    "sora_np.__main__": "main",
    "sora_np.activations": """
        ACTIVATIONS Activation elu exponential gelu gelu_approximate get hard_sigmoid
        hard_silu hard_swish leaky_relu linear log_softmax mish relu relu6 selu sigmoid
        silu softmax softplus softsign swish tanh
    """,
    "sora_np.callbacks": """
        BackupAndRestore CSVLogger Callback CallbackList EarlyStopping History
        LambdaCallback LearningRateScheduler Logs ModelCheckpoint Progress
        ReduceLROnPlateau Stopwatch TensorBoard TerminateOnNaN format_logs
    """,
    "sora_np.callbacks.base": "Callback CallbackList Logs",
    "sora_np.constraints": """
        CLASSES Constraint MaxNorm MinMaxNorm NonNeg UnitNorm get max_norm
        min_max_norm non_neg unit_norm
    """,
    "sora_np.datasets": """
        boston_housing california_housing cifar10 cifar100 emnist fashion_mini
        fashion_mnist idx image_folder imdb kmnist mnist npz reuters shapes
        table
    """,
    "sora_np.datasets.boston_housing": "FEATURE_NAMES load_data",
    "sora_np.datasets.california_housing": "FEATURE_NAMES load_data",
    "sora_np.datasets.cifar10": "CLASS_NAMES load_data",
    "sora_np.datasets.cifar100": "CLASS_NAMES COARSE_NAMES load_data",
    "sora_np.datasets.emnist": "CLASS_NAMES load_data",
    "sora_np.datasets.imdb": "CLASS_NAMES get_word_index load_data",
    "sora_np.datasets.kmnist": "CLASS_NAMES load_data",
    "sora_np.datasets.reuters": "CLASS_NAMES get_label_names get_word_index load_data",
    "sora_np.datasets.fashion_mini": "CLASS_NAMES build load_data",
    "sora_np.datasets.fashion_mnist": "CLASS_NAMES load_data",
    "sora_np.datasets.idx": "DataFileError read_idx read_idx_pair",
    "sora_np.datasets.image": "read_image",
    "sora_np.datasets.image_folder": "ImageFolder image_dataset_from_directory",
    "sora_np.datasets.mnist": "CLASS_NAMES load_data",
    "sora_np.datasets.npz": "load_data read_arrays",
    "sora_np.datasets.shapes": "CLASS_NAMES load_data moons",
    "sora_np.datasets.table": "Table read_csv",
    "sora_np.exercises": "EXERCISES Exercise ExerciseReport Outcome check task",
    "sora_np.explain": """
        Nearest Step Verdict activation_maximization edge_detector embeddings
        feature_maps filters grad_cam guided_backpropagation integrated_gradients
        label_randomization nearest_samples occlusion parameter_randomization pca
        plot_attribution plot_embedding plot_grad_cam plot_maximization plot_nearest
        saliency smooth_grad tsne
    """,
    "sora_np.gradcheck": """
        Check EPS Kink Report SAMPLES TOLERANCE check_function check_layer
        check_loss check_model check_statistics numerical_gradient
    """,
    "sora_np.initializers": """
        CLASSES Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity
        Initializer LecunNormal LecunUniform Ones Orthogonal RandomNormal
        RandomUniform TruncatedNormal VarianceScaling Zeros fans get
    """,
    "sora_np.layers": """
        Activation ActivityRegularization Add AddedLoss AlphaDropout Average
        AveragePooling1D AveragePooling2D AvgPool1D AvgPool2D BatchNormalization
        CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose
        Convolution1D Convolution1DTranspose Convolution2D
        Convolution2DTranspose Cropping1D Cropping2D Dense DepthwiseConv1D
        DepthwiseConv2D Dot Dropout ELU Flatten GaussianDropout GaussianNoise
        GlobalAveragePooling1D GlobalAveragePooling2D GlobalAvgPool1D
        GlobalAvgPool2D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPooling1D
        GlobalMaxPooling2D GroupNormalization Identity Input InputLayer Lambda Layer
        LayerNormalization LeakyReLU MaxPool MaxPool1D MaxPool2D MaxPooling1D
        MaxPooling2D Maximum MinMaxScaling Minimum Multiply Normalization Operation
        PReLU Permute RMSNormalization RandomBrightness RandomContrast RandomCrop
        RandomErasing RandomFlip RandomRotation RandomShear RandomTranslation
        RandomZoom ReLU RepeatVector Rescaling Reshape Resizing SeparableConv1D
        SeparableConv2D SeparableConvolution1D SeparableConvolution2D Sigmoid
        Softmax SpatialDropout1D SpatialDropout2D Subtract UnitNormalization
        UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D add average
        concatenate dot maximum minimum multiply subtract
    """,
    "sora_np.layers.base": "Layer",
    "sora_np.lessons": "Copies LANGUAGES Lesson copy_lessons list_lessons",
    "sora_np.losses": """
        BCE KLD MAE MAPE MSE MSLE BinaryCrossentropy BinaryFocalCrossentropy
        CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalHinge
        CosineSimilarity Dice FunctionLoss Hinge Huber KLDivergence LogCosh Loss
        MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError
        MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy
        SquaredHinge Tversky bce binary_crossentropy binary_focal_crossentropy
        by_shapes categorical_crossentropy categorical_focal_crossentropy
        categorical_hinge cosine_similarity crossentropy_for dice get hinge
        huber kl_divergence kld log_cosh mae mape mean_absolute_error
        mean_absolute_percentage_error mean_squared_error
        mean_squared_logarithmic_error mse msle poisson
        sparse_categorical_crossentropy squared_hinge tversky
    """,
    "sora_np.losses.base": "Loss",
    "sora_np.metrics": """
        AUC MAE MAPE MSE MSLE Accuracy BinaryAccuracy BinaryCrossentropy
        BinaryIoU CategoricalAccuracy CategoricalCrossentropy CategoricalHinge
        CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives FunctionMetric
        Hinge IoU KLDivergence LogCoshError MeanAbsoluteError
        MeanAbsolutePercentageError MeanIoU MeanLoss MeanSquaredError
        MeanSquaredLogarithmicError Metric OneHotIoU OneHotMeanIoU Poisson
        Precision PrecisionAtRecall R2Score Recall RecallAtPrecision
        RootMeanSquaredError SensitivityAtSpecificity SparseCategoricalAccuracy
        SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy
        SpecificityAtSensitivity SquaredHinge Tally TopKCategoricalAccuracy
        TrueNegatives TruePositives binary_accuracy binary_crossentropy
        categorical_accuracy categorical_crossentropy categorical_hinge
        classification_report collect confusion_matrix direction get hinge huber
        kl_divergence log_cosh macro_average mae mape mean_absolute_error
        mean_absolute_percentage_error mean_squared_error
        mean_squared_logarithmic_error mse msle of_sklearn poisson
        precision_recall_f1 sparse_categorical_accuracy
        sparse_categorical_crossentropy sparse_top_k_categorical_accuracy
        squared_hinge top_k_categorical_accuracy
    """,
    "sora_np.metrics.base": "Metric FunctionMetric",
    "sora_np.models": "Model Sequential clone_model load_model",
    "sora_np.optimizers": """
        SGD Adadelta Adagrad Adam AdamW Adamax Lamb Lion Nadam Optimizer RMSprop
        get schedules
    """,
    "sora_np.optimizers.base": "Optimizer",
    "sora_np.optimizers.schedules": """
        CLASSES CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay
        LearningRateSchedule OneCycle PiecewiseConstantDecay PolynomialDecay get
    """,
    "sora_np.plots": """
        plot_confusion_matrix plot_feature_maps plot_filters plot_mistakes
        plot_model
    """,
    "sora_np.plots.curves": "plot_history",
    "sora_np.plots.figure": "new_figure",
    "sora_np.preprocessing": """
        Cleaned CleaningReport Finding clean image plot_augmented robust_z_score
        sequence
    """,
    "sora_np.preprocessing.image": """
        DataFrameIterator DirectoryIterator Flow ImageDataGenerator
        NumpyArrayIterator array_to_img img_to_array load_img save_img
    """,
    "sora_np.preprocessing.sequence": "pad_sequences",
    "sora_np.preprocessing.report": "CleaningReport Finding",
    "sora_np.recipes": """
        PictureRecipe RECIPES Recipe fashion_93 fashion_resnet get nuclei_unet sora
        trees_centers
    """,
    "sora_np.regularizers": "CLASSES L1 L1L2 L2 Regularizer get l1 l1_l2 l2",
    "sora_np.report": "write",
    "sora_np.sanity": "Finding SanityReport check",
    "sora_np.sanity.report": "Finding SanityReport",
    "sora_np.saving": "ModelFileError register",
    "sora_np.sora_model": "create_sora_model",
    "sora_np.tracing": """
        Explanation LayerTrace Line Operand RungTimes Trace rung_times trace trace_layer
    """,
    "sora_np.utils": """
        PyDataset Sequence array_to_img get_file image_dataset_from_directory
        img_to_array load_img normalize pad_sequences save_img set_random_seed
        to_categorical
    """,
    "sora_np.vision": """
        CenterLoss DiceCrossentropy PrecisionRecall average_precision box_iou boxes_in
        center_targets decode_centers dihedral dihedral_boxes draw_boxes mask_dice
        mask_iou non_maximum_suppression otsu_threshold tiles
    """,
}


@pytest.mark.parametrize("module", PUBLIC)
def test_names_are_imported_as_ever(module):
    names, found = set(PUBLIC[module].split()), importlib.import_module(module)
    assert names == set(getattr(found, "__all__", names))
    for name in names:
        assert getattr(found, name) is not None
        assert name in dir(found)
