#!/usr/bin/env python3
"""Compares the tokenizer with tiktoken (OpenAI's, in Rust, called from Python) on the same texts, one thread each.

    bench/tokens.py [--seconds 2] [--rounds 5]

The two take turns in one run; a figure is the best round's, by CPU time of the thread. Both must give the same ids, or
there is no figure. Installs tiktoken, pinned, into build/venv, and builds build/bench/tokens_bench.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "build/venv"
TIKTOKEN = "tiktoken==0.14.0"
ENCODINGS = ("o200k_base", "cl100k_base")
LEAST_BYTES = 1_000_000


def prepare() -> None:
    """Goes on in build/venv, with tiktoken in it and the binary built."""
    python = VENV / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    if subprocess.run([python, "-c", "import tiktoken"], stderr=subprocess.DEVNULL).returncode:
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", TIKTOKEN], check=True)
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
    build = ROOT / "build/bench"
    subprocess.run(["cmake", "--preset", "release", "-B", build, "-DMETERGATE_BENCH=ON"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", build, "--target", "tokens_bench"], check=True, stdout=subprocess.DEVNULL)


def text_of(*patterns: str) -> str:
    """Files of the tree, over and over until there is enough of it."""
    files = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    text = "".join(path.read_text() for path in files)
    return text * -(-LEAST_BYTES // len(text.encode()))


def texts() -> dict[str, str]:
    found = {"prose": text_of("*.md", "docs/**/*.md"), "code": text_of("src/**/*.cpp", "src/**/*.h"),
             "json": text_of("data/*.json")}
    vectors = Path(os.environ.get("METERGATE_TRAFFIC", "/nonexistent")) / "token_vectors_open.json"
    if vectors.exists():
        languages = "\n".join(vector["text"] for vector in json.loads(vectors.read_text())["vectors"]
                              if vector["category"].startswith("language:"))
        found["languages"] = languages * -(-LEAST_BYTES // len(languages.encode()))
    return found


def encoding_of(name: str):
    """tiktoken's encoding with the ranks that this build uses, so that nothing else is fetched."""
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe
    from tiktoken_ext import openai_public

    ranks = str(ROOT / f"build/bench/ranks/{name}.tiktoken")
    openai_public.load_tiktoken_bpe = lambda *_, **__: load_tiktoken_bpe(ranks)
    return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[name]())


def ours(encoding: str, file: Path, seconds: float) -> dict:
    output = subprocess.run([ROOT / "build/bench/tokens_bench", encoding, file, str(seconds)], check=True,
                            capture_output=True, text=True).stdout
    return json.loads(output)


def theirs(encoder, text: str, seconds: float) -> dict:
    best, total = float("inf"), 0.0
    while total < seconds:
        before = time.thread_time()
        ids = encoder.encode_ordinary(text)
        took = time.thread_time() - before
        best, total = min(best, took), total + took
    digest = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()
    return {"seconds": best, "tokens": len(ids), "ids_sha256": digest}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    prepare()
    print(f"{'encoding':<12} {'text':<10} {'MB':>5} {'tokens':>8} {'ours MB/s':>10} {'tiktoken MB/s':>14} {'ratio':>6}")
    for name in ENCODINGS:
        encoder = encoding_of(name)
        for kind, text in texts().items():
            with tempfile.NamedTemporaryFile(suffix=".txt") as file:
                file.write(text.encode())
                file.flush()
                rounds = [(ours(name, Path(file.name), args.seconds / args.rounds),
                           theirs(encoder, text, args.seconds / args.rounds)) for _ in range(args.rounds)]
            if len({side["ids_sha256"] for both in rounds for side in both}) != 1:
                sys.exit(f"tokens.py: {name}, {kind}: the ids differ")
            megabytes = len(text.encode()) / 1e6
            own, other = (megabytes / min(both[side]["seconds"] for both in rounds) for side in (0, 1))
            print(f"{name:<12} {kind:<10} {megabytes:5.1f} {rounds[0][0]['tokens']:8} {own:10.1f} {other:14.1f} "
                  f"{own / other:6.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
