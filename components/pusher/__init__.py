"""Delivers what passed every gate."""
