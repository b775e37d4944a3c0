"""Runs that come again and again on this machine (``gptfx schedule``)."""
