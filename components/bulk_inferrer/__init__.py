"""The model asked about texts of any size, once every gate blessed it."""
