"""What the tokenizer needs beside the texts: ranks, a file, a package."""

from gptfx.data.errors import InputError
from gptfx.modules.config import TokenizerConfig
from gptfx.modules.tokenizers.configured import require_ready
from gptfx.pipeline.doctor.finding import Finding, ok, refusal


def examine_tokenizer(config: TokenizerConfig) -> Finding:
    """Whether the configured tokenizer can be made, as a run would make it."""
    try:
        return ok("tokenizer", require_ready(config))
    except InputError as error:
        return refusal("tokenizer", error)
