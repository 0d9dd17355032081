"""Convolutions: a small kernel slides over images, or along sequences."""
