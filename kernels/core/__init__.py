"""The fully connected product and the bias."""
