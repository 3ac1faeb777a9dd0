#include "base/utf8.h"

#include <doctest/doctest.h>

TEST_CASE("what is no UTF-8 is replaced, and nothing else changes") {
  CHECK(base::valid_utf8("").empty());
  CHECK(base::valid_utf8("grün – 𝐓") == "grün – 𝐓");
  CHECK(base::valid_utf8("a\xff!") == "a\uFFFD!");
  const std::string whole = "𝐓𝐡";
  for (const std::size_t cut : {1, 2, 3}) {
    const std::string made = base::valid_utf8("'" + whole.substr(0, 4 + cut) + "'");
    CAPTURE(cut);
    CHECK(made.starts_with("'𝐓\uFFFD"));
    CHECK(made.ends_with("'"));
    CHECK(made.size() == 1 + 4 + 3 + 1);
    CHECK(base::valid_utf8(made) == made);
  }
  CHECK(base::valid_utf8("\"\x80\x80é\x80!") == "\"\uFFFD\uFFFDé\uFFFD!");
  CHECK(base::valid_utf8("\xed\xa0\x80") != "\xed\xa0\x80");  // half of a surrogate pair
  CHECK(base::valid_utf8("\xc0\xaf") != "\xc0\xaf");          // longer than it need be
}
