"""Fitting a model: the data as windows, the optimizer, the loop and its progress."""
