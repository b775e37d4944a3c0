"""Text to tokens, with TensorFlow Transform on Beam."""
