"""The bugs of tests/sim/mutations.toml still find their places in the engine."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Mutations(unittest.TestCase):
    def test_each_bug_has_its_place(self):
        with tempfile.TemporaryDirectory() as out:
            done = subprocess.run([sys.executable, ROOT / "tests/sim/mutate.py", ROOT, out], text=True,
                                  capture_output=True)
        self.assertEqual(done.stdout, "", "the engine has changed: let mutations.toml follow")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
