#include "catalog/limit_filter.h"

#include <doctest/doctest.h>

#include <string>

using catalog::check_filter;
using catalog::fits_pattern;
using catalog::LimitFilter;

TEST_CASE("a pattern fits what its wildcards can stand for") {
  struct Row {
    const char* pattern;
    const char* text;
    bool fits;
  };
  for (const Row& row : {Row{"gpt-4o*", "gpt-4o", true},
                         Row{"gpt-4o*", "gpt-4o-mini-2024-07-18", true},
                         Row{"gpt-4o*", "gpt-4", false},
                         Row{"gpt-4o*", "my-gpt-4o", false},
                         Row{"GPT-4o", "gpt-4O", true},
                         Row{"gpt-4o", "gpt-4o-mini", false},
                         Row{"*", "", true},
                         Row{"*", "anything/at:all", true},
                         Row{"", "", true},
                         Row{"", "x", false},
                         Row{"?", "", false},
                         Row{"gpt-?", "gpt-4", true},
                         Row{"gpt-?", "gpt-4o", false},
                         Row{"*-mini", "gpt-4o-mini", true},
                         Row{"*-mini", "gpt-4o-mini-mini", true},
                         Row{"*-mini", "gpt-4o-minis", false},
                         Row{"*4*mini*", "gpt-4o-mini-2024", true},
                         Row{"*4*mini*", "gpt-mini-4", false},
                         Row{"a*a", "a", false},
                         Row{"a**b", "ab", true},
                         Row{"*?*?*", "a", false},
                         Row{"*?*?*", "ab", true},
                         Row{"claude-3.5*", "claude-3-5-sonnet", false}}) {
    CAPTURE(row.pattern);
    CAPTURE(row.text);
    CHECK(fits_pattern(row.pattern, row.text) == row.fits);
  }
}

TEST_CASE("a pattern of many wildcards is no way to keep the gateway busy") {
  std::string pattern;
  for (int i = 0; i < 99; ++i) pattern += "*a";
  pattern += "*b";
  CHECK_FALSE(fits_pattern(pattern, std::string(100'000, 'a')));  // with a step back for every star, it never ends
}

TEST_CASE("a filter matches where each part that is set does") {
  CHECK(LimitFilter{}.empty());
  CHECK(LimitFilter{}.matches("gpt-4o", "openai", {}));
  const LimitFilter both{.model = "gpt-4*", .route = "openai"};
  CHECK_FALSE(both.empty());
  CHECK(both.matches("gpt-4o", "openai", {}));
  CHECK_FALSE(both.matches("gpt-4o", "OpenAI", {}));
  CHECK_FALSE(both.matches("o1", "openai", {}));
  CHECK_FALSE(LimitFilter{.route = "azure"}.matches("gpt-4o", "openai", {}));
  const LimitFilter tagged{.tag = "team=search"};
  CHECK(tagged.matches("gpt-4o", "openai", "env=prod,team=search"));
  CHECK_FALSE(tagged.matches("gpt-4o", "openai", "env=prod,team=ads"));
  CHECK_FALSE(tagged.matches("gpt-4o", "openai", {}));
}

TEST_CASE("what cannot be meant as a filter is refused by its field") {
  CHECK(check_filter({.model = "gpt-4o*", .route = "openai"}).has_value());
  struct Row {
    LimitFilter filter;
    const char* field;
    const char* says;
  };
  for (const Row& row :
       {Row{{.model = "gpt-4[o1]*"}, "model", "'[', which is no wildcard here"}, Row{{.model = "!o1"}, "model", "'!'"},
        Row{{.model = "gpt 4"}, "model", "visible ASCII"}, Row{{.model = "gpt\n"}, "model", "visible ASCII"},
        Row{{.model = std::string(201, 'x')}, "model", "201 characters"},
        Row{{.route = "öffentlich"}, "route", "visible ASCII"}}) {
    CAPTURE(row.says);
    const auto status = check_filter(row.filter);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().field == row.field);
    CHECK(status.error().message.contains(row.says));
  }
}
