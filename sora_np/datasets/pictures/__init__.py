"""Pictures with masks or boxes, which are examples of other packages.

===========  =================================================================
`nuclei`     a micrograph with a mask of every nucleus; the package stardist
`trees`      two aerial pictures with a box of every tree; the package deepforest
===========  =================================================================

The code of these packages is not run: ``installed.py`` finds the installed files and
verifies them.  Open ``nuclei.py`` first.  ``recipes/`` calls both.
"""
