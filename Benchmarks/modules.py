#!/usr/bin/env python3
"""Measures what modules cost, in Swift and in Python, and in Synapse where there is one; see scripts/bench-modules.

Every server has the same people and rooms. Each scenario runs on all of them in turn, several times, so that a slow moment
of the machine falls on all. The figure to compare is the processor time per message that a server with a module uses more
than the same server without, its Python process included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator


ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/BlackBox"))

from blackbox.server import Axolemma, LocalServer, Synapse  # noqa: E402
from load import Machine, Person, Result, Target, together  # noqa: E402

TEXT = "the quick brown fox jumps over the lazy dog"
WORDS = ["casino", "viagra", "lottery", "jackpot"]
ALL = ["spam", "allowed", "new_event", "account_data"]
SETTINGS: dict[str, Any] = {"presence": {"enabled": False}}
SENDERS = 32

# At most so many milliseconds more per message, and so many until a callback of one sender has answered (half of the calls).
CPU_BUDGETS = {"swift, no-op spam check": 0.005, "python, no-op spam check": 0.12}
LATENCY_BUDGETS = {"python, no-op spam check": 0.15}
IDLE_BUDGET = 40.0  # MiB, without modules

# What it is called, how many send at once, into which room, how many messages a round.
SCENARIOS = [
    ("1 sender, small room", 1, "small", 450), ("32 senders, small room", SENDERS, "small", 3200),
    ("1 sender, large room", 1, "large", 450), ("32 senders, large room", SENDERS, "large", 3200),
]


@dataclass
class Variant:
    """A server with a module, or without."""

    name: str
    modules: list[dict]
    server: LocalServer
    baseline: str
    cpu: dict[str, list[float]] = field(default_factory=dict)  # by scenario: milliseconds per message, by round
    latencies: dict[str, list[float]] = field(default_factory=dict)
    walls: dict[str, float] = field(default_factory=dict)
    hosts: dict[str, float] = field(default_factory=dict)  # processor time of the Python process, in seconds
    sent: Counter[str] = field(default_factory=Counter)

    @property
    def is_ours(self) -> bool:
        return isinstance(self.server, Axolemma)


@dataclass
class World:
    """The people and rooms that every server of a kind starts from."""

    people: list[Person]
    admin: Person
    rooms: dict[str, str]
    directory: Path
    members: int


async def make_world(server: LocalServer, members: int) -> World:
    """Registers people and fills the rooms on a server without modules."""
    server.start(60)
    target = Target("world", server.base_url, [])
    admin = server.user("admin", admin=True)
    people: list[Person] = await target.crowd(SENDERS)
    small = await target.room(people[0])
    large = await target.room(people[0])
    await together(4, [target.join(person, small) for person in people[1:]])
    await together(4, [target.join(person, large) for person in people[1:]])

    async def further() -> None:
        await target.join(await target.register(target.fresh("m")), large)

    await together(8, [further() for _ in range(members - SENDERS)])
    target.close()
    server.stop()
    return World(people, Person(admin.id, admin.localpart, admin.token), {"small": small, "large": large},
                 server.directory, members)


def move_in(server: LocalServer, world: World) -> None:
    """Gives a server that never ran the people and rooms of the world."""
    for file in world.directory.iterdir():
        if file.name.startswith("homeserver.db") or file.name.endswith("signing.key"):
            shutil.copy(file, server.directory / file.name)


def callbacks(overview: dict) -> dict[str, dict]:
    """How the callbacks of the only module fare, by name."""
    return {callback["name"]: callback for module in overview["modules"] for callback in module["callbacks"]}


class Run:
    """One run of everything."""

    def __init__(self, arguments: argparse.Namespace, directory: Path):
        self.arguments, self.directory = arguments, directory
        self.variants: list[Variant] = []
        self.worlds: dict[str, World] = {}
        self.rows: list[dict[str, Any]] = []

    # Making.
    def add(self, name: str, modules: list[dict], synapse: bool = False) -> None:
        if not re.search(self.arguments.only, name) and name not in ("none", "synapse, none"):
            return
        settings = {**SETTINGS, "modules": modules, "module_settings": {"python": self.arguments.python}}
        place = self.directory / re.sub(r"\W+", "-", name)
        server: LocalServer
        if synapse:
            settings.pop("module_settings")
            server = Synapse(place, settings=settings, python=self.arguments.synapse)
        else:
            server = Axolemma(place, settings=settings)
        inherited = os.environ.get("PYTHONPATH", "").split(":")
        server.environment["PYTHONPATH"] = ":".join(filter(None, [str(ROOT / "Benchmarks/Modules"), *inherited]))
        self.variants.append(Variant(name, modules, server, "synapse, none" if synapse else "none"))

    def add_all(self) -> None:
        plug_ins = Path(self.arguments.plug_ins)
        no_op, keywords = str(plug_ins / "libNoOp.so"), str(plug_ins / "libKeywordFilter.so")
        python = "bench_modules"
        self.add("none", [])
        self.add("swift, no-op spam check", [{"module": no_op, "config": {"hooks": ["spam"]}}])
        self.add("swift, no-op, all hooks", [{"module": no_op, "config": {"hooks": ALL}}])
        self.add("swift, keywords", [{"module": keywords, "config": {"words": WORDS}}])
        self.add("python, no-op spam check", [{"module": f"{python}.NoOp", "config": {"hooks": ["spam"]}}])
        self.add("python, no-op on_new_event", [{"module": f"{python}.NoOp", "config": {"hooks": ["new_event"]}}])
        self.add("python, no-op, all hooks", [{"module": f"{python}.NoOp", "config": {"hooks": ALL}}])
        self.add("python, moderation", [{"module": f"{python}.Moderation", "config": {"words": WORDS}}])
        if self.arguments.synapse:
            self.add("synapse, none", [], True)
            for name, hooks in (("no-op spam check", ["spam"]), ("no-op, all hooks", ALL)):
                self.add(f"synapse, {name}", [{"module": f"{python}.NoOp", "config": {"hooks": hooks}}], True)
            self.add("synapse, moderation", [{"module": f"{python}.Moderation", "config": {"words": WORDS}}], True)

    async def make_worlds(self) -> None:
        members = {"none": self.arguments.members, "synapse, none": min(self.arguments.members, 1000)}
        for variant in [variant for variant in self.variants if variant.name in members]:
            print(f"making the rooms, the large one of {members[variant.name]:,} members ({variant.name})", flush=True)
            self.worlds[variant.name] = await make_world(variant.server, members[variant.name])
        for variant in self.variants:
            if variant.name not in self.worlds:
                move_in(variant.server, self.worlds[variant.baseline])

    # Measuring.
    async def measure(self) -> None:
        for what, senders, room, count in SCENARIOS:
            if self.arguments.quick:
                count //= 3
            # Started anew, so that the counters of callbacks are those of this scenario.
            for variant in self.variants:
                start = variant.server.start(60)
                self.note("start", variant, "", start, "s to the first answer")
            time.sleep(2)
            for variant in self.variants:
                self.note_memory(variant, "idle")
            for number in range(self.arguments.rounds + 1):
                # In turn forwards and backwards: what comes first in a round is not always the same.
                for variant in self.variants if number % 2 else reversed(self.variants):
                    await self.round(variant, what, senders, room, count if number else max(32, count // 5), number > 0)
            for variant in self.variants:
                await self.look(variant, what)
                self.note_memory(variant, f"after {what}")
                variant.server.stop()
            self.sum_up(what)

    async def round(self, variant: Variant, what: str, senders: int, room: str, count: int, counts: bool) -> None:
        world, process = self.worlds[variant.baseline], variant.server.process
        assert process is not None
        target = Target(variant.name, variant.server.base_url, [process.pid])
        hosts = Machine.tree([process.pid])[1:] if variant.is_ours else []
        before = sum(map(Machine.cpu, hosts))

        async def send(number: int) -> Any:
            return await target.send(world.people[number % senders], world.rooms[room], f"{number} {TEXT}")

        result = await target.measure(what, count, senders, send)
        # What modules are told afterwards belongs to the message too.
        settled: Result = Result("afterwards")
        async with target.meter(settled):
            await asyncio.sleep(0.3)
        target.close()
        for error, times in result.errors.most_common(2):
            print(f"    ! {variant.name}: {times} × {error}", flush=True)
        if not counts or not result.operations:
            return
        variant.cpu.setdefault(what, []).append((result.cpu + settled.cpu) * 1000 / result.operations)
        variant.latencies.setdefault(what, []).extend(result.latencies)
        variant.walls[what] = variant.walls.get(what, 0) + result.wall
        variant.hosts[what] = variant.hosts.get(what, 0) + sum(map(Machine.cpu, hosts)) - before
        variant.sent[what] += result.operations

    async def look(self, variant: Variant, what: str) -> None:
        """Notes how the callbacks fared."""
        if not variant.is_ours or not variant.modules:
            return
        admin = self.worlds[variant.baseline].admin
        target = Target(variant.name, variant.server.base_url, [])
        overview = (await target.good("GET", "/_axolemma/admin/v1/modules", admin)).json
        target.close()
        for name, callback in callbacks(overview).items():
            if not callback["calls"]:
                continue
            label, alone = f"{name}, {what}", what.startswith("1 sender, small")
            budget = LATENCY_BUDGETS.get(variant.name) if alone else None
            self.note(f"p50 {label}", variant, what, callback["p50_ms"], "ms", budget)
            self.note(f"p99 {label}", variant, what, callback["p99_ms"], "ms")
            if callback["failures"] or callback["timeouts"]:
                print(f"    ! {variant.name}: {callback}", flush=True)
        calls = sum(callback["calls"] for callback in callbacks(overview).values())
        host = variant.hosts.get(what, 0)
        if host > 0 and what.startswith("32"):
            # The first round is counted by the server and not here.
            share = variant.sent[what] / max(1, variant.sent[what] + max(32, variant.sent[what] // self.arguments.rounds // 5))
            self.note(f"calls as they came, {what}", variant, what, calls * share / variant.walls[what], "a second")
            self.note(f"calls a second of the Python process, {what}", variant, what, calls * share / host, "calls")

    # Figures.
    def note(
        self, what: str, variant: Variant, scenario: str, value: float | None, unit: str, budget: float | None = None
    ) -> None:
        self.rows.append({"what": what, "server": variant.name, "scenario": scenario, "value": value, "unit": unit,
                          "budget": budget})

    def note_memory(self, variant: Variant, when: str) -> None:
        process = variant.server.process
        assert process is not None
        first, *others = Machine.tree([process.pid])
        budget = IDLE_BUDGET if variant.name == "none" and when == "idle" else None
        self.note(f"memory, {when}", variant, "", Machine.resident(first), "MiB", budget)
        if others and variant.is_ours:
            self.note(f"memory of the Python process, {when}", variant, "", sum(map(Machine.resident, others)), "MiB")

    def sum_up(self, what: str) -> None:
        """Prints a scenario's table."""
        print(f"\n{what:<30}{'sent/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'cpu ms':>9}{'added':>9}{'budget':>9}   added, by round")
        baselines = {variant.name: variant.cpu.get(what, []) for variant in self.variants}
        for variant in self.variants:
            if not (cpu := variant.cpu.get(what)):
                continue
            ordered = sorted(variant.latencies[what])
            added = [mine - without for mine, without in zip(cpu, baselines[variant.baseline])]
            budget = CPU_BUDGETS.get(variant.name) if what.startswith("1 sender, small") else None
            middle = statistics.median(added)
            self.note(f"processor time, {what}", variant, what, statistics.median(cpu), "ms a message")
            row = (f"{variant.name:<30}{len(ordered) / variant.walls[what]:>10,.0f}{ordered[len(ordered) // 2] * 1000:>9.2f}"
                   f"{ordered[int(len(ordered) * 0.99)] * 1000:>9.2f}{statistics.median(cpu):>9.3f}")
            if variant.name != variant.baseline:
                self.note(f"added, {what}", variant, what, middle, "ms of processor time a message", budget)
                row += f"{middle:>9.3f}{'' if budget is None else f'{budget:.3f}':>9}   "
                row += " ".join(f"{value:.3f}" for value in added)
            print(row, flush=True)

    def merged(self) -> Iterator[dict[str, Any]]:
        """The rows, those of one thing measured several times as one: the median."""
        groups: dict[tuple, list[dict[str, Any]]] = {}
        for row in self.rows:
            groups.setdefault((row["what"], row["server"], row["unit"]), []).append(row)
        for rows in groups.values():
            values = [row["value"] for row in rows if row["value"] is not None]
            yield {**rows[0], "value": statistics.median(values) if values else None}

    def show(self) -> None:
        """Prints what the scenarios' tables leave out."""
        rows = list(self.merged())

        def value(what: str, server: str) -> str:
            for row in rows:
                if row["what"] == what and row["server"] == server and row["value"] is not None:
                    return f"{row['value']:,.3f}" if row["value"] < 1 else f"{row['value']:,.2f}" if row["value"] < 10 else f"{row['value']:,.0f}"
            return "-"

        scenarios = [what for what, *_ in SCENARIOS]
        print(f"\n{'milliseconds, p50 / p99':<50}" + "".join(f"{what:>24}" for what in scenarios))
        for variant in self.variants:
            names = [row["what"][4:].split(",")[0] for row in rows if row["server"] == variant.name and row["what"].startswith("p50 ")]
            for name in dict.fromkeys(names):
                cells = [f"{value(f'p50 {name}, {what}', variant.name)} / {value(f'p99 {name}, {what}', variant.name)}" for what in scenarios]
                print(f"{variant.name + ': ' + name:<50}" + "".join(f"{cell:>24}" for cell in cells))
        print(f"\n{'':<30}{'start, s':>10}{'idle, MiB':>11}{'after':>8}{'Python, idle':>14}{'after':>8}"
              f"{'calls/s, 32 senders':>22}{'a second of Python':>20}")
        for variant in self.variants:
            print(f"{variant.name:<30}{value('start', variant.name):>10}{value('memory, idle', variant.name):>11}"
                  f"{value(f'memory, after {scenarios[-1]}', variant.name):>8}"
                  f"{value('memory of the Python process, idle', variant.name):>14}"
                  f"{value(f'memory of the Python process, after {scenarios[-1]}', variant.name):>8}"
                  f"{value('calls as they came, 32 senders, small room', variant.name):>22}"
                  f"{value('calls a second of the Python process, 32 senders, small room', variant.name):>20}")
        print()
        for row in rows:
            if row["budget"] is not None and row["value"] is not None:
                verdict = "pass" if row["value"] <= row["budget"] else f"MISS, {row['value'] / row['budget']:.2f} times the budget"
                print(f"{row['server']}, {row['what']}: {row['value']:.3f} {row['unit']}; budget {row['budget']:.3f}, {verdict}")


