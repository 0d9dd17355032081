"""Compiles, caches and runs all kernels.

Open ``tasks.py`` first.  A ``Task`` is a kernel with its arrays, split into items.  A
``Program`` is several tasks in order; calling it runs them on all threads.  And
``run_kept`` keeps the tasks of a call for the next one.

- Compiling: ``arrays.py`` has the decorator ``jit`` and the check of arrays,
  ``lowering.py`` changes how numba compiles, ``cache.py`` keeps machine code on disk,
  and ``ready.py`` finds machine code that comes with a wheel.
- Running: ``driver.py`` distributes items over threads, ``entries.py`` lets it call a
  kernel by an address, and ``rungs.py`` chooses between the loops, NumPy and the fast
  version of an operation.
- Multiplying: ``tile.py`` has the operations on the register tile, a block of sums that
  stays in vector registers.  ``tile_formulas.py`` has their formulas, and
  ``tile_emitter.py`` writes their instructions.

All kernels call these files.  The plan (``engine/plan.py``) calls ``tasks.py``.  These
files call no kernel.
"""
