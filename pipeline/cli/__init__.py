"""The command `gptfx`, a module a noun; imports TensorFlow and TFX only when a command runs."""
