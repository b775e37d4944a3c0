"""Makes the generation benchmark's models, in a process of its own; run by generate_sides.py."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from generate_sides import Models, Size

from gptfx.modules.config import GenerationConfig, ModelConfig, TokenizerConfig
from gptfx.modules.export.saved_model import export
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.language_model import language_model
from gptfx.modules.models.gpt2_weights import save_gpt2
from gptfx.modules.tokenizers.configured import without_corpus
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.training.start import new_gpt

SPREAD = 0.1  # of the weights: what is likeliest then depends on all that was said


def answer(size: list[Any], folder: str) -> bool:
    """Makes both forms of a model."""
    write(Size(*size), Models.within(Path(folder)))
    return True


def write(size: Size, to: Models) -> None:
    """Exports a model of random weights as a pipeline would, and writes Hugging Face's form."""
    tokenizer = without_corpus(TokenizerConfig(kind=size.tokenizer))
    gpt = random_gpt(size, tokenizer.token_bytes)
    save_gpt2(gpt, to.huggingface)
    weights = gpt.get_weights()
    for precision, folder in to.exported.items():
        config = GenerationConfig(weights=precision)
        gpt.set_weights(weights)  # which are rounded each time
        view = language_model(gpt, tokenizer.vocab_size, size.block_size, config.weights)
        export(ServingModel(GraphTokenizer(tokenizer), view, config), folder, {})


def random_gpt(size: Size, token_bytes: list[bytes]) -> Any:
    """A GPT-2 that never ends a text and says ASCII alone, so that its texts show its tokens."""
    shape = {name: getattr(size, name) for name in ("n_layer", "n_head", "n_embd", "block_size")}
    gpt = new_gpt(ModelConfig(**shape), len(token_bytes))
    rng = np.random.default_rng(0)
    for variable in gpt.trainable_variables:
        noise = rng.standard_normal(variable.shape, np.float32)
        variable.assign(variable.numpy() + SPREAD * noise)
    said = [bool(piece) and piece.isascii() for piece in token_bytes]
    # A row of zeros has logit 0, which is never the largest.
    gpt.wte.embeddings.assign(gpt.wte.embeddings.numpy() * np.array(said)[:, None])
    return gpt


if __name__ == "__main__":
    from harness import serve

    serve(answer)
