"""GPT from scratch: tokenizers, models, training, evaluation, generation. Knows no pipelines."""
