#!/usr/bin/env python3
"""House rules that no compiler checks (STYLE.md): sizes, line length, money without floats, kinds of TODO, documents.

    tools/tidy.py [ROOT]

A C++ file may exceed 500 lines, and a function 70, where the file's first 15 lines say why in a sentence that holds
the words "long because". A line in a money room may use a floating-point type with a `// not money: why` comment.
"""

import re
import subprocess
import sys
from pathlib import Path

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MAX_LINE = 120
NAMES_ITS_OWN_RULES = ("tools/tidy.py", "tools/tests/tidy_test.py")
MONEY_ROOMS = ("src/meter/", "src/ledger/", "src/quota/")

FLOAT = re.compile(r"\b(float|double)\b")
TODO = re.compile(r"\bTODO\b(?!\((soon|later|perf|security)\): )")
NO_KIND = re.compile(r"\b(FIXME|XXX|HACK)\b")
LITERAL = re.compile(r'"(?:\\.|[^"\\])*"')
OPENS_SCOPE = re.compile(r"^\s*(inline\s+)?(namespace|class|struct|enum|union|extern|TEST_SUITE)\b")


def functions(lines: list[str]):
    """(first line, length) of every block that opens at the end of a line and is no namespace, type or list.

    A heuristic that trusts clang-format: a function ends at the first `}` that stands as deep as its first line.
    """
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.rstrip().endswith("{") or OPENS_SCOPE.match(line) or "(" not in "".join(lines[max(0, at - 3):at + 1]):
            at += 1
            continue
        start = at
        while start > 0 and line.startswith("    ") and (re.search(r"[,(]$", lines[start - 1].rstrip())
                                                         or lines[start].lstrip().startswith(": ")):
            start -= 1  # the parameters, or a constructor's initializers, began above
        indent = re.match(r"\s*", lines[start])[0]
        end = next((i for i in range(at + 1, len(lines)) if lines[i].startswith(indent + "}")), at)
        yield start + 1, end - start + 1
        at = end + 1 if end - start + 1 > MAX_FUNCTION_LINES else at + 1


def check_code(name: str, text: str) -> list[str]:
    lines = text.splitlines()
    excused = "long because" in " ".join(line.lstrip("/#* ") for line in lines[:15])
    problems = []
    if len(lines) >= MAX_FILE_LINES and not excused:
        problems.append(f"{name}: {len(lines)} lines; split it by theme, or say at its top why it is long")
    if name.endswith((".h", ".cpp")):
        if not excused:
            problems += [f"{name}:{start}: a function of {length} lines; the bound is {MAX_FUNCTION_LINES}"
                         for start, length in functions(lines) if length >= MAX_FUNCTION_LINES]
        if name.endswith(".h") and lines and lines[0] != "#pragma once":
            problems.append(f"{name}:1: a header begins with #pragma once")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            problems.append(f"{name}:{number}: {len(line)} columns; the bound is {MAX_LINE}")
        if line != line.rstrip():
            problems.append(f"{name}:{number}: blanks at the end of the line")
        code = LITERAL.sub('""', line.split("//")[0])
        if name.startswith(MONEY_ROOMS) and "// not money:" not in line and FLOAT.search(code):
            problems.append(f"{name}:{number}: no floating point here; say `// not money: why` if it is none")
        if TODO.search(line) or NO_KIND.search(line):
            problems.append(f"{name}:{number}: write TODO(soon|later|perf|security): what")
    return problems


def check_document(name: str, text: str) -> list[str]:
    outside = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.M | re.S)
    titles = len(re.findall(r"^# ", outside, flags=re.M))
    return [] if titles == 1 else [f"{name}: {titles} first-level headings; a document has one"]


def tracked(root: Path) -> list[str]:
    """Files in git and new ones that it does not ignore."""
    command = ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(name for name in set(names) if (root / name).is_file())


def check(root: Path) -> list[str]:
    problems = []
    for name in tracked(root):
        path = root / name
        if name in NAMES_ITS_OWN_RULES:
            continue
        if path.suffix in (".h", ".cpp", ".c", ".py", ".ts", ".tsx", ".mjs"):
            problems += check_code(name, path.read_text(errors="replace"))
        elif path.suffix == ".md":
            problems += check_document(name, path.read_text(errors="replace"))
    return problems


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root)
    print("\n".join(problems) if problems else "tidy: the house rules hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
