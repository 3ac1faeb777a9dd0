#include "catalog/call_rule.h"

#include <doctest/doctest.h>

#include <vector>

using catalog::CallRule;

TEST_CASE("a rule's path fits segment by segment") {
  struct Row {
    const char* rule;
    const char* path;
    bool fits;
  };
  for (const Row& row : {
           Row{"/search", "/search", true},
           Row{"/search", "/searches", false},
           Row{"/search", "/search/x", false},
           Row{"/search", "", false},
           Row{"/a/*/c", "/a/b/c", true},
           Row{"/a/*/c", "/a/c", false},
           Row{"/a/*/c", "/a/b/b/c", false},
           Row{"/a/*", "/a/b", true},
           Row{"/a/*", "/a", false},
           Row{"/a/**", "/a/b/c", true},
           Row{"/a/**", "/a", true},
           Row{"/a/**", "/ab", false},
           Row{"/**", "/anything/at/all", true},
           Row{"/**", "", true},
           Row{"/**", "/", true},
       }) {
    CAPTURE(row.rule);
    CAPTURE(row.path);
    CHECK(catalog::fits_path(row.rule, row.path) == row.fits);
  }
}

TEST_CASE("the first rule that fits decides, and another method is told from another path") {
  const std::vector<CallRule> rules{{.name = "one", .method = "POST", .path = "/a"},
                                    {.name = "any", .method = {}, .path = "/b/*"},
                                    {.name = "late", .method = "GET", .path = "/b/c"}};
  bool any_method = false;
  CHECK(catalog::find_call(rules, "POST", "/a", any_method) == rules.data());
  CHECK(catalog::find_call(rules, "GET", "/a", any_method) == nullptr);
  CHECK(any_method);
  CHECK(catalog::find_call(rules, "GET", "/b/c", any_method) == &rules[1]);
  CHECK(catalog::find_call(rules, "GET", "/c", any_method) == nullptr);
  CHECK_FALSE(any_method);
}
