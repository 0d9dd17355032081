"""The documentation as web pages: ``python -m sphinx -W -b html FOLDER build/site``.

FOLDER is this folder; Sphinx reads ``conf.py``.  What is shown is kept elsewhere: the
READMEs, the lessons beside this folder, and the docstrings.  ``pages.py`` copies them
into the output folder, where links to code become links to pages with that code;
``docstrings.py`` turns docstrings into reStructuredText, and ``formulas.py`` and
``notation.py`` their formulas into LaTeX, which the pages show as MathML: they need
neither a script nor a network;
``pictures.py`` draws the pictures of the READMEs.  Here are only the pages that
have no other place: the index and how to install.
"""
