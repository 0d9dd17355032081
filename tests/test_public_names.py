"""What users import: modules and names that stay, wherever the code moves."""

import importlib

import pytest

PUBLIC = {  # module -> its public names, all of them where it has __all__
    "sora_np": """
        Activation ActivityRegularization AlphaDropout BatchNormalization Conv2D
        Dense Dropout ELU Flatten GaussianDropout GaussianNoise
        GroupNormalization Input Layer LayerNormalization LeakyReLU MaxPool
        MaxPool2D MaxPooling2D MinMaxScaling Model Normalization PReLU
        RMSNormalization RandomBrightness RandomContrast RandomErasing
        RandomFlip RandomRotation RandomShear RandomTranslation RandomZoom ReLU
        Rescaling Sequential Sigmoid Softmax SpatialDropout1D SpatialDropout2D
        UnitNormalization __version__ activations callbacks clone_model datasets
        gradcheck initializers layers load_model losses metrics models
        optimizers plots preprocessing regularizers report sanity utils
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
        ReduceLROnPlateau Stopwatch TerminateOnNaN format_logs
    """,
    "sora_np.callbacks.base": "Callback CallbackList Logs",
    "sora_np.datasets": "fashion_mini fashion_mnist idx image_folder mnist npz table",
    "sora_np.datasets.fashion_mini": "CLASS_NAMES build load_data",
    "sora_np.datasets.fashion_mnist": "CLASS_NAMES load_data",
    "sora_np.datasets.idx": "DataFileError read_idx read_idx_pair",
    "sora_np.datasets.image": "read_image",
    "sora_np.datasets.image_folder": "ImageFolder image_dataset_from_directory",
    "sora_np.datasets.mnist": "CLASS_NAMES load_data",
    "sora_np.datasets.npz": "load_data read_arrays",
    "sora_np.datasets.table": "Table read_csv",
    "sora_np.gradcheck": """
        Check EPS Kink Report SAMPLES TOLERANCE check_function check_layer
        check_loss check_model check_statistics numerical_gradient
    """,
    "sora_np.initializers": """
        CLASSES Constant GlorotNormal GlorotUniform HeNormal HeUniform
        Initializer LecunNormal LecunUniform Ones RandomNormal RandomUniform
        TruncatedNormal VarianceScaling Zeros fans get
    """,
    "sora_np.layers": """
        Activation ActivityRegularization AlphaDropout BatchNormalization Conv2D
        Dense Dropout ELU Flatten GaussianDropout GaussianNoise
        GroupNormalization Input Layer LayerNormalization LeakyReLU MaxPool
        MaxPool2D MaxPooling2D MinMaxScaling Normalization PReLU
        RMSNormalization RandomBrightness RandomContrast RandomErasing
        RandomFlip RandomRotation RandomShear RandomTranslation RandomZoom ReLU
        Rescaling Sigmoid Softmax SpatialDropout1D SpatialDropout2D
        UnitNormalization
    """,
    "sora_np.layers.base": "Layer",
    "sora_np.losses": """
        BinaryCrossentropy CategoricalCrossentropy Hinge Huber KLDivergence
        LogCosh Loss MeanAbsoluteError MeanAbsolutePercentageError
        MeanSquaredError MeanSquaredLogarithmicError Poisson
        SparseCategoricalCrossentropy by_shapes crossentropy_for get
    """,
    "sora_np.losses.base": "Loss",
    "sora_np.metrics": """
        Accuracy BinaryAccuracy CategoricalAccuracy F1Score FunctionMetric
        MeanAbsoluteError MeanLoss MeanSquaredError Metric Precision R2Score
        Recall RootMeanSquaredError SparseCategoricalAccuracy
        SparseTopKCategoricalAccuracy Tally TopKCategoricalAccuracy
        classification_report collect confusion_matrix direction get
        macro_average of_sklearn precision_recall_f1
    """,
    "sora_np.metrics.base": "Metric FunctionMetric",
    "sora_np.models": "Model Sequential clone_model load_model",
    "sora_np.optimizers": """
        Adagrad Adam AdamW Nadam Optimizer RMSprop SGD get schedules
    """,
    "sora_np.optimizers.base": "Optimizer",
    "sora_np.optimizers.schedules": """
        CLASSES CosineDecay ExponentialDecay LearningRateSchedule OneCycle
        PiecewiseConstantDecay get
    """,
    "sora_np.plots": """
        plot_confusion_matrix plot_feature_maps plot_filters plot_mistakes
    """,
    "sora_np.plots.curves": "plot_history",
    "sora_np.plots.figure": "new_figure",
    "sora_np.preprocessing": """
        Cleaned CleaningReport Finding clean plot_augmented robust_z_score
    """,
    "sora_np.preprocessing.report": "CleaningReport Finding",
    "sora_np.recipes": "RECIPES Recipe fashion_93 get sora",
    "sora_np.regularizers": "CLASSES L1 L1L2 L2 Regularizer get l1 l1_l2 l2",
    "sora_np.report": "write",
    "sora_np.sanity": "Finding SanityReport check",
    "sora_np.sanity.report": "Finding SanityReport",
    "sora_np.saving": "ModelFileError register",
    "sora_np.sora_model": "create_sora_model",
    "sora_np.utils": "PyDataset Sequence image_dataset_from_directory to_categorical",
}


@pytest.mark.parametrize("module", PUBLIC)
def test_names_are_imported_as_ever(module):
    names, found = set(PUBLIC[module].split()), importlib.import_module(module)
    assert names == set(getattr(found, "__all__", names))
    for name in names:
        assert getattr(found, name) is not None
        assert name in dir(found)
