"""check_layers must say what is wrong, and nothing else. Each test builds a small tree with one fault."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_layers

LAYERS = '[rooms]\nbase = []\nmeter = ["base"]\nquota = ["base"]\nstore = ["base", "quota"]\napp = ["base"]\n'


class CheckLayers(unittest.TestCase):
    def problems(self, files: dict[str, str], layers: str = LAYERS) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "layers.toml").write_text(layers)
            for name, text in {"src/base/money.h": "", **files}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check_layers.check(root)

    def test_an_allowed_include_is_silent(self):
        self.assertEqual(self.problems({"src/quota/a.h": '#include "base/money.h"\n#include "quota/b.h"\n'}), [])

    def test_a_forbidden_include_is_named(self):
        found = self.problems({"src/quota/a.cpp": '\n#include "store/sqlite.h"\n'})
        self.assertEqual(found, ['src/quota/a.cpp:2: "store/sqlite.h": quota may not include store'])

    def test_a_test_may_use_the_reference_store_and_fixtures_only(self):
        text = '#include "store/memory/store.h"\n#include "tests/support/world.h"\n'
        self.assertEqual(self.problems({"src/quota/a_test.cpp": text}), [])
        self.assertEqual(len(self.problems({"src/quota/a.cpp": text})), 2)
        self.assertEqual(len(self.problems({"src/quota/a_test.cpp": '#include "store/sqlite/db.h"\n'})), 1)

    def test_an_unknown_room_is_named_as_folder_and_as_include(self):
        self.assertEqual(self.problems({"src/cash/a.h": ""}), ["src/cash: layers.toml knows no such room"])
        self.assertIn('knows no room "cash"', self.problems({"src/meter/a.h": '#include "cash/a.h"\n'})[0])

    def test_an_include_without_a_room_is_refused(self):
        self.assertIn("has no room", self.problems({"src/meter/a.h": '#include "usage.h"\n'})[0])

    def test_a_cycle_is_shown(self):
        found = self.problems({}, '[rooms]\nbase = []\nmeter = ["quota"]\nquota = ["meter"]\n')
        self.assertEqual(found, ["layers.toml: a cycle: meter -> quota -> meter"])

    def test_sql_lives_only_in_store(self):
        use = "int x = sqlite3_step(s);\n"
        self.assertEqual(self.problems({"src/store/a.cpp": use}), [])
        self.assertEqual(len(self.problems({"src/quota/a.cpp": use})), 1)
        self.assertEqual(len(self.problems({"src/quota/a.cpp": "#include <sqlite3.h>\n"})), 1)
        self.assertEqual(self.problems({"src/quota/a.cpp": "// like sqlite3_step does\n"}), [])

    def test_only_base_clock_and_app_read_a_clock(self):
        use = "auto t = std::chrono::steady_clock::now();\n"
        self.assertEqual(self.problems({"src/base/system_clock.cpp": use, "src/app/main.cpp": use}), [])
        self.assertEqual(len(self.problems({"src/base/log.cpp": use})), 1)
        self.assertEqual(len(self.problems({"src/meter/a.cpp": "clock_gettime(CLOCK_REALTIME, &t);\n"})), 1)


if __name__ == "__main__":
    unittest.main()
