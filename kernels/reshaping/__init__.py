"""Operations that make images larger or smaller.

``window2d.py`` pads and crops, ``resize2d.py`` interpolates.  The layers in
``layers/reshaping/`` and ``layers/preprocessing/``, and ``engine/fusion/sampling.py``,
call them.  They call only ``machine/``.
"""
