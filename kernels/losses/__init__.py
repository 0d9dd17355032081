"""Losses whose gradient is taken from logits."""
