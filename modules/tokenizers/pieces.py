"""What a text is cut into before tokens are looked for: tokens never cross a piece's border."""

from typing import Literal

from gptfx.modules.tokenizers import splitting
from gptfx.modules.tokenizers.normalization import Normalization, normalize

Kind = Literal["bpe", "byte", "char", "gpt2"]


def pieces_of(
    data: bytes, kind: Kind = "bpe", normalization: Normalization = "none"
) -> list[bytes]:
    """The pieces of UTF-8 `data`; invalid sequences count as U+FFFD.

    Words by GPT-2's split; for `char` characters; for `byte` the text is one piece.
    """
    if normalization != "none":
        data = normalize(data.decode("utf-8", "replace"), normalization).encode()
    if kind == "char":
        return splitting.characters(data)
    if kind == "byte":
        return [data.decode("utf-8", "replace").encode()]
    return splitting.split(data)
