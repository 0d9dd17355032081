"""Pictures with more than one label, from packages that bring them as examples.

===========  =================================================================
`nuclei`     a micrograph with a mask of every nucleus; the package stardist
`trees`      two aerial pictures with a box of every tree; the package deepforest
===========  =================================================================

Their code is not run: ``installed.py`` finds the files where pip has put them, and
verifies them.  Open ``nuclei.py`` first.  ``recipes/`` calls both.
"""
