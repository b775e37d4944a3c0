"""Text files to tf.Examples."""
