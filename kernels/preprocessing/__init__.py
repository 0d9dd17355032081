"""Samples gathered into batches; images warped."""
