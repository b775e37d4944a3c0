"""Text as Markdown, and Markdown as HTML, in which nothing that a text or a model says is markup.

`escape` is for what stands in a line, `code` for what stands there as it is, and `fenced` for what
has several lines.
"""

import re

from markdown_it import MarkdownIt

PUNCTUATION = re.compile(r"([\\`*_\[\]<>|~&$#])")
LINE_START = re.compile(r"^([-+=]|\d+[.)](?=\s|$))")  # would begin a list, or underline a title
CONTROL = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}  # pictures of them
IN_LINES = {code: picture for code, picture in CONTROL.items() if chr(code) not in "\n\t"}


class Markdown(str):
    """Text that is Markdown already."""


def escape(value: object) -> Markdown:
    """As text in a line; a dash for what nobody knows.

    >>> print(escape("<b> | a_b"))
    \\<b\\> \\| a\\_b
    """
    if value is None:
        return Markdown("-")
    text = PUNCTUATION.sub(r"\\\1", str(value).translate(CONTROL))
    return Markdown(LINE_START.sub(r"\\\1", text))


def code(value: object) -> Markdown:
    """As it is, in a line."""
    text = str(value).translate(CONTROL)
    if not text.strip():
        return Markdown(f"{len(text)} spaces") if text else Markdown("nothing")
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    room = " " if text[0] in "` " or text[-1] in "` " else ""
    return Markdown(f"{ticks}{room}{text}{room}{ticks}")


def code_cell(value: object) -> Markdown:
    """The same in a table, where a bar would end the cell, also in code."""
    return Markdown(code(value).replace("|", "\\|"))


def fenced(value: object) -> Markdown:
    """As it is, in lines of its own."""
    text = re.sub("\r\n?", "\n", str(value)).translate(IN_LINES)
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return Markdown(f"{ticks}text\n{text}\n{ticks}")


def html_of(markdown: str) -> str:
    """What is no Markdown is text: no HTML, and no address becomes a link or a picture."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link"])
    return str(reader.render(markdown))
