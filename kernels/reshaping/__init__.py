"""Resizing, padding and cropping of images."""
