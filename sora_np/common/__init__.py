"""What every floor uses; it knows no layer, no model and no file of ours.

- Checks of what a user hands in: ``arguments.py`` of numbers and flags, ``inputs.py``
  of arrays, ``shapes.py`` of shapes, ``names.py`` of names.
- ``attributes.py`` refuses attributes that nothing reads; ``changes.py`` notes that a
  layer has changed, so that what was prepared for it is prepared anew.
- ``several.py`` holds several arrays as one batch, for models of several inputs or
  outputs.
- What a person sees: ``warn.py`` warnings that point to the user's line,
  ``terminal.py`` text, ``progress.py`` bars, ``compiling.py`` that numba compiles,
  ``markup.py`` HTML for notebooks and pages, ``versions.py`` what a run depended on.
- ``statistics.py`` reads large arrays in pieces.
- ``old_names.py`` lets pickles find modules that have moved.

Open ``arguments.py`` first.  All of ``sora_np/`` calls these files.  They call
``kernels/`` alone.
"""
