"""What is in a picture, and where: masks and boxes.

Open ``boxes.py`` first: the overlap of boxes, and which of many boxes stay.
``masks.py``: how well masks overlap, Otsu's threshold, a loss for masks.
``average_precision.py`` scores a detector.  ``centers.py`` turns boxes into what a
network learns and back, and ``center_loss.py`` is its loss.  ``tiles.py`` cuts large
pictures, ``drawing.py`` marks boxes in a picture.

A box is (left, top, right, bottom), in pixels from the upper left corner of a picture;
its width is right - left.  ``recipes/`` calls these files.
"""

from .average_precision import PrecisionRecall, average_precision
from .boxes import box_iou, non_maximum_suppression
from .center_loss import CenterLoss
from .centers import center_targets, decode_centers
from .drawing import draw_boxes
from .masks import DiceCrossentropy, mask_dice, mask_iou, otsu_threshold
from .tiles import boxes_in, dihedral, dihedral_boxes, tiles

__all__ = [
    "CenterLoss",
    "DiceCrossentropy",
    "PrecisionRecall",
    "average_precision",
    "box_iou",
    "boxes_in",
    "center_targets",
    "decode_centers",
    "dihedral",
    "dihedral_boxes",
    "draw_boxes",
    "mask_dice",
    "mask_iou",
    "non_maximum_suppression",
    "otsu_threshold",
    "tiles",
]
