"""tidy must fail on each rule's known-bad text and stay silent on its neighbour that is fine."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import tidy


class Tidy(unittest.TestCase):
    def code(self, text: str, name: str = "src/quota/engine.cpp") -> list[str]:
        return tidy.check_code(name, text)

    def test_a_file_has_fewer_than_500_lines_or_says_why(self):
        self.assertEqual(self.code("x;\n" * 499), [])
        self.assertIn("500 lines", self.code("x;\n" * 500)[0])
        self.assertEqual(self.code("// One table; long because each model is a row.\n" + "x;\n" * 600), [])

    def test_a_function_has_fewer_than_70_lines(self):
        def function(lines: int) -> str:
            return "int f(int a) {\n" + "  g(a);\n" * (lines - 2) + "}\n"
        self.assertEqual(self.code(function(69)), [])
        self.assertIn("a function of 70 lines", self.code(function(70))[0])

    def test_a_constructor_ends_where_its_name_began_not_where_its_initializers_did(self):
        body = "  World(int a)\n      : a_(a) {\n    b();\n  }\n" + "  int c();\n" * 80 + "      }\n"
        self.assertEqual(tidy.check_code("src/quota/x.cpp", body), [])

    def test_a_namespace_or_class_may_be_longer_than_a_function(self):
        body = "  int f() const { return 1; }\n" * 80
        self.assertEqual(self.code("namespace quota {\nclass A : public B<int()> {\n" + body + "};\n}\n"), [])

    def test_lines_have_at_most_120_columns_counted_in_characters(self):
        self.assertEqual(self.code("x" * 120 + "\n" + "ä" * 120), [])
        self.assertIn("121 columns", self.code("x" * 121)[0])

    def test_money_rooms_have_no_floating_point(self):
        for room in ("meter", "ledger", "quota"):
            self.assertIn("floating point", self.code("double cost = 0.1;\n", f"src/{room}/a.cpp")[0])
        self.assertEqual(self.code("double seconds = 0.1;\n", "src/net/a.cpp"), [])
        self.assertEqual(self.code("double share = 0.5;  // not money: a statistic\n"), [])
        self.assertEqual(self.code('auto s = "float";  // a float in words\n'), [])

    def test_a_todo_has_a_kind(self):
        self.assertEqual(self.code("// TODO(perf): one pass\n"), [])
        for text in ("// TODO: one pass\n", "// TODO(me): one pass\n", "// FIXME later\n"):
            self.assertIn("TODO(soon", self.code(text)[0])

    def test_a_header_begins_with_pragma_once(self):
        self.assertIn("#pragma once", self.code("int f();\n", "src/net/a.h")[0])
        self.assertEqual(self.code("#pragma once\nint f();\n", "src/net/a.h"), [])

    def test_a_document_has_one_title_and_code_blocks_do_not_count(self):
        self.assertEqual(tidy.check_document("a.md", "# A\n\n```sh\n# a comment\n```\n"), [])
        self.assertIn("2 first-level", tidy.check_document("a.md", "# A\n\n# B\n")[0])
        self.assertIn("0 first-level", tidy.check_document("a.md", "text\n")[0])


if __name__ == "__main__":
    unittest.main()
