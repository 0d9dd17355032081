"""How every kernel is compiled, kept and run.

Open ``tasks.py`` first: a ``Task`` is a kernel with its arrays, cut into items; a
``Program`` is some tasks in order, and calling it runs them on all threads.

- To compile: ``arrays.py`` has the decorator ``jit`` and the check of arrays,
  ``lowering.py`` says how numba compiles, ``cache.py`` keeps machine code on disk, and
  ``ready.py`` finds machine code that a wheel brings along.
- To run: ``driver.py`` spreads items over threads, ``kept.py`` keeps the tasks of a
  call for the next one, and ``rungs.py`` chooses among the loops, NumPy and the fast
  version of an operation.
- To multiply: ``tile.py`` has the operations on the register tile, which is the block
  of sums that stays in vector registers; ``tile_formulas.py`` has their formulas, and
  ``tile_emitter.py`` writes their instructions.

All kernels call these files.  The plan (``engine/plan.py``) calls ``tasks.py``.  These
files call no kernel.
"""
