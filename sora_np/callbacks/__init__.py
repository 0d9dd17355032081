"""Callbacks: objects that ``fit`` calls around epochs and batches, one per file.

Open ``base.py`` first: it defines a callback, and two protocols for what a callback may
ask of a model and of the running ``fit``.  ``history.py`` has the history that ``fit``
returns.  ``monitor.py`` is shared by callbacks that wait for a number to improve.

``training/epochs.py`` calls them.  They call ``saving/`` to write models and
checkpoints, and ``plots/`` for the curves of a history.
"""

from sora_np.common.progress import Progress, format_logs

from .backup_and_restore import BackupAndRestore
from .base import Callback, CallbackList, Logs
from .csv_logger import CSVLogger
from .early_stopping import EarlyStopping
from .history import History
from .lambda_callback import LambdaCallback
from .learning_rate import LearningRateScheduler, ReduceLROnPlateau
from .model_checkpoint import ModelCheckpoint
from .stopwatch import Stopwatch
from .tensorboard import TensorBoard
from .terminate_on_nan import TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "Progress",
    "ReduceLROnPlateau",
    "Stopwatch",
    "TensorBoard",
    "TerminateOnNaN",
    "format_logs",
]
