"""The classes of the split pattern are those that tiktoken's regular expressions know."""

import tiktoken

from gptfx.modules.tokenizers import splitting

CLASSES = {"S": r"\s", "L": r"\p{L}", "N": r"\p{N}"}
EVERY_CHARACTER = "".join(
    chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF
)  # surrogates are no characters


def characters_in(pattern: str) -> str:
    """The characters that `pattern` finds: tiktoken encodes what it finds and drops the rest."""
    each_byte = {bytes([value]): value for value in range(256)}
    encoding = tiktoken.Encoding(
        "each", pat_str=pattern, mergeable_ranks=each_byte, special_tokens={}
    )
    return encoding.decode(encoding.encode_ordinary(EVERY_CHARACTER))


def as_line(name: str, characters: str) -> str:
    """A line of codepoints.txt."""
    ranges: list[list[int]] = []
    for code in map(ord, characters):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    words = (f"{low:x}-{high:x}" if low < high else f"{low:x}" for low, high in ranges)
    return " ".join([name, *words])


def test_the_file_is_what_tiktoken_gives() -> None:
    made = [as_line(name, characters_in(pattern)) for name, pattern in CLASSES.items()]
    lines = splitting.CODE_POINTS.read_text(encoding="ascii").splitlines()
    assert [line for line in lines if not line.startswith("#")] == made


def test_every_character_is_in_exactly_one_class() -> None:
    ranges = sorted(pair for pairs in splitting.code_points().values() for pair in pairs)
    codes = [code for low, high in ranges for code in range(low, high + 1)]
    assert codes == list(map(ord, EVERY_CHARACTER))
