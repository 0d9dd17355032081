"""Convolutions: a small kernel slides over images."""
