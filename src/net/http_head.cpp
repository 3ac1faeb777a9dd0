#include "net/http_head.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace net {
namespace {

using base::Error;
using base::ErrorType;
using base::Result;

// RFC 9110 section 5.6.2: the characters of a token.
constexpr auto token_table = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();
// Field content: visible characters, space, tab and obs-text.
constexpr auto value_table = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0x20; c < 256; ++c) table[c] = c != 0x7F;
  table['\t'] = true;
  return table;
}();
constexpr auto target_table = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0x21; c < 0x7F; ++c) table[c] = true;
  return table;
}();

bool in(const std::array<bool, 256>& table, char c) { return table[static_cast<unsigned char>(c)]; }

// Whether all characters may stand in a field's value; eight at a time, since nearly all of them may.
bool is_field_value(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
  constexpr std::uint64_t tops = 0x80 * ones;
  const auto below = [](std::uint64_t eight, std::uint64_t least) { return (eight - least * ones) & ~eight & tops; };
  while (text.size() >= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data(), 8);
    if ((below(eight, 0x20) | below(eight ^ 0x7F * ones, 1)) != 0) break;  // a tab may be among them
    text.remove_prefix(8);
  }
  return std::ranges::all_of(text, [](char c) { return in(value_table, c); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// What the framing rules need to know of the fields, gathered while they are read.
struct Framings {
  int content_lengths = 0;
  std::string_view content_length;
  int transfer_encodings = 0;
  std::string_view transfer_encoding;
  int hosts = 0;
  bool close = false;
  bool keep_alive = false;
  bool expects_continue = false;
  bool unknown_expectation = false;
  bool accepts_trailers = false;
};

void note(const Field& field, Framings& seen) {
  switch (field.known) {
    case FieldName::te: seen.accepts_trailers = has_token(field.value, "trailers"); break;
    case FieldName::host: ++seen.hosts; break;
    case FieldName::expect:
      seen.expects_continue = equals_ignoring_case(field.value, "100-continue");
      seen.unknown_expectation = !seen.expects_continue;
      break;
    case FieldName::connection:
      seen.close = seen.close || has_token(field.value, "close");
      seen.keep_alive = seen.keep_alive || has_token(field.value, "keep-alive");
      break;
    case FieldName::content_length:
      ++seen.content_lengths;
      seen.content_length = field.value;
      break;
    case FieldName::transfer_encoding:
      ++seen.transfer_encodings;
      seen.transfer_encoding = field.value;
      break;
    default: break;
  }
}

// Reads a head's lines one by one. Every failure is a sentence for the peer.
class HeadScanner {
 public:
  HeadScanner(std::string_view bytes, ErrorType type, const HeadLimits& limits)
      : bytes_(bytes.substr(0, limits.bytes)), whole_(bytes.size() <= limits.bytes), type_(type), limits_(limits) {}

  std::unexpected<Error> bad(std::string message) const { return base::fail(type_, std::move(message)); }
  // The error of a head that did not end: too large, or nullopt for "read more".
  Result<bool> incomplete() const {
    if (whole_ && bytes_.size() < limits_.bytes) return false;
    return base::fail(type_ == ErrorType::upstream_error ? type_ : ErrorType::headers_too_large,
                      "the message head is larger than 16 KB");
  }

  // The next line without its CRLF into `text`; false if it is not complete.
  Result<bool> line(std::string_view& text) {
    const char* const begin = bytes_.data() + at_;
    const auto* const end = static_cast<const char*>(std::memchr(begin, '\n', bytes_.size() - at_));
    if (end == nullptr) return false;
    if (end == begin || end[-1] != '\r') return bad("a line of the message head ends in a bare LF");
    text = {begin, end - 1};
    at_ += text.size() + 2;
    return true;
  }

  // All fields up to the blank line; false if it has not come yet.
  Result<bool> fields(std::vector<Field>& fields, Framings& seen) {
    fields.clear();
    for (std::string_view text;;) {
      TRY(const bool complete, line(text));
      if (!complete) return false;
      if (text.empty()) return true;
      if (fields.size() == limits_.fields)
        return base::fail(type_ == ErrorType::upstream_error ? type_ : ErrorType::headers_too_large,
                          "the message head has more than 100 fields");
      Field& field = fields.emplace_back();
      if (const char* const wrong = read_field(text, field); wrong != nullptr) return bad(wrong);
      note(field, seen);
    }
  }

  std::size_t consumed() const { return at_; }

 private:
  // What is wrong with a field's line; nullptr: nothing.
  static const char* read_field(std::string_view text, Field& into) {
    std::size_t colon = 0;
    while (colon < text.size() && in(token_table, text[colon])) ++colon;
    if (colon == 0 && (text[0] == ' ' || text[0] == '\t')) return "a header field is folded over lines (obs-fold)";
    if (colon == 0 || colon == text.size() || text[colon] != ':')
      return "a header field has no valid name followed by ':'";
    into.name = text.substr(0, colon);
    into.value = trimmed(text.substr(colon + 1));
    into.known = field_name_of(into.name);
    return is_field_value(into.value) ? nullptr : "a header field has a control character in its value";
  }

  std::string_view bytes_;
  bool whole_;
  ErrorType type_;
  const HeadLimits& limits_;
  std::size_t at_ = 0;
};

struct BodyLength {
  Framing framing = Framing::none;
  std::int64_t length = 0;
};

// RFC 9112 section 6.3, with everything ambiguous refused.
Result<BodyLength> body_length(const Framings& seen, int minor_version, const HeadScanner& scanner) {
  if (seen.transfer_encodings > 0) {
    if (seen.content_lengths > 0) return scanner.bad("both Content-Length and Transfer-Encoding are given");
    if (seen.transfer_encodings > 1) return scanner.bad("Transfer-Encoding is given more than once");
    if (minor_version == 0) return scanner.bad("Transfer-Encoding is not part of HTTP/1.0");
    if (!equals_ignoring_case(seen.transfer_encoding, "chunked"))
      return scanner.bad("the only Transfer-Encoding accepted is chunked");
    return BodyLength{Framing::chunked, 0};
  }
  if (seen.content_lengths == 0) return BodyLength{};
  if (seen.content_lengths > 1) return scanner.bad("Content-Length is given more than once");
  std::int64_t length = 0;
  if (seen.content_length.empty() || seen.content_length.size() > 18)
    return scanner.bad("Content-Length is not a length");
  for (const char c : seen.content_length) {
    if (c < '0' || c > '9') return scanner.bad("Content-Length is not a length");
    length = length * 10 + (c - '0');
  }
  return BodyLength{length == 0 ? Framing::none : Framing::length, length};
}

bool keeps_alive(const Framings& seen, int minor_version) {
  return minor_version == 1 ? !seen.close : seen.keep_alive && !seen.close;
}

// "HTTP/1.0" or "HTTP/1.1"; -1 for anything else.
int minor_version_of(std::string_view text) {
  if (text == "HTTP/1.1") return 1;
  if (text == "HTTP/1.0") return 0;
  return -1;
}

Result<bool> request_line(std::string_view line, const HeadScanner& scanner, RequestHead& head) {
  std::size_t at = 0;
  while (at < line.size() && in(token_table, line[at])) ++at;
  if (at == 0 || at > 32 || at == line.size() || line[at] != ' ')
    return scanner.bad("the request line has no valid method");
  head.method = line.substr(0, at++);
  const std::size_t start = at;
  while (at < line.size() && in(target_table, line[at])) ++at;
  head.target = line.substr(start, at - start);
  if (at == line.size() || line[at] != ' ' || head.target.empty())
    return scanner.bad("the request line has no valid target");
  head.minor_version = minor_version_of(line.substr(at + 1));
  if (head.minor_version < 0) return scanner.bad("the request line does not end in HTTP/1.1 or HTTP/1.0");
  if (head.target.front() != '/' && !(head.target == "*" && head.method == "OPTIONS"))
    return scanner.bad("the request target must be a path beginning with '/'");
  return true;
}

Result<bool> status_line(std::string_view line, const HeadScanner& scanner, ResponseHead& head) {
  // "HTTP/1.1 200 OK"; some servers leave the reason and its space out.
  head.minor_version = minor_version_of(line.substr(0, 8));
  const auto digit = [&](std::size_t at) { return line[at] >= '0' && line[at] <= '9'; };
  if (head.minor_version < 0 || line.size() < 12 || line[8] != ' ' || !digit(9) || !digit(10) || !digit(11) ||
      (line.size() > 12 && line[12] != ' '))
    return scanner.bad("the reply does not begin with an HTTP/1.1 status line");
  head.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (head.status < 100 || head.status > 599) return scanner.bad("the reply has no valid status");
  head.reason = line.size() > 13 ? line.substr(13) : std::string_view();
  for (const char c : head.reason)
    if (!in(value_table, c)) return scanner.bad("the reply's reason has a control character");
  return true;
}

std::optional<std::string_view> find_field(std::span<const Field> fields, FieldName name) {
  for (const Field& field : fields)
    if (field.known == name) return field.value;
  return std::nullopt;
}

std::optional<std::string_view> find_field(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields)
    if (equals_ignoring_case(field.name, name)) return field.value;
  return std::nullopt;
}

}  // namespace

