"""How long a job may take, and what a call that brought nothing is called."""

from __future__ import annotations

import time
from dataclasses import dataclass

from clinical.errors import ChartsideError

TOO_LATE = "the server did not answer in time"


class FetchFailed(ChartsideError):
    """A call to another server brought no usable answer. `status` is the HTTP status, or 0 where there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        """Keep the message and the status."""
        super().__init__(message)
        self.status = status


class NoAnswer(FetchFailed):
    """The server could not be reached, broke off, or did not answer in time."""


class TooManyRequests(FetchFailed):
    """The server asks to be left alone for `seconds` (429, or 503 with Retry-After); None where it does not say."""

    def __init__(self, seconds: float | None, status: int = 429) -> None:
        """Keep the wait."""
        super().__init__(f"the server answered {status}", status)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, shared by all steps of one job."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """A deadline from now."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds left, not less than 0."""
        return max(self.at - time.monotonic(), 0.0)

    def remaining(self) -> float:
        """Seconds left. Raises `NoAnswer` when there are none."""
        left = self.left()
        if left <= 0:
            raise NoAnswer(TOO_LATE)
        return left
