#!/usr/bin/env python3
"""Checks that the targets of Package.swift, and the imports in their files, keep to the layers of docs/architecture.md.

The build itself (scripts/build) refuses imports of targets that the manifest does not list; this script refuses what the
manifest may not list. Needs Python 3.9 and Swift; prints each breach and exits with 1 if there is one.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Target → the targets of ours it may depend on. An arrow that is not here is not permitted.
ARROWS: dict[str, set[str]] = {
    "MatrixCore": set(),
    "ServerMetrics": set(),
    "ServerConfiguration": {"MatrixCore"},
    "CPostgres": set(),
    "SQLEngine": {"CPostgres", "CSQLite"},
    "ModuleAPI": {"MatrixCore"},
    "Outbound": {"MatrixCore"},
    "Storage": {"MatrixCore", "SQLEngine"},
    "Homeserver": {"MatrixCore", "SQLEngine", "Storage", "Outbound", "ModuleAPI", "ServerMetrics", "CCrypt"},
    "WebServer": {"MatrixCore", "ServerMetrics"},
    # The APIs see the domain, never the database: no SQL above Storage.
    "ClientAPI": {"MatrixCore", "Homeserver", "WebServer", "ModuleAPI"},
    "FederationAPI": {"MatrixCore", "Homeserver", "WebServer", "ModuleAPI"},
    "AdminAPI": {"MatrixCore", "Homeserver", "WebServer", "ModuleAPI"},
    "PythonHost": {"MatrixCore", "ModuleAPI"},
    "ModuleTesting": {"MatrixCore", "ModuleAPI"},
    # Modules, also the example, which our tests build along.
    "KeywordFilter": {"MatrixCore", "ModuleAPI"},
}
# The composition root and what only tests use may see everything but each other.
EVERYTHING = {"App", "TestSupport"}

# Imports that belong to one place: pattern → targets that may have them.
ONLY: list[tuple[str, set[str]]] = [
    (r"Hummingbird\w*", {"WebServer"}),
    # The command line asks a running server to register users.
    (r"NIO\w*|_NIO\w*", {"WebServer", "App"}),
    (r"GRDB|CPostgres", {"SQLEngine"}),
    (r"CCrypt", {"Homeserver"}),
    (r"Yams", {"ServerConfiguration", "App"}),
    (r"ArgumentParser", {"App"}),
    (r"AsyncHTTPClient", {"Outbound"}),
]
# MatrixCore does no I/O, reads no clock, holds no lock.
PURE = "MatrixCore"
IMPURE = r"Foundation|FoundationNetworking|Glibc|Musl|Darwin|Dispatch|Synchronization|Logging|Network"

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)",
    re.MULTILINE,
)


def described() -> list[dict]:
    """The targets as SwiftPM understands the manifest."""
    text = subprocess.run(
        ["swift", "package", "--scratch-path", ".build/manifest", "dump-package"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return json.loads(text)["targets"]


def dependencies(target: dict) -> set[str]:
    """The names of the targets and products a target lists."""
    names = set()
    for dependency in target["dependencies"]:
        for kind in ("byName", "target", "product"):
            if kind in dependency:
                names.add(dependency[kind][0])
    return names


def folder(target: dict) -> Path:
    base = "Tests" if target["type"] == "test" else "Sources"
    return ROOT / (target.get("path") or f"{base}/{target['name']}")


def main() -> int:
    breaches: list[str] = []
    targets = described()
    ours = {t["name"] for t in targets}
    code = [t for t in targets if t["type"] in ("regular", "executable")]

    for target in code:
        name, listed = target["name"], dependencies(target)
        if name in EVERYTHING:
            for other in (listed & EVERYTHING) - {name}:
                breaches.append(f"Package.swift: {name} may not depend on {other}")
        elif name not in ARROWS:
            breaches.append(f"Package.swift: {name} has no place in the layers; give it one in scripts/check-layers.py")
        else:
            for other in sorted((listed & ours) - ARROWS[name]):
                breaches.append(f"Package.swift: {name} may not depend on {other}")
        for pattern, owners in ONLY:
            for other in sorted(d for d in listed if re.fullmatch(pattern, d)):
                if name not in owners and name != "TestSupport":
                    breaches.append(f"Package.swift: {name} may not depend on {other}; only {', '.join(owners)} does")

        for file in sorted(folder(target).rglob("*.swift")):
            text = file.read_text(encoding="utf-8")
            for match in IMPORT.finditer(text):
                module, where = match.group(1), f"{file.relative_to(ROOT)}:{text[:match.start(1)].count(chr(10)) + 1}"
                if module in ours and module != name and name in ARROWS and module not in ARROWS[name]:
                    breaches.append(f"{where}: {name} may not import {module}")
                for pattern, owners in ONLY:
                    if re.fullmatch(pattern, module) and name not in owners and name != "TestSupport":
                        breaches.append(f"{where}: only {', '.join(sorted(owners))} imports {module}")
                if name == PURE and re.fullmatch(IMPURE, module):
                    breaches.append(f"{where}: {PURE} is pure and may not import {module}")

    for breach in breaches:
        print(breach, file=sys.stderr)
    if not breaches:
        print(f"    {len(code)} targets keep to their layers", file=sys.stderr)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
