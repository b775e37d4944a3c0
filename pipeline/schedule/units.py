"""The scheduler as a unit of systemd, and schedules as lines of a crontab."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from gptfx.data.errors import InputError
from gptfx.pipeline.schedule.store import Entry
from gptfx.pipeline.schedule.triggers import SCHEDULER_RUNS_IT, crontab_times

UNIT = "gptfx-scheduler.service"
HOOK_SECONDS = 60  # to tell a hook and to write down what came of a run
UNIT_TEXT = """\
# The scheduler of {root}. To install it:
#   mkdir -p ~/.config/systemd/user
#   gptfx schedule export --systemd --root {shell_root} > ~/.config/systemd/user/{unit}
#   systemctl --user daemon-reload && systemctl --user enable --now {unit}
#   loginctl enable-linger      # so that it runs while nobody is logged in
#   journalctl --user -u {unit} # what it says
[Unit]
Description=Scheduler of gptfx in {description}

[Service]
ExecStart={command} schedule run --root {root_word} --grace {grace}s
WorkingDirectory={directory}
Environment={home}
Restart=always
RestartSec=10
# It tells its run to stop, which then writes a checkpoint.
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec={stop}

[Install]
WantedBy=default.target
"""


def systemd_unit(command: str, root: Path, home: Path, grace: int) -> str:
    """A unit of the user's systemd that keeps a scheduler running."""
    return UNIT_TEXT.format(
        unit=UNIT,
        root=_line(str(root)),
        shell_root=_line(shlex.quote(str(root))),
        description=_line(str(root)).replace("%", "%%"),
        command=_word(command),
        root_word=_word(str(root)),
        directory=_line(str(root)).replace("%", "%%"),
        home=_word(f"GPTFX_HOME={home}", is_command=False),
        grace=grace,
        stop=grace + HOOK_SECONDS,
    )


def crontab(
    entries: Iterable[Entry], command: str, root: Path, home: Path
) -> tuple[list[str], dict[str, InputError]]:
    """A line a schedule; and, by name, why cron cannot say some, whose lines are comments."""
    lines, unsaid = [], {}
    for schedule, _, _ in entries:
        words = [command, "schedule", "trigger", schedule.name, "--root", str(root)]
        told = f"GPTFX_HOME={shlex.quote(str(home))} {shlex.join([*words, '--unless-paused'])}"
        try:
            # To cron a percent sign is the end of a line.
            lines.append(f"{crontab_times(schedule)} {told}".replace("%", r"\%") + "\n")
        except InputError as error:
            unsaid[schedule.name] = error
            lines.append(f"# left out: {error.received}: {error.problem}\n")
    return lines, unsaid


def nothing_said(unsaid: Mapping[str, InputError]) -> InputError:
    """The error of schedules none of which cron can say."""
    first, *more = unsaid.values()
    if not more:
        return first
    why = "; ".join(f"{error.received}: {error.problem}" for error in unsaid.values())
    return InputError("cron can say none of these schedules", why, SCHEDULER_RUNS_IT)


def _word(text: str, is_command: bool = True) -> str:
    """A word of a unit; in a command's a dollar begins a variable."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text.replace("$", "$$") if is_command else text}"'


def _line(text: str) -> str:
    """A path as it stands in a line; one with a line break would begin another."""
    return text.replace("\n", "?")
