"""Stops the run when the data are not fit to learn from."""
