"""The peer's side of the generation benchmark: transformers with its cache; run by generate.py."""

import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import GPT2LMHeadModel

sys.path.insert(0, str(Path(__file__).parent))


class Side:
    """What answers the harness: a method for each thing it can be asked."""

    def answer(self, do: str, **message: Any) -> Any:
        """See the method of that name."""
        return getattr(self, do)(**message)

    def load(self, folder: str) -> float:
        """Seconds that it takes; no id ends a text."""
        wall = time.perf_counter()
        self.model = GPT2LMHeadModel.from_pretrained(folder).eval()
        self.model.generation_config.eos_token_id = None
        return time.perf_counter() - wall

    @torch.inference_mode()
    def write(self, ids: list[list[int]], count: int) -> dict[str, Any]:
        """So many ids for each prompt, the likeliest ones; seconds and CPU seconds of a request."""
        wall, cpu = time.perf_counter(), time.process_time()
        prompts = torch.tensor(ids)
        texts = self.model.generate(
            prompts,
            attention_mask=torch.ones_like(prompts),
            max_new_tokens=count,
            do_sample=False,
            use_cache=True,
        ).tolist()
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        new = [text[len(prompt) :] for text, prompt in zip(texts, ids, strict=True)]
        return {**seconds, "made": [len(text) for text in new], "ids": new}


if __name__ == "__main__":
    from harness import serve

    torch.set_num_threads(1)
    serve(Side().answer)
