"""The command ``sora-np``: train, evaluate, predict, gradcheck, lessons, info.

Open ``main.py`` first: it reads the command line, and each of the six commands has a
file with its name.  They share ``options.py`` (the options for models and data),
``reading.py`` (files of models and data), ``photos.py`` (folders of images),
``pictures.py`` (recipes whose networks output pictures), ``answers.py`` (prints a
model's outputs) and ``specimens.py`` (small networks for ``gradcheck``).

``__main__.py`` calls it.  It calls ``models/``, ``recipes/`` and ``report/``.
"""
