#!/usr/bin/env python3
"""Measures Axolemma, and Synapse beside it where there is one; see scripts/bench.

Each scenario runs on every server in turn, twice, so that a slow moment of the machine falls on all of them. The figure
to compare is the processor time per operation of the server's processes (of PostgreSQL's too, where it is used).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/BlackBox"))

from blackbox import postgres  # noqa: E402
from blackbox.server import Axolemma, LocalServer, Synapse  # noqa: E402
from load import Machine, Person, Result, Target, together  # noqa: E402
from scenarios import SCENARIOS, TEXT  # noqa: E402

# At most so many milliseconds of processor time per operation, on SQLite.
BUDGETS = {
    "whoami": 0.04, "create room": 1.2, "send, 1 sender": 0.30, "send, 32 in 1 room": 0.25, "send, 32 in 32 rooms": 0.25,
    "join": 0.8, "initial sync": 12.0, "1 message to 50 polls": 3.0, "1 message to 200 polls": 12.0,
    "state of 1000 members": 2.0,
}
START_BUDGET, IDLE_BUDGET, AFTER_BUDGET, GROWTH_BUDGET = 0.3, 40.0, 120.0, 2000.0  # seconds, MiB, MiB, bytes

# What is the same for all servers; passwords are hashed cheaply, since many people are registered.
SETTINGS: dict[str, Any] = {"bcrypt_rounds": 4, "presence": {"enabled": False}}


class Figures:
    """What is printed at the end, and how it stands to the budgets."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, float | None, float | None]] = []
        self.report: dict[str, Any] = {"date": time.strftime("%F %T"), "processors": os.cpu_count(), "figures": []}

    def add(self, what: str, server: str, unit: str, value: float | None, budget: float | None = None) -> None:
        self.rows.append((what, server, unit, value, budget))
        self.report["figures"].append({"what": what, "server": server, "unit": unit, "value": value, "budget": budget})

    def verdicts(self) -> tuple[int, int]:
        judged = [value <= budget for _, _, _, value, budget in self.rows if budget is not None and value is not None]
        return sum(judged), len(judged)

    def show(self) -> None:
        print(f"\n{'':<28}{'server':<22}{'value':>12}{'budget':>12}")
        for what, server, unit, value, budget in self.rows:
            shown = "-" if value is None else f"{value:,.3f}" if value < 100 else f"{value:,.0f}"
            line = f"{what:<28}{server:<22}{shown:>12}"
            if budget is not None and value is not None:
                verdict = "pass" if value <= budget else f"MISS, {value / budget:.2f} times the budget"
                line += f"{budget:>12,.3f}  {verdict};"
            print(f"{line}  {unit}")


def budget_for(server: LocalServer, name: str) -> float | None:
    return BUDGETS.get(name) if isinstance(server, Axolemma) and server.engine == "sqlite" else None


def processes(server: LocalServer) -> list[int]:
    """The first processes of all that a server uses."""
    assert server.process is not None
    found = [server.process.pid]
    if server.engine == "postgresql":
        file = Path(postgres.query("SHOW data_directory")) / "postmaster.pid"
        try:
            found.append(int(file.read_text().splitlines()[0]))
        except OSError:
            print(f"{file} cannot be read: what PostgreSQL uses is not counted", file=sys.stderr)
    return found


def measure_start(server: LocalServer, name: str, runs: int, figures: Figures) -> None:
    """Times starts of a stopped server; leaves it running."""
    first = server.start()
    times = []
    for _ in range(runs):
        server.stop()
        times.append(server.start())
    time.sleep(2)
    mine = isinstance(server, Axolemma) and server.engine == "sqlite"
    assert server.process is not None
    figures.add("first start, new database", name, "s to the first answer", first)
    figures.add("start", name, "s to the first answer", statistics.median(times), START_BUDGET if mine else None)
    figures.add("memory, idle", name, "MiB", Machine.resident(server.process.pid), IDLE_BUDGET if mine else None)


async def measure_growth(server: LocalServer, name: str, count: int, figures: Figures) -> None:
    """How much the database grows per message in a room of 50; the server is stopped for each look at it."""
    target = Target(name, server.base_url, [])
    people: list[Person] = await target.crowd(50)
    room = await target.room(people[0])
    await together(8, [target.join(person, room) for person in people[1:]])
    target.close()
    server.restart()
    server.stop()
    before = server.database_size()
    server.start()
    target.idle.clear()
    await together(16, [target.send(people[number % 50], room, f"{number} {TEXT}") for number in range(count)])
    target.close()
    server.stop()
    grown = (server.database_size() - before) / count
    server.start()
    mine = isinstance(server, Axolemma) and server.engine == "sqlite"
    figures.add("database per message", name, "bytes", grown, GROWTH_BUDGET if mine else None)


