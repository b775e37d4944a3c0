"""The splits of a run as a trainer takes them: in memory, or flowing by."""

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
from tfx.components.trainer.fn_args_utils import FnArgs

from gptfx.components.fingerprint import code_fingerprint
from gptfx.components.trainer.component import CODE
from gptfx.components.trainer.tokens import files_digest_content, read_passages, token_dataset
from gptfx.modules.config import TrainerConfig
from gptfx.modules.tokenizers.tokenizer import Tokenizer
from gptfx.modules.training.curves import BytesPerToken
from gptfx.modules.training.packing import Passage, pack
from gptfx.modules.training.windows import InMemory, Mixture, Source, Streamed

PASSAGES_AT_ONCE = 1000  # of a streamed corpus


class Data:
    """The train split; and the eval split, where the training looks at it."""

    def __init__(self, fn_args: FnArgs, config: dict[str, Any], tokenizer: Tokenizer) -> None:
        self.files, self.weights = fn_args.train_files, config.get("weights", {})
        self.separator_id = tokenizer.separator_id
        trainer = config.get("trainer", {})
        self.streaming = bool(trainer.get("streaming", config.get("streaming")))
        passages = read_passages(self.files)
        if self.streaming:  # all there is in memory is a look at its beginning
            passages = islice(passages, PASSAGES_AT_ONCE)
        self.stream = pack(passages, tokenizer.separator_id)
        self.validation = None
        if trainer.get("validate_every"):
            looked_at = read_passages(fn_args.eval_files)
            if self.streaming:
                looked_at = _up_to(trainer["validation_tokens"], looked_at)
            self.validation = pack(looked_at, tokenizer.separator_id).ids
        self.sizes = BytesPerToken.of(tokenizer.token_bytes, self.stream.ids, self.validation)
        self.digest = self._digest(config, tokenizer)

    @property
    def tokens(self) -> int | None:
        """How many there are to learn from; None where nobody counts them."""
        return None if self.streaming else len(self.stream.ids)

    def pieces(self) -> Iterator[np.ndarray]:
        """The tokens of the train split, a part (n,) at a time."""
        if not self.streaming:
            yield self.stream.ids
            return
        passages = read_passages(self.files)
        while part := list(islice(passages, PASSAGES_AT_ONCE)):
            yield np.concatenate([[self.separator_id, *passage.ids] for passage in part])

    def source(self, config: TrainerConfig, block_size: int) -> Callable[[], Source]:
        """Opens the windows."""
        if self.streaming:
            dataset = token_dataset(self.files)
            return lambda: Streamed(dataset, self.separator_id, config, block_size)
        mixture = Mixture.of(self.stream, self.weights, block_size)
        return lambda: InMemory(self.stream.ids, config, block_size, mixture)

    def _digest(self, config: dict[str, Any], tokenizer: Tokenizer) -> str:
        """What a checkpoint belongs to: configuration, code, tokenizer and data."""
        files = files_digest_content(self.files) if self.streaming else []
        said = [config, code_fingerprint(*CODE), tokenizer.digest, files]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.stream.ids).tobytes())
        return digest.hexdigest()[:16]


def _up_to(tokens: int, passages: Iterator[Passage]) -> Iterator[Passage]:
    """The first passages, until they hold so many tokens."""
    seen = 0
    for passage in passages:
        yield passage
        seen += len(passage.ids)
        if seen >= tokens:
            return
