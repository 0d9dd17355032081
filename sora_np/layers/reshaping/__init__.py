"""Layers that give the same numbers in another shape, or around and between others.

``margins.py`` says what padding and cropping are.
"""
