#include "tokens/tokenizer.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/seeded_random.h"

using tokens::Encoding;
using tokens::TokenId;
using tokens::Tokenizer;

namespace {

std::vector<TokenId> ids_of(Encoding encoding, std::string_view text) {
  Tokenizer tokenizer(encoding);
  std::vector<TokenId> ids;
  tokenizer.encode(text, ids);
  return ids;
}

std::string text_of(Encoding encoding, const std::vector<TokenId>& ids) {
  std::string text;
  for (const TokenId id : ids) text += tokens::ranks_of(encoding).bytes_of(id);
  return text;
}

std::string repeated(std::string_view part, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += part;
  return text;
}

// Pieces of text of many kinds, one after another.
std::string random_text(tests::SeededRandom& random) {
  static constexpr std::string_view parts[] = {" ",
                                               "\n",
                                               "\r\n",
                                               "\t",
                                               "a",
                                               "The",
                                               "HTTP",
                                               "don't",
                                               "'LL",
                                               "1234567",
                                               "/",
                                               "{\"a\":",
                                               "\xC3\xA9",
                                               "\xE4\xB8\xAD",
                                               "\xD0\x9F\xD1\x80",
                                               "\xF0\x9F\x98\x80",
                                               "\xCC\x81",
                                               "\xE2\x80\xA8",
                                               "<|endoftext|>",
                                               "\xFF",
                                               "zqxjkvbpw",
                                               "    "};
  std::string text;
  for (auto left = random.between(0, 60); left > 0; --left)
    text += parts[static_cast<std::size_t>(random.between(0, std::ssize(parts) - 1))];
  return text;
}

}  // namespace

TEST_CASE("known texts have their ids") {
  CHECK(ids_of(Encoding::o200k_base, "").empty());
  CHECK(ids_of(Encoding::o200k_base, "hello world") == std::vector<TokenId>{24912, 2375});
  CHECK(ids_of(Encoding::cl100k_base, "hello world") == std::vector<TokenId>{15339, 1917});
  CHECK(ids_of(Encoding::cl100k_base, "tiktoken is great!") == std::vector<TokenId>{83, 1609, 5963, 374, 2294, 0});
}

TEST_CASE("the names of special tokens are ordinary text") {
  CHECK(ids_of(Encoding::o200k_base, "<|endoftext|>") == std::vector<TokenId>{27, 91, 419, 1440, 919, 91, 29});
  CHECK(ids_of(Encoding::cl100k_base, "<|endoftext|>") == std::vector<TokenId>{27, 91, 8862, 728, 428, 91, 29});
}

TEST_CASE("the bytes of the ids are the text, and a count is how many they are") {
  tests::SeededRandom random(11);
  for (const Encoding encoding : tokens::encodings) {
    Tokenizer tokenizer(encoding);
    for (int i = 0; i < 500; ++i) {
      const std::string text = random_text(random);
      std::vector<TokenId> ids;
      tokenizer.encode(text, ids);
      CHECK(text_of(encoding, ids) == text);
      CHECK(tokenizer.count(text) == static_cast<std::int64_t>(ids.size()));
    }
  }
}

TEST_CASE("ids are added behind those that are there, and nothing stays from the text before") {
  Tokenizer tokenizer(Encoding::o200k_base);
  std::vector<TokenId> ids{7};
  tokenizer.encode(repeated("qz", 100'000), ids);
  ids.resize(1);
  tokenizer.encode("hello world", ids);
  CHECK(ids == std::vector<TokenId>{7, 24912, 2375});
}

TEST_CASE("a long piece is merged as a short one is") {
  // 64 bytes are merged in one way, 65 in another; the first 60 of "a" and what follows a cut are the same in both.
  const auto merged = [](std::size_t size) { return ids_of(Encoding::cl100k_base, std::string(size, 'a')); };
  CHECK(merged(64) == std::vector<TokenId>(8, 70540));
  CHECK(merged(72) == std::vector<TokenId>(9, 70540));
}

TEST_CASE("work grows with the text, whatever it repeats") {
  constexpr std::size_t size = 1'000'000;
  for (const std::string_view part :
       {"a", "A", " ", "\n", " \n", "!", "1", "ab", "\xE4\xB8\xAD",
        "\xE4\xB8\xAD"
        "A",
        "\xCC\x81", "\xF0\x9F\x98\x80", "'s", "\xFF", "\xCC\x81 ", "/\n", "zqxj", "0123456789abcdef"}) {
    CAPTURE(part);
    const std::string text = repeated(part, size);
    for (const Encoding encoding : tokens::encodings) {
      Tokenizer tokenizer(encoding);
      CHECK(tokenizer.count(text) > 0);
      const auto work = tokenizer.work();
      const auto bytes = static_cast<std::int64_t>(text.size());
      CHECK(work.scanned_bytes <= 4 * bytes);
      CHECK(work.merging.lookups <= 3 * bytes);
      CHECK(work.merging.queued <= 3 * bytes);
    }
  }
}

TEST_CASE("an encoding is found by its name alone") {
  for (const Encoding encoding : tokens::encodings)
    CHECK(tokens::encoding_named(tokens::to_string(encoding)) == encoding);
  CHECK(!tokens::encoding_named("o200k"));
  CHECK(!tokens::encoding_named(""));
}
