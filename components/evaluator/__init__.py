"""A model against its bounds and against another model, with TensorFlow Model Analysis."""
