"""The life of the process: started by the server with one end of a socket pair, ended with it."""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import resource
import signal
import socket
import sys
from typing import Any, Dict, List, Optional

from twisted.python.failure import Failure

from axolemma_host import logs
from axolemma_host.callbacks import Dispatcher
from axolemma_host.modules import Modules
from axolemma_host.peer import Peer
from axolemma_host.registrations import Registrations
from axolemma_host.watchdog import Watchdog
from axolemma_host.web import WebProxy

#: How long callbacks may go on after the server has said to stop.
LONGEST_FINISH = 5.0


class Host:
    """The modules of this process, and the server's wishes for them."""

    def __init__(self, reactor: Any, sock: socket.socket, log_level: str) -> None:
        self._reactor = reactor
        self.peer = Peer(sock, reactor, self._lost)
        logs.start(self.peer, reactor, log_level)
        self.registrations = Registrations(self.peer)
        self.dispatcher = Dispatcher(self.peer, self.registrations)
        self.modules = Modules(self.registrations)
        self.web = WebProxy(self.peer, self.registrations, reactor)
        self.watchdog = Watchdog(reactor, self._doing)
        self.exit_code = 0
        self._server: Optional[Dict[str, Any]] = None
        self._hs: Any = None
        self._stopping = False
        for method in ("configure", "open", "construct", "started", "forget_state", "log_level", "ping", "stop"):
            self.peer.handle(method, getattr(self, "_" + method))

    def start(self) -> None:
        """Begins to listen to the server; called when the reactor runs."""
        self.watchdog.start()
        self._reactor.addSystemEventTrigger("before", "shutdown", self._ending)
        self.peer.start()

    # What the server asks for.

    def _configure(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        self._server = params["server"]
        level = self._server.get("log_level")
        if level:
            logs.set_level(level)
        self.peer.reply(number, {"results": self.modules.configure(params["modules"])})

    def _open(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        # The server opens its database after it has read the configuration, and before it makes modules.
        self._server.update(params)
        self.peer.reply(number, {})

    def _construct(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        item = params["item"]
        try:
            description = self.modules.construct(item, self._get_hs)
        except BaseException as error:
            told = self.modules.error_of(item, error)
            if told is not None:
                self.peer.fail(number, told)
            else:
                self.peer.fail_with(number, error)
        else:
            self.peer.reply(number, {"repr": description})

    def _started(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        self.registrations.close_web()
        # What is there now stays; the collector need not look through it again and again.
        gc.freeze()
        self.peer.reply(number, {})

    def _forget_state(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        self.peer.mirror.forget(params["room"])

    def _log_level(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        logs.set_level(params["level"])

    def _ping(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        self.peer.reply(number, {"rss": resident_bytes(), "pending": self.dispatcher.pending})

    def _stop(self, number: int, params: Dict[str, Any], attachment: bytes) -> None:
        if self._stopping:
            return
        self._stopping = True
        self.watchdog.end_soon(0)
        self._finish(self._reactor.seconds() + LONGEST_FINISH)

    # The end.

    def _ending(self) -> None:
        """The reactor stops, for whatever reason; it closes the connection itself."""
        self._stopping = True
        self.watchdog.end_soon(self.exit_code)

    def _finish(self, deadline: float) -> None:
        """Stops the reactor when no callback is under way any more, or at the deadline."""
        if self.dispatcher.pending and self._reactor.seconds() < deadline:
            self._reactor.callLater(0.02, self._finish, deadline)
        else:
            self._stop_reactor()

    def _lost(self, reason: Failure) -> None:
        if not self._stopping:
            # Log notes have no way to go any more.
            print(f"The connection to the server was lost: {reason.getErrorMessage()}", file=sys.stderr, flush=True)
            self.exit_code = 1
        self.watchdog.end_soon(self.exit_code)
        self._stop_reactor()

    def _stop_reactor(self) -> None:
        # A loop of its own asks only while it runs; stopping twice is an error.
        if self._reactor.running:
            self._reactor.callLater(0, lambda: self._reactor.running and self._reactor.stop())

    # Parts.

    def _get_hs(self) -> Any:
        """What stands for Synapse's HomeServer object; made for the first module that is constructed."""
        if self._hs is None:
            from axolemma_host.homeserver import HomeServer

            self._hs = HomeServer(self._server, self.peer, self.registrations, self._reactor)
            self.peer.config = self._hs.config
        return self._hs

    def _doing(self) -> str:
        running = self.dispatcher.running
        if running is not None:
            return f"{running.name} of {running.label}"
        item = self.registrations.current_item
        return "A module" if item is None else f"The constructor of module {item}"


def resident_bytes() -> int:
    """The memory this process occupies."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return size if sys.platform == "darwin" else size * 1024


def _open_socket(number: int) -> socket.socket:
    sock = socket.socket(fileno=number)
    sock.set_inheritable(False)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, 1024 * 1024)
        except OSError:
            pass  # A smaller buffer works too.
    return sock


def install_asyncio_reactor() -> None:
    """Runs Twisted on asyncio's event loop. To be called before anything imports the reactor."""
    import asyncio

    from twisted.internet import asyncioreactor

    asyncioreactor.install(asyncio.new_event_loop())


def run(arguments: Optional[List[str]] = None) -> None:
    """Runs until the server says stop or goes away."""
    parser = argparse.ArgumentParser(prog="axolemma_host", description="Runs Synapse's modules beside Axolemma.")
    parser.add_argument("--fd", type=int, required=True, help="the number of the socket to the server")
    parser.add_argument("--log-level", default="INFO", help="what is logged until the server says otherwise")
    options = parser.parse_args(arguments)

    faulthandler.enable()
    # For a process that no longer answers: prints where every thread is, whatever they are doing.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    # An interrupt from the terminal reaches the server too, which then stops this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    if os.environ.get("SYNAPSE_ASYNC_IO_REACTOR", "").strip().lower() in ("1", "true", "yes"):
        # What Synapse's users set for modules that need asyncio's loop.
        install_asyncio_reactor()
    from twisted.internet import reactor

    sock = _open_socket(options.fd)

    def forked() -> None:
        # A process that a module forks must neither answer in this one's place nor hide its end from the server,
        # and a second reactor on the same descriptors would only do harm.
        sock.close()
        reactor.callLater(0, os._exit, 0)  # type: ignore[attr-defined]

    os.register_at_fork(after_in_child=forked)
    host = Host(reactor, sock, options.log_level)
    reactor.callWhenRunning(host.start)  # type: ignore[attr-defined]
    reactor.run()  # type: ignore[attr-defined]
    host.watchdog.end_soon(host.exit_code)
    host.peer.close()
    sys.stdout.flush()
    sys.stderr.flush()
    if host.exit_code:
        sys.exit(host.exit_code)
