"""Text from a model, token by token, inside a TensorFlow graph."""
