"""Puts load on a homeserver and measures what it costs.

The client is small on purpose: where it takes as long as the server, only the server's processor time can be compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, AsyncIterator, Awaitable, Callable, Iterable
from urllib.parse import quote, urlsplit

V3 = "/_matrix/client/v3"
PASSWORD = "correct horse battery staple"


class Refused(Exception):
    """An answer that should have been 200."""


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes
    arrived: float  # perf_counter when its last byte came

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection with one request at a time."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.waiting: asyncio.Future[Answer] | None = None
        self.transport: asyncio.Transport | None = None
        self.open = True
        self.reusable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        assert self.transport is not None and self.waiting is None
        self.buffer.clear()
        self.waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.waiting

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or self.waiting is None:
            return
        head = bytes(self.buffer[:end]).lower()
        body: bytes | None = None
        if (at := head.find(b"content-length:")) >= 0:
            length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self.buffer) >= end + 4 + length:
                body = bytes(self.buffer[end + 4 : end + 4 + length])
        elif b"transfer-encoding: chunked" in head:
            if self.buffer.endswith(b"0\r\n\r\n"):
                body = self.unchunked(end + 4)
        else:
            body = b""
        if body is not None:
            self.reusable = b"connection: close" not in head
            waiting, self.waiting = self.waiting, None
            if not waiting.done():
                waiting.set_result(Answer(int(head[9:12]), body, time.perf_counter()))

    def unchunked(self, position: int) -> bytes | None:
        parts = []
        while (line := self.buffer.find(b"\r\n", position)) >= 0:
            size = int(bytes(self.buffer[position:line]).split(b";")[0], 16)
            if size == 0:
                return b"".join(parts)
            parts.append(bytes(self.buffer[line + 2 : line + 2 + size]))
            position = line + 4 + size
        return None

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(error or ConnectionError("the server closed the connection"))
        self.waiting = None


class Machine:
    """What processes use."""

    @staticmethod
    def tree(roots: Iterable[int]) -> list[int]:
        """These processes and all below them."""
        children: dict[int, list[int]] = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, IndexError):
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
        found, todo = [], list(roots)
        while todo:
            process = todo.pop()
            found.append(process)
            todo += children.get(process, [])
        return found

    @staticmethod
    def cpu(process: int) -> float:
        """Seconds of processor time of a process so far; 0 if it is gone."""
        # The clock that clock_getcpuclockid(3) names; /proc/PID/stat counts hundredths of a second only.
        try:
            return time.clock_gettime_ns((~process << 3) | 2) / 1e9
        except OSError:
            return 0.0

    @classmethod
    def cpus(cls, roots: Iterable[int]) -> dict[int, float]:
        return {process: cls.cpu(process) for process in cls.tree(roots)}

    @staticmethod
    def resident(process: int) -> float:
        """MiB of memory a process holds."""
        with contextlib.suppress(OSError), open(f"/proc/{process}/status") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        return 0.0


@dataclass
class Result:
    """One scenario on one server, its rounds together."""

    name: str
    unit: str = "op"
    operations: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    client: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    notes: dict[str, Any] = field(default_factory=dict)

    def add(self, other: Result) -> None:
        self.operations += other.operations
        self.wall += other.wall
        self.cpu += other.cpu
        self.client += other.client
        self.latencies += other.latencies
        self.errors += other.errors
        self.notes.update(other.notes)

    def failed(self, error: BaseException | str) -> None:
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        self.errors[text[:160]] += 1

    def quantile(self, share: float) -> float | None:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else None

    @property
    def cpu_per_operation(self) -> float | None:
        """Milliseconds."""
        return self.cpu * 1000 / self.operations if self.operations else None

    def summary(self) -> dict[str, Any]:
        def rounded(value: float | None, digits: int = 3) -> float | None:
            return None if value is None else round(value, digits)

        return {
            "scenario": self.name, "unit": self.unit, "operations": self.operations,
            "operations_per_second": rounded(self.operations / self.wall if self.wall else None, 2),
            "p50_ms": rounded(self.quantile(0.5)), "p95_ms": rounded(self.quantile(0.95)),
            "cpu_ms_per_operation": rounded(self.cpu_per_operation, 4),
            "client_cpu_ms_per_operation": rounded(self.client * 1000 / max(self.operations, 1), 4),
            "errors": dict(self.errors), **self.notes,
        }


@dataclass(slots=True)
class Person:
    id: str
    localpart: str
    token: str


class Target:
    """A server under load: its connections, its people, its processes."""

    def __init__(self, name: str, base_url: str, processes: list[int]):
        url = urlsplit(base_url)
        self.name, self.host, self.port, self.processes = name, url.hostname or "127.0.0.1", url.port or 80, processes
        self.head = f"HTTP/1.1\r\nHost: {url.netloc}\r\nUser-Agent: axolemma-bench\r\n"
        self.idle: list[Connection] = []
        self.people: list[Person] = []
        self.run, self.counter = secrets.token_hex(3), 0

    # Requests.
    async def request(self, method: str, path: str, token: str | None = None, body: Any = None, limit: float = 120) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} {self.head}"
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        if content or method != "GET":
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        connection = None
        while self.idle and connection is None:
            connection = self.idle.pop()
            if not connection.open:
                connection = None
        if connection is None:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, self.host, self.port)
        try:
            # Not wait_for(): until Python 3.12 it loses a cancellation that comes together with the answer.
            async with asyncio.timeout(limit):
                answer = await connection.ask(head.encode() + b"\r\n" + content)
        except BaseException:
            if connection.transport:
                connection.transport.abort()
            raise
        if connection.reusable and connection.open:
            self.idle.append(connection)
        return answer

    async def good(self, method: str, path: str, person: Person | None = None, body: Any = None) -> Answer:
        answer = await self.request(method, path, person and person.token, body)
        if answer.status != 200:
            raise Refused(f"{answer.status} {method} {path.split('?')[0][:70]} {answer.body[:120]!r}")
        return answer

    def close(self) -> None:
        for connection in self.idle:
            if connection.transport:
                connection.transport.abort()
        self.idle.clear()

    # What scenarios are made of.
    def fresh(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{self.run}{self.counter}"

    async def register(self, name: str) -> Person:
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        session = (await self.good("POST", f"{V3}/register", None, body)).json
        return Person(session["user_id"], name, session["access_token"])

    async def login(self, name: str) -> Person:
        body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": PASSWORD}
        session = (await self.good("POST", f"{V3}/login", None, body)).json
        return Person(session["user_id"], name, session["access_token"])

    async def crowd(self, size: int) -> list[Person]:
        """People who serve in several scenarios."""
        missing = [self.register(self.fresh("p")) for _ in range(size - len(self.people))]
        self.people += await together(8, missing)
        return self.people[:size]

    async def room(self, creator: Person, **body: Any) -> str:
        answer = await self.good("POST", f"{V3}/createRoom", creator, {"preset": "public_chat", **body})
        return quote(answer.json["room_id"])

    async def full_room(self, members: int) -> tuple[Person, list[Person], str]:
        """A room with its creator and this many others."""
        people = await self.crowd(members + 1)
        room = await self.room(people[0])
        await together(8, [self.join(person, room) for person in people[1:]])
        return people[0], people[1:], room

    async def join(self, person: Person, room: str) -> Answer:
        return await self.good("POST", f"{V3}/join/{room}", person, {})

    async def send(self, person: Person, room: str, text: str) -> Answer:
        self.counter += 1
        path = f"{V3}/rooms/{room}/send/m.room.message/{self.run}{self.counter}"
        return await self.good("PUT", path, person, {"msgtype": "m.text", "body": text})

    async def sync(self, person: Person, since: str | None = None, wait: int = 0, filter: dict | None = None) -> Answer:
        query = f"timeout={wait}&set_presence=offline"
        if since:
            query += f"&since={quote(since)}"
        if filter:
            query += f"&filter={quote(json.dumps(filter))}"
        return await self.good("GET", f"{V3}/sync?{query}", person)

    # Measuring.
    @contextlib.asynccontextmanager
    async def meter(self, result: Result) -> AsyncIterator[None]:
        """Adds to `result` the wall and processor time of what is done inside."""
        before, client, began = Machine.cpus(self.processes), time.process_time(), time.perf_counter()
        yield
        result.wall += time.perf_counter() - began
        result.client += time.process_time() - client
        # A process that ended meanwhile is left out, as is what it used.
        result.cpu += sum(cpu - before.get(process, 0) for process, cpu in Machine.cpus(self.processes).items())

    async def measure(
        self, name: str, count: int, at_once: int, operation: Callable[[int], Awaitable[Any]], *, unit: str = "op",
        warm_up: int = 0,
    ) -> Result:
        """Does `operation(0 ..< count)`, so many at once, and notes how long each took."""
        result, numbers = Result(name, unit), iter(range(count))
        await together(at_once, [operation(number) for number in range(count, count + warm_up)])

        async def worker() -> None:
            for number in numbers:
                began = time.perf_counter()
                try:
                    answer = await operation(number)
                except (Refused, OSError, TimeoutError, ValueError, KeyError) as error:
                    result.failed(error)
                    continue
                arrived = answer.arrived if isinstance(answer, Answer) else time.perf_counter()
                result.latencies.append(arrived - began)
                result.operations += 1

        async with self.meter(result):
            await asyncio.gather(*(worker() for _ in range(at_once)))
        return result


async def together(at_once: int, tasks: Iterable[Awaitable[Any]]) -> list[Any]:
    """Awaits all, so many at once; their values in order."""
    gate = asyncio.Semaphore(at_once)

    async def one(task: Awaitable[Any]) -> Any:
        async with gate:
            return await task

    return list(await asyncio.gather(*(one(task) for task in tasks)))
