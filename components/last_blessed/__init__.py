"""Finds the model that a new one must not be worse than."""
