"""The models, from a table of pairs to GPT, each readable on its own."""