Result<std::optional<RequestHead>> parse_request_head(std::string_view bytes, std::vector<Field>& fields,
                                                      const HeadLimits& limits) {
  HeadScanner scanner(bytes, ErrorType::invalid_request, limits);
  RequestHead head;
  Framings seen;
  std::string_view line;
  TRY(bool complete, scanner.line(line));
  if (complete) {
    TRY_STATUS(request_line(line, scanner, head));
    TRY(complete, scanner.fields(fields, seen));
  }
  if (!complete) {
    TRY_STATUS(scanner.incomplete());
    return std::nullopt;
  }
  if (seen.hosts > 1 || (seen.hosts == 0 && head.minor_version == 1))
    return scanner.bad("exactly one Host field is needed");
  if (seen.unknown_expectation) return scanner.bad("the only Expect accepted is 100-continue");
  TRY(const BodyLength body, body_length(seen, head.minor_version, scanner));
  head.framing = body.framing;
  head.content_length = body.length;
  head.keep_alive = keeps_alive(seen, head.minor_version);
  head.expects_continue = seen.expects_continue && head.minor_version == 1;
  head.accepts_trailers = seen.accepts_trailers;
  head.fields = fields;
  head.size = scanner.consumed();
  return head;
}

Result<std::optional<ResponseHead>> parse_response_head(std::string_view bytes, std::vector<Field>& fields,
                                                        std::string_view method, const HeadLimits& limits) {
  HeadScanner scanner(bytes, ErrorType::upstream_error, limits);
  ResponseHead head;
  Framings seen;
  std::string_view line;
  TRY(bool complete, scanner.line(line));
  if (complete) {
    TRY_STATUS(status_line(line, scanner, head));
    TRY(complete, scanner.fields(fields, seen));
  }
  if (!complete) {
    TRY_STATUS(scanner.incomplete());
    return std::nullopt;
  }
  TRY(BodyLength body, body_length(seen, head.minor_version, scanner));
  head.keep_alive = keeps_alive(seen, head.minor_version);
  if (method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304) {
    body = BodyLength{};
  } else if (seen.transfer_encodings == 0 && seen.content_lengths == 0) {
    body.framing = Framing::until_close;
    head.keep_alive = false;
  }
  head.framing = body.framing;
  head.content_length = body.length;
  head.fields = fields;
  head.size = scanner.consumed();
  return head;
}

std::optional<std::string_view> RequestHead::find(std::string_view name) const { return find_field(fields, name); }
std::optional<std::string_view> RequestHead::find(FieldName name) const { return find_field(fields, name); }
std::optional<std::string_view> ResponseHead::find(std::string_view name) const { return find_field(fields, name); }
std::optional<std::string_view> ResponseHead::find(FieldName name) const { return find_field(fields, name); }

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals_ignoring_case(trimmed(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace net
