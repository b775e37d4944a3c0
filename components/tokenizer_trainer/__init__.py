"""Examples to a tokenizer."""
