"""A thread that looks after the reactor's: says where it is stuck, and ends the process when nothing else does."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from typing import Any, Callable, Optional

logger = logging.getLogger(__name__)

#: How often it looks, in seconds.
INTERVAL = 2.0
#: The reactor is called stuck when it has not reacted for so many seconds.
STUCK_AFTER = 10.0
#: How long the process may take to end.
LONGEST_END = 10.0


class Watchdog(threading.Thread):
    """Watches the thread that made it, which is to be the reactor's.

    ``doing`` says what that thread is busy with, as far as known.
    """

    def __init__(
        self, reactor: Any, doing: Callable[[], str], interval: float = INTERVAL, stuck_after: float = STUCK_AFTER
    ) -> None:
        super().__init__(name="axolemma-watchdog", daemon=True)
        self._reactor = reactor
        self._doing = doing
        self._interval = interval
        self._stuck_after = stuck_after
        self._watched = threading.get_ident()
        self._parent = os.getppid()
        self._end: Optional[float] = None
        self._exit_code = 0
        self._asked: Optional[float] = None
        self._reported = False
        self._stopped = threading.Event()

    def end_soon(self, exit_code: int) -> None:
        """The process is to end; if it has not in good time, it is made to."""
        if self._end is None:
            self._exit_code = exit_code
            self._end = time.monotonic() + LONGEST_END

    def stop(self) -> None:
        """Stops to look."""
        self._stopped.set()

    def run(self) -> None:
        """Looks, again and again."""
        while not self._stopped.wait(self._interval):
            now = time.monotonic()
            if self._end is not None and now > self._end:
                self._leave("The Python host did not end by itself")
            if os.getppid() != self._parent:
                self._leave("The server is gone")
            if self._asked is None:
                self._asked = now
                self._reactor.callFromThread(self._answered)
            elif now - self._asked > self._stuck_after and not self._reported:
                self._reported = True
                self._report(now - self._asked)

    def _answered(self) -> None:
        """The reactor reacts."""
        asked, self._asked = self._asked, None
        if self._reported:
            self._reported = False
            seconds = time.monotonic() - (asked or 0.0)
            logger.warning("All Python modules were kept waiting for %.0f s; they go on", seconds)

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
