"""Asks an exported model, in a process that knows nothing of gptfx, before it is pushed."""
