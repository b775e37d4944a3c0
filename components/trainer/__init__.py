"""Tokens to a model."""
