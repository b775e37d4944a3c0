"""``gptfx train``: a model without a pipeline, for those who want to see one learn."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gptfx.pipeline.cli.options import SETTINGS, VERBOSE
from gptfx.pipeline.cli.run import SAMPLE_PROMPT, usable
from gptfx.pipeline.layout import DEFAULT_ROOT, Layout, data_home

if TYPE_CHECKING:
    from gptfx.data.corpora import TextCorpus
    from gptfx.modules.export.serving_model import ServingModel
    from gptfx.pipeline.config import Config
    from gptfx.pipeline.progress_view import ProgressView
    from gptfx.pipeline.training import Data, Trained

LOG = "train.log"
OUT = DEFAULT_ROOT / "train"  # a folder a model


def train(
    model: str = typer.Argument(help="bigram, gpt, or gpt2: a GPT of GPT-2's architecture."),
    corpus: list[str] = typer.Option([], help="As in `gptfx run`; may be repeated."),
    preset: str | None = typer.Option(
        None, help="A preset's name, or a YAML file; `bigram` for a bigram, else `default`."
    ),
    settings: list[str] = SETTINGS,
    out: Path | None = typer.Option(
        None, help=f"The folder for model and curves; {OUT}/MODEL if not given."
    ),
    prompt: str = typer.Option(SAMPLE_PROMPT, help="What the sample starts with."),
    verbose: bool = VERBOSE,
) -> None:
    """Trains the modules of the pipeline without one: no TFX, no gates, nothing is pushed.

    Exit codes: 0 trained; 1 failure; 2 bad input. A run that was stopped goes on from its last
    checkpoint when the same command is given again.
    """
    from gptfx.modules.tokenizers.configured import require_ready
    from gptfx.modules.training.cluster import is_chief, worker_index
    from gptfx.modules.training.origin import files_of
    from gptfx.pipeline.corpora import resolve_all
    from gptfx.pipeline.lock import locked
    from gptfx.pipeline.quiet import quiet
    from gptfx.pipeline.training_config import training_config

    del verbose  # main() looks for it
    config = training_config(model, preset, settings, corpus)
    require_ready(config.tokenizer)
    if config.trainer.init_from:
        files_of(Path(config.trainer.init_from))  # refused before texts and TensorFlow are loaded
    notes: list[str] = []
    corpora = resolve_all(config.data, data_home(), notes)
    shown = out or OUT / model
    folder = usable(shown, "--out")
    log = LOG if is_chief() else f"train.worker-{worker_index()}.log"
    with ExitStack() as held:
        if is_chief():  # the others read the checkpoints in there, and write nothing
            held.enter_context(locked(Layout(folder), "--out"))
        screen, _ = held.enter_context(quiet(folder / log))
        print(f"gptfx: {model}, preset {config.preset}, log in {shown / log}", file=screen)
        for line in notes:
            print(f"gptfx: {line}", file=screen)
        print("  loading TensorFlow ...", file=screen, flush=True)
        from gptfx.modules.training.devices import prepare
        from gptfx.pipeline.progress_view import ProgressView

        prepare(config.trainer)
        view = ProgressView(screen)
        with view.listening():
            saved = _train(config, corpora, folder, view, prompt)
        if saved:
            view.say("\nSaved: " + ", ".join(str(shown / name) for name in saved))


def _train(
    config: "Config", corpora: list["TextCorpus"], out: Path, view: "ProgressView", prompt: str
) -> list[str]:
    """Returns the names of what was saved in `out`; none where another worker saves."""
    from gptfx.modules.training.cluster import is_chief, worker_index
    from gptfx.modules.training.curves import PICTURE
    from gptfx.pipeline import training, training_folder

    names = [corpus.name for corpus in corpora]
    data = training.prepare(config, corpora)
    _show_data(view, data, names)
    watch = training_folder.watch(config, data, out)
    try:
        view.open_bar("training", f"before the first of {config.trainer.steps} steps")
        trained = training.train(config, data, watch)
        view.close_bar()
        if not is_chief():
            view.say(f"\nWorker {worker_index()} has done its part; worker 0 saves the model.")
            return []
        _show_training(view, trained)
        view.open_bar("saving", "model and tokenizer, as a SavedModel")
        model = training_folder.save(config, data, trained.model, names, out)
        _show_model(view, model, data, prompt)
    except (KeyboardInterrupt, SystemExit):
        view.close_bar()
        step = training_folder.last_checkpoint(watch.checkpoints)
        since = f"goes on from step {step}" if step else "starts again, from no checkpoint yet"
        view.say(f"Stopped; the same command {since}.")
        raise
    finally:
        view.close_bar()
    training_folder.forget_checkpoints(watch.checkpoints)
    return [training_folder.MODEL, *([PICTURE] if trained.points else [])]


def _show_data(view: "ProgressView", data: "Data", names: list[str]) -> None:
    tokenizer, tokens = data.tokenizer, len(data.train.ids)
    view.say(f"  texts: {', '.join(names)}")
    view.say(f"  tokenizer: {tokenizer.source.kind}, {tokenizer.vocab_size:,} ids")
    view.say(f"  tokens: {tokens:,} to learn from, {len(data.validation.ids):,} to judge by")


def _show_training(view: "ProgressView", trained: "Trained") -> None:
    from gptfx.pipeline.curve import draw_curve

    if trained.points:
        view.say("\n" + draw_curve(trained.points))
    if found := trained.comparison:
        gap = found.trained - found.optimum
        view.say("\nOn the train split, nats/token:")
        view.say(f"  {found.optimum:.4f}  counts, not smoothed: the least a bigram can reach")
        view.say(f"  {found.trained:.4f}  trained by gradient: {gap:.4f} above that")
        view.say(f"  {found.smoothed:.4f}  counts, smoothed for new texts: what is saved")


def _show_model(view: "ProgressView", model: "ServingModel", data: "Data", prompt: str) -> None:
    from gptfx.pipeline.training import judge, say

    view.open_bar("judging", "by the eval split")
    nats, bits = judge(model, data)
    view.close_bar()
    view.say(f"\nOn the eval split: {nats:.3f} nats/token, {bits:.3f} bits/byte")
    view.say(f"\nA sample, from the prompt {prompt!r}:\n\n{prompt}{say(model, prompt)}")
