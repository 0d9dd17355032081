"""One step of every optimiser; clipping."""
