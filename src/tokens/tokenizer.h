#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tokens/encoding.h"
#include "tokens/merger.h"

namespace tokens {

// Turns text into tokens. It keeps its working memory from one text to the next, so that a token costs no allocation:
// one for each thread, and not two texts at a time.
class Tokenizer {
 public:
  explicit Tokenizer(Encoding encoding) : encoding_(encoding), ranks_(ranks_of(encoding)), merger_(ranks_) {}
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // How many tokens the text has. text.size() <= longest_text.
  std::int64_t count(std::string_view text);
  // Puts the ids behind what is in `out`. text.size() <= longest_text.
  void encode(std::string_view text, std::vector<TokenId>& out);
  static constexpr std::size_t longest_text = UINT32_MAX - 1;

  // What all texts until now took, for tests of how it grows.
  struct Work {
    std::int64_t scanned_bytes = 0;  // looked at to find where pieces end
    MergeWork merging;
  };
  Work work() const { return {.scanned_bytes = scanned_bytes_, .merging = merger_.work()}; }

 private:
  template <class Sink>
  void each_token(std::string_view text, Sink sink);

  Encoding encoding_;
  const RankTable& ranks_;
  Merger merger_;
  std::int64_t scanned_bytes_ = 0;
};

}  // namespace tokens
