"""The SavedModel: prompts in, text out, and the signatures that judge it."""
