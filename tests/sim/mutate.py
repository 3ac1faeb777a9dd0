#!/usr/bin/env python3
"""Copies the engine with every bug of mutations.toml in it, each behind a switch of its own.

    tests/sim/mutate.py ENGINE OUT    ENGINE: the folder that holds src/; OUT: where the copies go

Fails where a bug no longer finds its place: the engine has changed, and the list is to follow.
"""

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
COPIED = ["src/quota/*", "src/ledger/*", "src/idempotency/*", "src/store/memory/*", "src/store/evidence.*",
          "src/store/redemption.*", "src/store/thresholds.*", "src/store/opening.*"]
SWITCH = '#include "tests/sim/mutation.h"\n'


def mutations() -> list[dict]:
    return tomllib.loads((HERE / "mutations.toml").read_text())["mutation"]


def main() -> int:
    engine, out = Path(sys.argv[1]), Path(sys.argv[2])
    texts = {path.relative_to(engine): path.read_text()
             for pattern in COPIED for path in sorted(engine.glob(pattern)) if path.suffix in (".h", ".cpp")}
    lost = []
    for number, mutation in enumerate(mutations(), 1):
        file = Path(mutation["file"])
        if texts[file].count(mutation["find"]) != 1:
            lost.append(f"{mutation['name']}: {file} holds its place {texts[file].count(mutation['find'])} times")
        texts[file] = texts[file].replace(mutation["find"],
                                          mutation["replace"].replace("MUTATED", f"(sim::mutation == {number})"))
    for file, text in texts.items():
        target = out / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".cpp":
            text = SWITCH + text
        elif "sim::mutation" in text:
            text = text.replace("#pragma once\n", "#pragma once\n" + SWITCH, 1)
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
    print("\n".join(lost), end="\n" if lost else "")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
