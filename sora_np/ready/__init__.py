"""Machine code that is compiled in advance, for a wheel to bring along.

``python -m sora_np.ready`` compiles it for every CPU that is supported.  Open
``networks.py`` first: it lists the networks whose kernels are compiled; ``blocks.py``
has their parts.  ``__main__.py`` starts one process for each CPU (``target.py``), which
runs the networks (``use.py``) and writes the objects (``objects.py``).  ``backend.py``
is the build backend of pyproject.toml.

setup.py calls it.  ``kernels/machine/ready.py`` loads what it wrote.
"""
