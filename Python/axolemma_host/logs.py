"""Logging to the server: what modules say appears in its log, under their loggers' names."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Any, Dict, Optional

from twisted.logger import STDLibLogObserver, globalLogBeginner

#: Messages that may come at once, and how many a second are made good.
BURST = 2000
PER_SECOND = 500.0
#: Nothing is logged while so many bytes wait for the server to read them.
LONGEST_BACKLOG = 4 * 1024 * 1024
#: Longer messages are cut.
LONGEST_MESSAGE = 16 * 1024


#: What leads to the server, and from which level on.
_handler: Optional["ServerHandler"] = None
_level: int = logging.INFO


class ServerHandler(logging.Handler):
    """Sends log records as notes; drops and counts them rather than wait for anybody."""

    def __init__(self, peer: Any, reactor: Any) -> None:
        super().__init__()
        self._peer = peer
        self._reactor = reactor
        self._allowance = float(BURST)
        self._filled = time.monotonic()
        self._dropped = 0
        self._io_thread: Optional[int] = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Sends one record."""
        try:
            if not self._may_send(record):
                self._dropped += 1
                return
            note = self._note(record)
        except Exception:
            self.handleError(record)
            return
        if threading.get_ident() == self._io_thread:
            self._send(note)
        else:
            self._reactor.callFromThread(self._send, note)

    def _may_send(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        self._allowance = min(float(BURST), self._allowance + (now - self._filled) * PER_SECOND)
        self._filled = now
        # A fifth is kept for what matters more.
        reserve = 0.0 if record.levelno >= logging.WARNING else BURST / 5
        if self._allowance - 1 < reserve or self._peer.backlog > LONGEST_BACKLOG:
            return False
        self._allowance -= 1
        return True

    def _note(self, record: logging.LogRecord) -> Dict[str, Any]:
        note = {
            "logger": record.name,
            "level": _level_name(record.levelno),
            "message": _cut(record.getMessage()),
        }
        if record.exc_info:
            note["traceback"] = _cut((self.formatter or logging.Formatter()).formatException(record.exc_info))
        elif record.stack_info:
            note["traceback"] = _cut(record.stack_info)
        return note

    def _send(self, note: Dict[str, Any]) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            message = f"{dropped} log messages of modules were dropped: there were too many"
            self._peer.note("log", {"logger": __name__, "level": "WARNING", "message": message})
        self._peer.note("log", note)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + " …"


def _level_name(level: int) -> str:
    """The nearest level that the server knows."""
    if level >= logging.CRITICAL:
        return "CRITICAL"
    if level >= logging.ERROR:
        return "ERROR"
    if level >= logging.WARNING:
        return "WARNING"
    return "INFO" if level >= logging.INFO else "DEBUG"


def set_level(name: Any) -> None:
    """Sets what is logged at all: the name of one of Python's levels."""
    global _level
    level = logging.getLevelName(str(name).upper())
    if isinstance(level, int):
        _level = level
        logging.getLogger().setLevel(level)


def restore() -> None:
    """Undoes what a module did that set logging up as if the process were its own, as some libraries do.

    ``logging.config`` leaves everybody else's loggers disabled, and the root logger without the way to the server.
    """
    if _handler is None:
        return
    root = logging.getLogger()
    if _handler not in root.handlers:
        # What a module put in its place writes to the process's own output, which is logged too.
        for handler in list(root.handlers):
            root.removeHandler(handler)
        root.addHandler(_handler)
        root.setLevel(_level)
        for logger in list(root.manager.loggerDict.values()):
            if isinstance(logger, logging.Logger):
                logger.disabled = False


def start(peer: Any, reactor: Any, level: str) -> None:
    """Sends Python's and Twisted's logs to the server. To be called on the reactor's thread."""
    global _handler
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    _handler = ServerHandler(peer, reactor)
    root.addHandler(_handler)
    set_level(level)
    # Twisted reports among others the failures of Deferreds that nobody handled.
    logging.getLogger("twisted").setLevel(logging.WARNING)
    globalLogBeginner.beginLoggingTo([STDLibLogObserver(name="twisted")], redirectStandardIO=False)
    logging.captureWarnings(True)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
