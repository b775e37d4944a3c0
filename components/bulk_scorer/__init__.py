"""How well a model predicts texts that it neither learned from nor is judged by."""
