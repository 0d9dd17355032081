"""Machine code that is compiled in advance and comes with a wheel.

``python -m sora_np.ready`` compiles it for every supported CPU.  Open ``networks.py``
first: it lists the networks whose kernels are compiled; ``blocks.py`` has their parts.
``__main__.py`` starts one process for each CPU (``target.py``), which runs the networks
(``use.py``) and writes the object files (``objects.py``).  ``backend.py`` is the build
backend that pyproject.toml names.

setup.py calls it.  ``kernels/machine/ready.py`` loads the object files.
"""
