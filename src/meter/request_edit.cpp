// Changes to a request body that leave every other byte as the client sent it. The body is JSON that simdjson has
// accepted, so a few lines find where a top-level member stands; no value is ever parsed and written again.
#include <optional>

#include "base/assert.h"
#include "meter/request_edit.h"

namespace meter {
namespace {

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view in(std::string_view text) const { return text.substr(begin, end - begin); }
};

// Walks the top-level members of a JSON object.
class Members {
 public:
  explicit Members(std::string_view object) : text_(object) {
    skip_space();
    take('{');
    begin_ = at_;
    skip_space();
  }

  // Where the first member stands or would stand.
  std::size_t begin() const { return begin_; }
  bool at_end() const { return peek() == '}'; }
  // The next member: its key as written, without the quotes, and the span of its value.
  std::string_view next(Span& value) {
    const Span quoted = span_of(&Members::skip_string);
    skip_space();
    take(':');
    skip_space();
    value = span_of(&Members::skip_value);
    skip_space();
    if (peek() == ',') {
      ++at_;
      skip_space();
    }
    return text_.substr(quoted.begin + 1, quoted.end - quoted.begin - 2);
  }

 private:
  char peek() const {
    ASSERT(at_ < text_.size());  // the text is valid JSON; its end is never met here
    return text_[at_];
  }
  void take(char c) {
    ASSERT(peek() == c);
    ++at_;
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  Span span_of(void (Members::*skip)()) {
    Span span{at_, 0};
    (this->*skip)();
    span.end = at_;
    return span;
  }
  // To behind the first quote that no odd run of backslashes escapes.
  void skip_string() {
    take('"');
    for (const std::size_t begin = at_;; ++at_) {
      at_ = text_.find('"', at_);
      ASSERT(at_ != std::string_view::npos);
      std::size_t backslashes = 0;
      while (at_ - backslashes > begin && text_[at_ - backslashes - 1] == '\\') ++backslashes;
      if (backslashes % 2 == 0) break;
    }
    ++at_;
  }
  void skip_value() {
    std::size_t depth = 0;
    do {
      switch (peek()) {
        case '"': skip_string(); break;
        case '{':
        case '[':
          ++depth;
          ++at_;
          break;
        case '}':
        case ']':
          --depth;
          ++at_;
          break;
        default: skip_plain(depth != 0);
      }
    } while (depth != 0);
  }
  // Numbers and literals; inside a structure the commas, colons and blanks between values too.
  void skip_plain(bool inside) {
    const std::string_view ends = inside ? std::string_view("\"{}[]") : std::string_view(",}] \n\r\t");
    while (at_ < text_.size() && ends.find(text_[at_]) == std::string_view::npos) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return (c | 0x20) - 'a' + 10;
}

// Whether a key as written means `key`. An escape may hide a letter ("m\u006fdel"), and the parser has seen through it.
bool means(std::string_view written, std::string_view key) {
  if (written.find('\\') == std::string_view::npos) return written == key;
  std::size_t matched = 0;
  for (std::size_t at = 0; at < written.size(); ++matched) {
    int c = static_cast<unsigned char>(written[at++]);
    if (c == '\\') {
      if (written[at++] != 'u') return false;  // \n, \" and the like stand in no name of the dialect
      c = 0;
      for (int digit = 0; digit < 4; ++digit) c = c * 16 + hex_digit(written[at++]);
    }
    if (matched >= key.size() || c != static_cast<unsigned char>(key[matched])) return false;
  }
  return matched == key.size();
}

std::optional<Span> find_member(std::string_view object, std::string_view key) {
  Members members(object);
  while (!members.at_end()) {
    Span value;
    if (means(members.next(value), key)) return value;
  }
  return std::nullopt;
}

std::string replaced(std::string_view text, Span span, std::string_view with) {
  std::string out;
  out.reserve(text.size() - (span.end - span.begin) + with.size());
  out.append(text.substr(0, span.begin)).append(with).append(text.substr(span.end));
  return out;
}

}  // namespace

std::string with_member(std::string_view body, std::string_view path, std::string_view value) {
  const auto dot = path.find('.');
  const std::string_view key = path.substr(0, dot);
  const auto found = find_member(body, key);
  std::string nested;
  if (dot != std::string_view::npos) {
    const bool is_object = found && found->in(body).starts_with('{');
    nested = with_member(is_object ? found->in(body) : "{}", path.substr(dot + 1), value);
    value = nested;
  }
  if (found) return replaced(body, *found, value);
  const Members members(body);
  std::string member;
  member.append(1, '"').append(key).append("\":").append(value);
  if (!members.at_end()) member.append(1, ',');
  return replaced(body, Span{members.begin(), members.begin()}, member);
}

std::string with_usage_in_stream(std::string_view body) {
  return with_member(body, "stream_options.include_usage", "true");
}

bool asks_for_usage(const Endpoint& endpoint) noexcept {
  return endpoint.dialect == Dialect::chat && (endpoint.name == "chat.completions" || endpoint.name == "completions");
}

}  // namespace meter
