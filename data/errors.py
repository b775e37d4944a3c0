"""The one error a user is meant to read."""


class InputError(ValueError):
    """Bad input from outside: says what was wrong, what was received and what to do.

    The command line prints it as one line and exits with code 2; anything else is a failure of
    ours (exit code 1).

    >>> str(InputError("no such corpus", "hamlet", "name one of: scene, unicode"))
    "no such corpus. Received: 'hamlet'. What to do: name one of: scene, unicode."
    """

    def __init__(self, problem: str, received: object, remedy: str) -> None:
        self.problem, self.received, self.remedy = problem, received, remedy
        super().__init__(problem, received, remedy)

    def __str__(self) -> str:
        line = f"{self.problem}. Received: {self.received!r}. What to do: {self.remedy}."
        return " ".join(line.split())
