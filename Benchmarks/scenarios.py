"""What is measured. Each scenario does a fixed amount of work, checks what comes back, and times only its own part."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import Awaitable, Callable
from urllib.parse import quote

from load import V3, Answer, Person, Refused, Result, Target, together

TEXT = "the quick brown fox jumps over the lazy dog"
Size = Callable[[int], int]  # how much work, given how much a complete run does
Scenario = Callable[[Target, Size], Awaitable[list[Result]]]


async def accounts(target: Target, size: Size) -> list[Result]:
    people = await target.crowd(32)
    register = await target.measure("register", size(100), 4, lambda _: target.register(target.fresh("r")))
    login = await target.measure("login", size(100), 4, lambda n: target.login(people[n % 32].localpart))
    return [register, login]


async def whoami(target: Target, size: Size) -> list[Result]:
    people = await target.crowd(32)
    path = f"{V3}/account/whoami"
    return [await target.measure("whoami", size(10_000), 32, lambda n: target.good("GET", path, people[n % 32]), warm_up=64)]


async def create_room(target: Target, size: Size) -> list[Result]:
    people = await target.crowd(8)

    def create(number: int) -> Awaitable[str]:
        return target.room(people[number % 8], preset="private_chat", name=f"room {number}", topic="a topic")

    return [await target.measure("create room", size(200), 8, create, warm_up=4)]


async def send_alone(target: Target, size: Size) -> list[Result]:
    (person,) = await target.crowd(1)
    room = await target.room(person)
    return [await target.measure("send, 1 sender", size(1000), 1, lambda n: target.send(person, room, f"{n} {TEXT}"), warm_up=10)]


async def send_one_room(target: Target, size: Size) -> list[Result]:
    people = await target.crowd(32)
    room = await target.room(people[0])
    await together(4, [target.join(person, room) for person in people[1:]])

    def send(number: int) -> Awaitable[Answer]:
        return target.send(people[number % 32], room, f"{number} {TEXT}")

    return [await target.measure("send, 32 in 1 room", size(1600), 32, send, warm_up=32)]


async def send_many_rooms(target: Target, size: Size) -> list[Result]:
    people = await target.crowd(32)
    rooms = await together(8, [target.room(person) for person in people])

    def send(number: int) -> Awaitable[Answer]:
        return target.send(people[number % 32], rooms[number % 32], f"{number} {TEXT}")

    return [await target.measure("send, 32 in 32 rooms", size(1600), 32, send, warm_up=32)]


async def join(target: Target, size: Size) -> list[Result]:
    people = await target.crowd(size(200) + 1)
    room = await target.room(people[0])
    return [await target.measure("join", len(people) - 1, 8, lambda n: target.join(people[n + 1], room))]


async def initial_sync(target: Target, size: Size) -> list[Result]:
    """On a new device each time, so that no server answers from memory of the same question."""
    rooms_count, messages, repeats, limit = size(100), 50, size(10), 20
    person, other = await target.register(target.fresh("s")), (await target.crowd(1))[0]
    rooms = await together(8, [target.room(person) for _ in range(rooms_count)])
    await together(8, [target.join(other, room) for room in rooms])

    async def fill(room: str) -> None:
        for number in range(messages):
            await target.send((person, other)[number % 2], room, f"message {number} " + "x" * 40)

    await together(16, [fill(room) for room in rooms])
    devices = [await target.login(person.localpart) for _ in range(repeats + 1)]
    answers: list[Answer] = []

    async def sync(number: int) -> Answer:
        answer = await target.sync(devices[number], filter={"room": {"timeline": {"limit": limit}}})
        answers.append(answer)
        return answer

    result = await target.measure("initial sync", repeats, 1, sync, warm_up=1)
    for answer in answers:
        joined = answer.json["rooms"]["join"]
        if len(joined) != rooms_count or any(len(room["timeline"]["events"]) != limit for room in joined.values()):
            result.failed("rooms or messages are missing")
    result.notes = {"rooms": rooms_count, "bytes": len(answers[0].body) if answers else 0}
    return [result]


class Pollers:
    """People who long-poll; notes when each marked message first reached each of them."""

    MARK = re.compile(rb'"mark-(\d+)\.')
    NEXT = re.compile(rb'"next_batch"\s*:\s*"([^"]+)"')
    FILTER = {"room": {"timeline": {"limit": 20}}}

    def __init__(self, target: Target, people: list[Person]):
        self.target, self.people = target, people
        self.reached: dict[int, dict[str, float]] = {}
        self.complete: dict[int, asyncio.Event] = {}
        self.last_answer = time.perf_counter()
        self.failure: BaseException | None = None

    async def poll(self, person: Person) -> None:
        since = None
        while True:
            answer = await self.target.sync(person, since, 0 if since is None else 30_000, self.FILTER)
            self.last_answer = time.perf_counter()
            found = self.NEXT.search(answer.body)
            if found is None:
                raise Refused("a sync without next_batch")
            since = found.group(1).decode()
            for mark in {int(text) for text in self.MARK.findall(answer.body)}:
                people = self.reached.setdefault(mark, {})
                people.setdefault(person.id, answer.arrived)
                if len(people) == len(self.people) and mark in self.complete:
                    self.complete[mark].set()

    async def __aenter__(self) -> Pollers:
        self.tasks = [asyncio.create_task(self.poll(person)) for person in self.people]
        # Until all of them wait for something new.
        while time.perf_counter() - self.last_answer < 1.5:
            await asyncio.sleep(0.1)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        for ended in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                self.failure = ended

    async def deliver(self, mark: int, sender: Person, room: str) -> list[float]:
        """Sends a marked message and waits until it is everywhere; how long it took to each."""
        self.complete[mark] = asyncio.Event()
        began = time.perf_counter()
        await self.target.send(sender, room, f"mark-{mark}.")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                await self.complete[mark].wait()
        return [moment - began for moment in self.reached.get(mark, {}).values()]


async def wake_up(target: Target, size: Size, members: int) -> list[Result]:
    sender, people, room = await target.full_room(members)
    result = Result(f"1 message to {members} polls", "message")
    async with Pollers(target, people) as pollers:
        await pollers.deliver(0, sender, room)
        async with target.meter(result):
            for mark in range(1, size(40) + 1):
                took = await pollers.deliver(mark, sender, room)
                result.latencies += took
                if len(took) == len(people):
                    result.operations += 1
                else:
                    result.failed(f"reached {len(took)} of {len(people)}")
    if pollers.failure:
        result.failed(pollers.failure)
    return [result]


async def wake_up_50(target: Target, size: Size) -> list[Result]:
    return await wake_up(target, size, 50)


async def wake_up_200(target: Target, size: Size) -> list[Result]:
    return await wake_up(target, size, 200)


async def history(target: Target, size: Size) -> list[Result]:
    people, count = await target.crowd(8), size(20) * 100
    room = await target.room(people[0])
    await together(4, [target.join(person, room) for person in people[1:]])
    await together(16, [target.send(people[n % 8], room, f"history {n}") for n in range(count)])
    start, found = "", 0

    async def page(_: int) -> Answer:
        nonlocal start, found
        answer = await target.good("GET", f"{V3}/rooms/{room}/messages?dir=b&limit=100{start}", people[0])
        content = answer.json
        found += sum(event["type"] == "m.room.message" for event in content["chunk"])
        start = f"&from={quote(content['end'], safe='')}" if "end" in content else start
        return answer

    result = await target.measure("page of 100 messages", count // 100, 1, page, unit="page")
    if found < count:
        result.failed(f"{found} of {count} messages")
    return [result]


async def big_room(target: Target, size: Size) -> list[Result]:
    members = 1000 if size(1000) == 1000 else 200
    creator, _, room = await target.full_room(members - 1)
    results = []
    for what in ("state", "members"):
        bodies: list[bytes] = []

        async def read(_: int, what: str = what, bodies: list[bytes] = bodies) -> Answer:
            answer = await target.good("GET", f"{V3}/rooms/{room}/{what}", creator)
            bodies.append(answer.body)
            return answer

        result = await target.measure(f"{what} of {members} members", size(40), 1, read, warm_up=1)
        if bodies and bodies[-1].count(b'"membership"') < members:
            result.failed("members are missing")
        result.notes = {"bytes": len(bodies[-1]) if bodies else 0}
        results.append(result)
    return results


SCENARIOS: dict[str, Scenario] = {
    "accounts": accounts, "whoami": whoami, "create_room": create_room, "send_alone": send_alone,
    "send_one_room": send_one_room, "send_many_rooms": send_many_rooms, "join": join, "initial_sync": initial_sync,
    "wake_up_50": wake_up_50, "wake_up_200": wake_up_200, "history": history, "big_room": big_room,
}
