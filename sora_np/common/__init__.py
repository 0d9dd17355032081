"""Code for all other folders, without knowledge of layers, models or our files.

- Checks of what a user passes: ``arguments.py`` of numbers and flags, ``inputs.py`` of
  arrays, ``shapes.py`` of shapes, ``names.py`` of names.
- ``attributes.py`` rejects attributes that nothing reads.  ``changes.py`` notes that a
  layer has changed, so that plans made for it are checked again.  ``configured.py`` has
  ``get_config`` and ``from_config`` of losses, metrics, optimisers and the like.
- ``several.py`` holds several arrays as one batch, for models with several inputs or
  outputs.
- Output for users: ``warn.py`` for warnings that point to the user's line,
  ``terminal.py`` for text, ``progress.py`` for progress bars, ``compiling.py`` for the
  message that numba compiles, ``markup.py`` for HTML in notebooks and pages, and
  ``versions.py`` for the versions that a run depended on.
- ``recorded/`` differentiates the functions of NumPy that users write without a
  backward pass: losses, activations, regularisers, ``Lambda`` and ``call`` of layers.
- ``statistics.py`` reads large arrays in pieces.
- ``old_names.py`` lets pickles find modules that have moved.

Open ``arguments.py`` first.  All of ``sora_np/`` calls these files.  They call only
``kernels/``.
"""
