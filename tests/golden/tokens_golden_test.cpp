// The tokenizer against ids on which three independent encoders agree (README.md of the recordings, "Tokens").
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/sha256.h"
#include "tokens/tokenizer.h"

namespace {

// Of the ids in decimal, joined by commas: how long ids are recorded.
std::string digest_of(const std::vector<tokens::TokenId>& ids) {
  return base::to_hex(base::sha256(fmt::format("{}", fmt::join(ids, ","))));
}

void check_vector(const base::Json& vector, tokens::Encoding encoding, tokens::Tokenizer& tokenizer) {
  const base::Json* const expected = vector.find(tokens::to_string(encoding));
  REQUIRE(expected != nullptr);
  const std::string& text = vector.find("text")->text();
  std::vector<tokens::TokenId> ids;
  tokenizer.encode(text, ids);
  CHECK(std::to_string(tokenizer.count(text)) == expected->find("count")->text());
  CHECK(std::to_string(ids.size()) == expected->find("count")->text());
  CHECK(digest_of(ids) == expected->find("ids_sha256")->text());
}

}  // namespace

TEST_CASE("recorded texts have the ids that other encoders gave them") {
  const char* traffic = std::getenv("METERGATE_TRAFFIC");
  if (traffic == nullptr || *traffic == '\0') {
    fmt::print("golden: skipped, METERGATE_TRAFFIC is not set\n");
    return;
  }
  std::ifstream file(std::filesystem::path(traffic) / "token_vectors_open.json", std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto document = base::Json::parse(content);
  if (!document) FAIL(document.error().message);
  const base::Json* const vectors = document->find("vectors");
  REQUIRE(vectors != nullptr);
  REQUIRE(!vectors->items().empty());
  for (const tokens::Encoding encoding : tokens::encodings) {
    tokens::Tokenizer tokenizer(encoding);
    for (const base::Json& vector : vectors->items()) {
      CAPTURE(vector.find("id")->text());
      CAPTURE(vector.find("category")->text());
      check_vector(vector, encoding, tokenizer);
    }
  }
  fmt::print("golden: {} texts have their ids in each encoding\n", vectors->items().size());
}
