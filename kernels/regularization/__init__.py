"""Random numbers by counting; penalties on weights."""
