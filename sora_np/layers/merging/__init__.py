"""Several inputs become one output; ``merge.py`` says how their shapes fit together."""
