"""Ready machine code: what a wheel brings along, see kernels/machine/ready.py."""
