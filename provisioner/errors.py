"""User-facing errors: what happened, what to do next, and the exit code."""

DONE, BUG, NOT_UNDERSTOOD, CHECK_SAID_NO, REFUSED, PARTLY_DONE = range(6)


class StackwrightError(Exception):
    """An error whose message is meant for the user; `field` names the key or option at fault."""

    exit_code = BUG

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field

    def as_dict(self) -> dict[str, object]:
        """The `error` answer of the JSON contract."""
        return {
            "error": {
                "message": self.message,
                "hint": self.hint,
                "field": self.field,
                "exit_code": self.exit_code,
            }
        }


class SpecError(StackwrightError):
    """The wish was not understood; nothing was called."""

    exit_code = NOT_UNDERSTOOD


class CheckError(StackwrightError):
    """A check said no: preflight, proof, budget or fitness."""

    exit_code = CHECK_SAID_NO


class RefusedError(StackwrightError):
    """AWS or the network refused; `code` is the service's own error code."""

    exit_code = REFUSED

    def __init__(self, message: str, *, hint: str = "", field: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint, field=field)
        self.code = code


class PartlyDoneError(StackwrightError):
    """Some of it is done, the rest is named in the message."""

    exit_code = PARTLY_DONE
