"""Masks and boxes, which mark objects in a picture.

Open ``boxes.py`` first: it has the overlap of boxes, and non-maximum suppression.
``masks.py`` has the overlap of masks, Otsu's threshold, and a loss for masks.
``average_precision.py`` scores a detector.  ``centers.py`` converts boxes to a
network's targets and outputs back to boxes, and ``center_loss.py`` has the loss.
``tiles.py`` cuts large pictures, and ``drawing.py`` draws boxes on a picture.

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
