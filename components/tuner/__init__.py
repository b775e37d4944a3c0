"""Tokens to a learning rate, a width and a depth."""
