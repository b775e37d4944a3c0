"""Our TFX nodes, a folder each: what it takes and gives in component.py, what it does beside it."""
