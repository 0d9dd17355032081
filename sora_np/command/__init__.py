"""The command ``sora-np``: train, evaluate, predict, gradcheck, lessons, info.

``main.py`` reads the command line, and each command has a file of its own.  What they
share: ``options.py`` the models and data that they take, ``reading.py`` files of both,
``answers.py`` what they print of a model's outputs, ``specimens.py`` small networks for
``gradcheck``.
"""
