"""GPT-2: a GPT of OpenAI's four sizes, with its vocabulary and its layers' names.

Source: Radford et al., "Language models are unsupervised multitask learners" (2019).
"""

from gptfx.data.errors import InputError
from gptfx.modules.config import ModelConfig

VOCAB_SIZE = 50_257
BLOCK_SIZE = 1024
SIZES = {  # parameters: layers, heads, width
    "124M": (12, 12, 768),
    "355M": (24, 16, 1024),
    "774M": (36, 20, 1280),
    "1558M": (48, 25, 1600),
}


def gpt2_config(size: str) -> ModelConfig:
    """The configuration of a size. Raises InputError for one that does not exist."""
    if size not in SIZES:
        raise InputError("no such size of GPT-2", size, f"name one of {', '.join(SIZES)}")
    shape = dict(zip(("n_layer", "n_head", "n_embd"), SIZES[size], strict=True))
    return ModelConfig.model_validate({"block_size": BLOCK_SIZE, **shape})
