"""`gptfx doctor`: what of this machine, its packages, root and texts would make a run fail."""
