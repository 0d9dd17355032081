"""What happens around training: callbacks, one a file.

Open ``base.py`` first: it says what a callback is, and by two protocols what it may ask
of a model and of the run of ``fit``.  ``history.py`` is what ``fit`` returns;
``monitor.py`` is what those callbacks share that wait for a number to improve.

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