async def run(arguments: argparse.Namespace) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="axolemma-bench-") as directory:
        measured = Run(arguments, Path(directory))
        try:
            measured.add_all()
            await measured.make_worlds()
            await measured.measure()
        finally:
            for variant in measured.variants:
                variant.server.discard()
    measured.show()
    if arguments.out:
        report = {"date": time.strftime("%F %T"), "processors": os.cpu_count(), "members": arguments.members,
                  "figures": list(measured.merged())}
        Path(arguments.out).write_text(json.dumps(report, indent=1))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench-modules", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a third of the messages, three rounds, 1,000 members")
    parser.add_argument("--members", type=int, help="members of the large room (default 10,000; at most 1,000 on Synapse)")
    parser.add_argument("--rounds", type=int, help="how often each scenario runs (default 7)")
    parser.add_argument("--only", default="", metavar="REGEX", help="some servers, e.g. 'python'; none is always measured")
    parser.add_argument("--synapse", metavar="PYTHON", help="the Python of an environment with matrix-synapse, to measure beside")
    parser.add_argument("--out", metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--python", default=str(ROOT / ".venv-modules/bin/python"), help="the Python that runs our modules")
    parser.add_argument("--plug-ins", default=str(ROOT / ".build/examples/KeywordFilter/release"), help="where libNoOp.so is")
    arguments = parser.parse_args()
    arguments.members = arguments.members or (1000 if arguments.quick else 10_000)
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 7)
    import uvloop

    return uvloop.run(run(arguments))


if __name__ == "__main__":
    sys.exit(main())
