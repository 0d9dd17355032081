"""How kernels are compiled, kept on disk and run in parallel; the register tile."""
