"""Activation functions as layers of their own, one number in, one number out."""
