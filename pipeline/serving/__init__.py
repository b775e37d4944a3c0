"""Pushed models: which there are, and what is done to them by hand."""
