"""A thread that looks after the reactor's: says where it is stuck, and ends the process when nothing else does."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import Any, Callable, Optional

#: How often it looks, in seconds.
INTERVAL = 1.0
#: The reactor is called stuck after so many seconds in one go.
STUCK_AFTER = 10.0
#: How long the process may take to end.
LONGEST_END = 10.0


class Watchdog(threading.Thread):
    """Watches the thread that made it."""

    def __init__(self, busy_since: Callable[[], float], doing: Callable[[], str]) -> None:
        super().__init__(name="axolemma-watchdog", daemon=True)
        self._busy_since = busy_since
        self._doing = doing
        self._watched = threading.get_ident()
        self._parent = os.getppid()
        self._end: Optional[float] = None
        self._exit_code = 0
        self._reported = 0.0
        self._stop = threading.Event()

    def end_soon(self, exit_code: int) -> None:
        """The process is to end; if it has not in good time, it is made to."""
        if self._end is None:
            self._exit_code = exit_code
            self._end = time.perf_counter() + LONGEST_END

    def run(self) -> None:
        """Looks, again and again."""
        while not self._stop.wait(INTERVAL):
            now = time.perf_counter()
            if self._end is not None and now > self._end:
                self._leave("The Python host did not end by itself")
            if os.getppid() != self._parent:
                self._leave("The server is gone")
            since = self._busy_since()
            if since and now - since > STUCK_AFTER and since != self._reported:
                self._reported = since
                self._report(now - since)

    def _report(self, seconds: float) -> None:
        frame: Any = sys._current_frames().get(self._watched)
        stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
        # The thread that could send a log note is the one that is stuck: this goes to the standard error stream.
        print(
            f"{self._doing()} has kept all Python modules waiting for {seconds:.0f} s; it is here:\n{stack}",
            file=sys.stderr,
            flush=True,
        )

    def _leave(self, why: str) -> None:
        try:
            print(why, file=sys.stderr, flush=True)
        except OSError:
            pass  # Nobody reads it any more.
        os._exit(self._exit_code or 1)
