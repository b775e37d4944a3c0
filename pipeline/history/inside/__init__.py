"""What is in an artifact: what a person would open its files for, as plain values."""
