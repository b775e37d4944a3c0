"""What there is to say of a model, on a page for people and in a file for programs."""
