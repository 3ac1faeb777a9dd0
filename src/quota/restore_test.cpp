#include "quota/restore.h"

#include <doctest/doctest.h>

using namespace quota;

TEST_CASE("a store is behind its journals if they know of a later commit or a later process") {
  const LeftBehind left{.store = {}, .incarnation = 3, .marks = {}, .commit = 40};
  struct Row {
    const char* name;
    std::uint64_t commit;
    std::vector<std::int64_t> others;
    const char* why;  // empty: it is not
  };
  for (const Row& row :
       {Row{"as the last process left it", 40, {}, ""}, Row{"its last commits were not noted", 12, {}, ""},
        Row{"without journals", 0, {}, ""}, Row{"journals of earlier processes", 40, {1, 2}, ""},
        Row{"one commit behind", 41, {}, "it has made 40 commits, and the journals know of 41"},
        Row{"of an earlier process",
            40,
            {2, 5, 4},
            "its last process is number 3, and there are journals of number 5"}}) {
    CAPTURE(row.name);
    journal::Report report;
    report.store_commit = row.commit;
    report.other_incarnations = row.others;
    CHECK(why_behind(report, left) == row.why);
  }
}
