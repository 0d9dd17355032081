"""Layers that disturb training so that networks do not learn by heart."""
