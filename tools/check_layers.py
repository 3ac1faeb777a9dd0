#!/usr/bin/env python3
"""Checks who includes whom against layers.toml, and two greps that make the rule whole.

    tools/check_layers.py [ROOT]

Fails on an include that layers.toml does not allow, a room it does not list, a cycle, SQLite outside src/store and
a clock that is read outside base's clock and app. *_test, *_fuzz and *_bench files may also use store/memory and
tests/support.
"""

import re
import sys
import tomllib
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SQL = re.compile(r"\bsqlite3(_\w+|\.h)\b")
CLOCK = re.compile(r"\b\w*_clock::now\b|\bclock_gettime\b|\bgettimeofday\b")
FOR_TESTS = re.compile(r"_(test|fuzz|bench)\.\w+$")


def find_cycle(rooms: dict[str, list[str]]) -> list[str] | None:
    """A path that comes back to where it started, or None."""
    done: set[str] = set()

    def visit(room: str, path: list[str]) -> list[str] | None:
        if room in path:
            return path[path.index(room):] + [room]
        if room in done:
            return None
        for below in rooms.get(room, []):
            if cycle := visit(below, path + [room]):
                return cycle
        done.add(room)
        return None

    return next((cycle for room in rooms if (cycle := visit(room, []))), None)


def check_include(rooms: dict[str, list[str]], room: str, file: Path, included: str) -> str | None:
    """What is wrong with this include, or None."""
    if "/" not in included:
        return f'"{included}" has no room: include from the source root'
    other = included.split("/")[0]
    if other == room or other in rooms[room]:
        return None
    if FOR_TESTS.search(file.name) and included.startswith(("store/memory/", "tests/support/")):
        return None
    if other not in rooms:
        return f'"{included}": layers.toml knows no room "{other}"'
    return f'"{included}": {room} may not include {other}'


def check_file(rooms: dict[str, list[str]], root: Path, file: Path) -> list[str]:
    name = file.relative_to(root)
    room = name.parts[1]
    may_read_clock = room == "app" or (room == "base" and "clock" in file.name)
    problems = []
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        found = []
        if include := INCLUDE.match(line):
            found.append(check_include(rooms, room, file, include[1]))
        code = line.split("//")[0]
        if room != "store" and SQL.search(code):
            found.append("SQL lives only in src/store")
        if not may_read_clock and CLOCK.search(code):
            found.append("only base's system clock and app read a clock; take a base::Clock&")
        problems += [f"{name}:{number}: {problem}" for problem in found if problem]
    return problems


def check(root: Path) -> list[str]:
    rooms = tomllib.loads((root / "layers.toml").read_text())["rooms"]
    problems = [f"layers.toml: {room} may include \"{below}\", which is no room"
                for room, allowed in rooms.items() for below in allowed if below not in rooms]
    if cycle := find_cycle(rooms):
        problems.append(f"layers.toml: a cycle: {' -> '.join(cycle)}")
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        if folder.name not in rooms:
            problems.append(f"src/{folder.name}: layers.toml knows no such room")
            continue
        for file in sorted(path for path in folder.rglob("*") if path.suffix in (".h", ".cpp")):
            problems += check_file(rooms, root, file)
    return problems


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root)
    print("\n".join(problems) if problems else "layers: every include is allowed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
