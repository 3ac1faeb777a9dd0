"""check_model must not take a search for good that failed, broke off or never took a step."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import check_model

DONE = """
(Spin Version 6.5.2 -- 6 December 2019)
State-vector 204 byte, depth reached 400, errors: 0
   983856 states, stored
  332.663\ttotal actual memory usage
unreached in proctype Fate
\tlease_model/lease.pml:598, state 65, "D_STEP598"
\tlease_model/lease.pml:644, state 537, "-end-"
"""
VIOLATED = """pan:1: assertion violated never_over (at depth 39)
pan: wrote lease.pml.trail
Warning: Search not completed
State-vector 204 byte, depth reached 39, errors: 1
     1997 states, stored
"""


class CheckModel(unittest.TestCase):
    def test_a_whole_search_without_errors_holds(self):
        result = check_model.read_report(DONE)
        self.assertEqual((result.found, result.trouble), ("", ""))
        self.assertEqual((result.states, result.memory_mb), (983_856, 332.663))

    def test_a_failure_is_known_by_its_property(self):
        self.assertEqual(check_model.read_report(VIOLATED).found, "never_over")
        cycle = VIOLATED.replace("assertion violated never_over", "acceptance cycle")
        self.assertEqual(check_model.read_report(cycle).found, "money_comes_back")

    def test_another_error_is_no_property_and_no_success(self):
        ended = VIOLATED.replace("assertion violated never_over", "invalid end state")
        result = check_model.read_report(ended)
        self.assertEqual(result.found, "")
        self.assertTrue(result.trouble)

    def test_a_search_that_broke_off_says_nothing(self):
        for report in ("", "pan: out of memory\n", "Warning: Search not completed\n" + DONE,
                       "error: max search depth too small\n" + DONE):
            self.assertTrue(check_model.read_report(report).trouble, report)

    def test_steps_never_taken_are_found_by_their_line(self):
        self.assertEqual(check_model.read_report(DONE).unreached, {598})

    def test_the_way_names_processes_with_what_they_were_started_with(self):
        replay = ("  9:\tproc  2 (Calls) -:337 (state 425)\t[(guard)]\n"
                  " 10:\tproc  2 (Calls) -:337 (state 4)\t[D_STEP337]\n"
                  " 11:\tproc  3 (Wire) -:479 (state 42)\t[D_STEP479]\n"
                  "local vars proc 2 (Calls):\n\tbyte   n:\t1\n"
                  "local vars proc 3 (Wire):\n\tbyte   n:\t0\n\tbyte   r:\t2\n")
        self.assertEqual(check_model.read_way(replay), (("Calls(1)", 337), ("Wire(0, 2)", 479)))

    def test_every_rule_that_can_be_left_out_is_left_out_once(self):
        text = check_model.MODEL.read_text()
        switches = text[text.index("#define nothing"):text.index("#ifndef BROKEN")]
        named = {line.split()[1] for line in switches.splitlines() if line.startswith("#define")} - {"nothing"}
        self.assertEqual(named, set(check_model.BROKEN))


if __name__ == "__main__":
    unittest.main()
