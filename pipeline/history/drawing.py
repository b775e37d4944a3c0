"""A lineage drawn as a tree for the terminal, and as Mermaid for documents."""

from collections.abc import Iterator

from rich.markup import escape
from rich.tree import Tree

from gptfx.pipeline.history.artifacts import PUSHED_MODEL, state_of
from gptfx.pipeline.history.lineage import Lineage, Made, Text
from gptfx.pipeline.records import LIVE, Artifact, Run

SHORT_HASH = 19  # characters of ``sha256:...`` that a picture shows
TARGET_FILL = "#d7e8d0"


def name_of(artifact: Artifact) -> str:
    """An artifact in a word or two, its state where it is not there to be used."""
    version = artifact.properties.get("pushed_version")
    is_pushed = artifact.type == PUSHED_MODEL and version
    state = "" if state_of(artifact) == LIVE else f" ({state_of(artifact)})"
    return f"{artifact.type} {artifact.id}{f', version {version}' if is_pushed else ''}{state}"


def line_of(made: Made) -> str:
    """An artifact, the node that made it, and the run; or the command, who gave it, and why."""
    told = made.node.parameters
    who = f"forced by {told.get('by')}" if told.get("forced") else str(told.get("by"))
    origin = f"run {made.run_id}" if made.run_id else f"{who}: {told.get('reason')}"
    return f"{name_of(made.artifact)} by {made.node.id}, {origin}"


def up_tree(found: Lineage) -> Tree:
    """From what was asked about up to the files; what was drawn before is not drawn again."""
    known: set[int] = set()

    def grow(parent: Tree, number: int) -> None:
        made = found.up[number]
        if number in known:
            parent.add(f"[dim]{escape(name_of(made.artifact))} (see above)[/]")
            return
        known.add(number)
        branch = parent.add(escape(line_of(made)))
        for text in found.texts.get(number, []):
            branch.add(escape(text_line(text)))
        for artifact in made.node.inputs.values():
            if artifact.id in found.up:
                grow(branch, artifact.id)

    tree = Tree("Made from", guide_style="dim")
    grow(tree, found.target.id)
    return tree


def code_tree(found: Lineage) -> Tree:
    """With which code, by whom: of the runs that the way up goes through."""
    tree = Tree("With the code of", guide_style="dim")
    for line in code_lines(found):
        tree.add(escape(line))
    return tree


def code_lines(found: Lineage) -> Iterator[str]:
    """A run a line, the oldest first."""
    wanted = {made.run_id for made in found.up.values()}
    return (_code_of(run) for run in found.runs.values() if run.id in wanted)


def _code_of(run: Run) -> str:
    told = run.noted
    if "gptfx_version" not in told:
        return f"run {run.id}: its code was not noted"
    revision = told.get("revision")
    said = f"revision {revision.removesuffix('+')}" if revision else "no git revision"
    changed = ", and files that differ from it" if str(revision).endswith("+") else ""
    who = f"{told.get('user')} on {told.get('host')}"
    return f"run {run.id}: gptfx {told['gptfx_version']}, {said}{changed}; run by {who}"


def down_tree(found: Lineage) -> Tree:
    """Everything that was made from the same files."""
    tree = Tree("Made from the same texts", guide_style="dim")
    for made in found.down.values():
        tree.add(escape(line_of(made)))
    return tree


def text_line(text: Text) -> str:
    """A file, its size, and its hash whole: what is compared with a file in the hand."""
    return f"{text.source}  {text.bytes:,} bytes  {text.identity}"


def mermaid(found: Lineage, everything: bool) -> str:
    """A flowchart from the files to the model; or to everything that was made from them."""
    lines = ["flowchart TD"]
    for number, texts in found.texts.items():
        for index, text in enumerate(texts):
            lines.append(f'  t{number}_{index}[/"{_quoted(short_text(text))}"/] --> a{number}')
    for number, made in drawn(found, everything).items():
        lines.append(f'  a{number}["{_quoted(name_of(made.artifact))}<br/>{made.node.id}"]')
    for source, target in arrows_of(found, everything):
        lines.append(f"  a{source} --> a{target}")
    lines.append(f"  style a{found.target.id} fill:{TARGET_FILL}")
    if code := "<br/>".join(_quoted(line) for line in code_lines(found)):
        lines += [f'  code["{code}"]', "  style code fill:none,stroke:none"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def short_text(text: Text) -> str:
    """A file, and the beginning of its hash."""
    return f"{text.source} {text.identity[:SHORT_HASH]}"


def drawn(found: Lineage, everything: bool) -> dict[int, Made]:
    """The way up; or all that was made from the same texts, too."""
    return {**found.up, **(found.down if everything else {})}


def arrows_of(found: Lineage, everything: bool) -> list[tuple[int, int]]:
    """From what to what; each once."""
    shown = drawn(found, everything)
    found_arrows = {
        (source.id, number): None
        for number, made in sorted(shown.items())
        for source in made.node.inputs.values()
        if source.id in shown
    }
    return list(found_arrows)