def line(result: Result, server: str) -> str:
    def cell(value: float | None, width: int = 11) -> str:
        return f"{'-' if value is None else f'{value:,.2f}':>{width}}"

    summary = result.summary()
    cpu = summary["cpu_ms_per_operation"]
    text = f"{result.name:<24}{server:<22}{cell(summary['operations_per_second'])}{cell(summary['p50_ms'])}"
    text += f"{cell(summary['p95_ms'])}{'-' if cpu is None else f'{cpu:.3f}':>11}"
    text += f"{summary['client_cpu_ms_per_operation']:>11.3f}{sum(result.errors.values()):>8}"
    return text + "".join(f"\n    ! {count} × {error}" for error, count in result.errors.most_common(3))


async def measure(servers: dict[str, LocalServer], arguments: argparse.Namespace, figures: Figures) -> None:
    def size(complete: int) -> int:
        return max(1, round(complete * (0.2 if arguments.quick else 1)))

    targets = {name: Target(name, server.base_url, processes(server)) for name, server in servers.items()}
    print(f"\n{'scenario':<24}{'server':<22}{'ops/s':>11}{'p50 ms':>11}{'p95 ms':>11}{'cpu ms/op':>11}{'client':>11}{'errors':>8}")
    for scenario in (SCENARIOS[key] for key in SCENARIOS if re.search(arguments.only, key)):
        results: dict[str, dict[str, Result]] = {name: {} for name in servers}
        for _ in range(arguments.rounds):
            for name, target in targets.items():
                try:
                    async with asyncio.timeout(900):
                        found = await scenario(target, size)
                    for result in found:
                        if result.name in results[name]:
                            results[name][result.name].add(result)
                        else:
                            results[name][result.name] = result
                except Exception as error:  # a server that cannot do it: say so and go on
                    print(f"{scenario.__name__:<24}{name:<22} failed: {type(error).__name__}: {error}", flush=True)
        for what in dict.fromkeys(what for found in results.values() for what in found):
            for name, server in servers.items():
                if result := results[name].get(what):
                    print(line(result, name), flush=True)
                    figures.report.setdefault("scenarios", []).append({"server": name, **result.summary()})
                    # A fifth of the rooms makes another initial sync.
                    budget = None if arguments.quick and what == "initial sync" else budget_for(server, what)
                    if budget is not None:
                        figures.add(what, name, "cpu ms per operation", result.cpu_per_operation, budget)
    for name, target in targets.items():
        target.close()
        server = servers[name]
        mine = isinstance(server, Axolemma) and server.engine == "sqlite" and not arguments.quick
        assert server.process is not None
        figures.add("memory, after", name, "MiB", Machine.resident(server.process.pid), AFTER_BUDGET if mine else None)


async def run(arguments: argparse.Namespace) -> int:
    task = asyncio.current_task()
    assert task is not None
    # So that the servers end with us.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    engines = ["sqlite"] + (["postgresql"] if arguments.postgres else [])
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="axolemma-bench-") as directory:
        for engine in engines:
            servers: dict[str, LocalServer] = {}
            try:
                servers[f"axolemma/{engine}"] = Axolemma(Path(directory) / f"axolemma-{engine}", engine, SETTINGS)
                if arguments.synapse:
                    python = arguments.synapse
                    servers[f"synapse/{engine}"] = Synapse(Path(directory) / f"synapse-{engine}", engine, SETTINGS, python=python)
                for name, server in servers.items():
                    measure_start(server, name, 2 if arguments.quick else 5, figures)
                await measure(servers, arguments, figures)
                if re.search(arguments.only, "growth"):
                    for name, server in servers.items():
                        await measure_growth(server, name, 500 if arguments.quick else 2000, figures)
            finally:
                for server in servers.values():
                    server.discard()
    figures.show()
    passed, judged = figures.verdicts()
    print(f"\n{passed} of {judged} budgets kept" + (" (a quick run: less work, less certain)" if arguments.quick else ""))
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(figures.report, indent=1))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the work")
    parser.add_argument("--postgres", action="store_true", help="measure on PostgreSQL as well")
    parser.add_argument("--synapse", metavar="PYTHON", help="the Python of an environment with matrix-synapse, to measure beside")
    parser.add_argument("--only", default="", metavar="REGEX", help=f"some scenarios: {', '.join(SCENARIOS)}, growth")
    parser.add_argument("--rounds", type=int, default=2, help="how often each scenario runs (default 2)")
    parser.add_argument("--out", metavar="FILE", help="write the figures as JSON too")
    arguments = parser.parse_args()
    if arguments.postgres and not postgres.available():
        parser.error(f"--postgres needs {postgres.VARIABLE}; scripts/bench sets it")
    import uvloop

    return uvloop.run(run(arguments))


if __name__ == "__main__":
    sys.exit(main())
