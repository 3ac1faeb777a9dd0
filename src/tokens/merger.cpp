#include "tokens/merger.h"

#include <algorithm>
#include <array>
#include <functional>

#include "base/assert.h"

namespace tokens {

std::span<const TokenId> Merger::merge(std::string_view piece) {
  ASSERT(piece.size() >= 2 && piece.size() < UINT32_MAX);
  if (piece.size() > sizeof Remembered::bytes) {
    merge_anew(piece);
    return tokens_;
  }
  if (memory_.empty()) memory_.resize(remembered_pieces);
  Remembered& place = memory_[hash_of(piece.data(), piece.size()) % remembered_pieces];
  if (std::string_view(place.bytes.data(), place.size) == piece) return {place.tokens.data(), place.count};
  merge_anew(piece);
  remember(piece, place);
  return tokens_;
}

void Merger::remember(std::string_view piece, Remembered& place) const {
  if (tokens_.size() > place.tokens.size()) return;
  std::ranges::copy(piece, place.bytes.begin());
  std::ranges::copy(tokens_, place.tokens.begin());
  place.size = static_cast<std::uint8_t>(piece.size());
  place.count = static_cast<std::uint8_t>(tokens_.size());
}

void Merger::merge_anew(std::string_view piece) {
  tokens_.clear();
  if (piece.size() <= short_piece)
    merge_short(piece);
  else
    merge_long(piece);
}

void Merger::merge_short(std::string_view piece) {
  // Where each part begins, with the piece's end behind the last one, and what it and the next one are together.
  std::array<std::uint8_t, short_piece + 1> begins;
  std::array<TokenId, short_piece + 1> joined;
  std::size_t parts = piece.size();
  for (std::size_t i = 0; i <= parts; ++i) begins[i] = static_cast<std::uint8_t>(i);
  const auto look_up = [&](std::size_t part) {
    const bool has_next = part + 2 <= parts;
    joined[part] =
        has_next ? find(piece.data() + begins[part], std::size_t{begins[part + 2]} - begins[part]) : no_token;
  };
  for (std::size_t i = 0; i < parts; ++i) look_up(i);

  for (;;) {
    const auto lowest = static_cast<std::size_t>(std::min_element(joined.begin(), joined.begin() + parts) -
                                                 joined.begin());  // the leftmost of equals
    if (joined[lowest] == no_token) break;
    std::copy(begins.begin() + lowest + 2, begins.begin() + parts + 1, begins.begin() + lowest + 1);
    std::copy(joined.begin() + lowest + 2, joined.begin() + parts, joined.begin() + lowest + 1);
    --parts;
    look_up(lowest);
    if (lowest > 0) look_up(lowest - 1);
  }
  for (std::size_t i = 0; i < parts; ++i)
    tokens_.push_back(ranks_.find(piece.data() + begins[i], std::size_t{begins[i + 1]} - begins[i]));
}

TokenId Merger::rank_of_pair(std::string_view piece, std::uint32_t at) {
  const std::uint32_t next = parts_[at].next;
  if (next == piece.size()) return no_token;
  return find(piece.data() + at, parts_[next].next - at);
}

void Merger::queue(std::uint32_t at) {
  if (parts_[at].joined == no_token) return;
  ++work_.queued;
  queue_.push_back(std::uint64_t{parts_[at].joined} << 32 | at);
}

void Merger::start_long(std::string_view piece) {
  const auto size = static_cast<std::uint32_t>(piece.size());
  parts_.resize(size);
  queue_.clear();
  for (std::uint32_t i = 0; i < size; ++i) parts_[i] = {.next = i + 1, .previous = i == 0 ? 0 : i - 1, .joined = 0};
  for (std::uint32_t i = 0; i < size; ++i) {
    parts_[i].joined = rank_of_pair(piece, i);
    queue(i);
  }
  std::make_heap(queue_.begin(), queue_.end(), std::greater<>());
}

// Makes the part at `at` and the one behind it one, and looks at the two pairs that this changes.
void Merger::join(std::string_view piece, std::uint32_t at) {
  const std::uint32_t gone = parts_[at].next;
  const std::uint32_t behind = parts_[gone].next;
  parts_[at].next = behind;
  if (behind < piece.size()) parts_[behind].previous = at;
  parts_[gone].joined = no_token;

  const auto look_again = [&](std::uint32_t part) {
    const TokenId before = parts_[part].joined;
    parts_[part].joined = rank_of_pair(piece, part);
    if (parts_[part].joined == no_token || parts_[part].joined == before) return;
    queue(part);
    std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
  };
  parts_[at].joined = no_token;  // its entry is used up
  look_again(at);
  if (at > 0) look_again(parts_[at].previous);
}

void Merger::merge_long(std::string_view piece) {
  start_long(piece);
  while (!queue_.empty()) {
    const std::uint64_t lowest = queue_.front();
    std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
    queue_.pop_back();
    const auto at = static_cast<std::uint32_t>(lowest);
    // A pair that has changed since it was queued stands in the queue again as what it is now.
    if (parts_[at].joined == static_cast<TokenId>(lowest >> 32)) join(piece, at);
  }
  for (std::uint32_t at = 0; at < piece.size(); at = parts_[at].next)
    tokens_.push_back(ranks_.find(piece.data() + at, parts_[at].next - at));
  if (parts_.size() > kept_parts) {
    parts_ = {};
    queue_ = {};
  }
}

}  // namespace tokens
