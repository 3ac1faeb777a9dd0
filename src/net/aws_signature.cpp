#include "net/aws_signature.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/rfc3339.h"
#include "base/secret.h"

namespace net {
namespace {

using Pair = std::pair<std::string, std::string>;

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
bool is_unreserved(char byte) {
  const char small = static_cast<char>(byte | 0x20);
  return is_digit(byte) || (small >= 'a' && small <= 'z') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}
bool is_hex(char byte) {
  const char small = static_cast<char>(byte | 0x20);
  return is_digit(byte) || (small >= 'a' && small <= 'f');
}
bool is_escape(std::string_view text) {
  return text.size() >= 3 && text[0] == '%' && is_hex(text[1]) && is_hex(text[2]);
}

void escape(std::string& out, char byte) { out += fmt::format("%{:02X}", static_cast<unsigned char>(byte)); }

char small_letter(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte; }

// The wire's text with each byte escaped that need be, an escape's own '%' too: so it is encoded twice.
std::string encoded_again(std::string_view path) {
  std::string out;
  for (const char byte : path) {
    if (is_unreserved(byte) || byte == '/')
      out += byte;
    else
      escape(out, byte);
  }
  return out;
}

// Without empty segments, "." and ".." (RFC 3986, 5.2.4).
std::string canonical_path(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    at = end + 1;
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (!segment.empty() && segment != "." && segment != "..") segments.push_back(segment);
  }
  std::string out;
  for (const std::string_view segment : segments) out += "/" + encoded_again(segment);
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

// Escapes stay, in capitals, and what is not unreserved is escaped.
std::string canonical_query_part(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_escape(text.substr(i))) {
      for (const char byte : text.substr(i, 3))
        out += is_hex(byte) && !is_digit(byte) ? static_cast<char>(byte & ~0x20) : byte;
      i += 2;
    } else if (is_unreserved(text[i])) {
      out += text[i];
    } else {
      escape(out, text[i]);
    }
  }
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<Pair> parameters;
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string_view parameter = query.substr(at, end - at);
    at = end + 1;
    if (parameter.empty()) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    parameters.emplace_back(canonical_query_part(parameter.substr(0, equals)),
                            canonical_query_part(parameter.substr(std::min(equals + 1, parameter.size()))));
  }
  std::ranges::sort(parameters);
  std::string out;
  for (const auto& [name, value] : parameters) out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, value);
  return out;
}

// Without white space at its ends, and a run of spaces as one.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char byte : value) {
    const bool space = byte == ' ' || byte == '\t';
    if (space && (out.empty() || out.back() == ' ')) continue;
    out += space ? ' ' : byte;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

// By name in small letters; those of one name are one, its values in their order.
std::vector<Pair> canonical_headers(const AwsRequest& request, std::string_view amz_date,
                                    std::string_view session_token) {
  std::vector<Pair> headers;
  const auto add = [&](std::string_view name, std::string_view value) {
    std::string small(name);
    std::ranges::transform(small, small.begin(), small_letter);
    headers.emplace_back(std::move(small), canonical_value(value));
  };
  for (const auto& [name, value] : request.headers) add(name, value);
  add("x-amz-date", amz_date);
  if (!session_token.empty()) add("x-amz-security-token", session_token);
  std::ranges::stable_sort(headers, {}, &Pair::first);
  std::vector<Pair> joined;
  for (Pair& header : headers) {
    if (!joined.empty() && joined.back().first == header.first)
      joined.back().second += "," + header.second;
    else
      joined.push_back(std::move(header));
  }
  return joined;
}

std::string_view bytes_of(const base::Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// "20150830T123600Z" of "2015-08-30T12:36:00.000Z".
std::string amz_date_of(base::WallTime now) {
  std::string text = base::to_rfc3339(now);
  text.erase(text.find('.'));
  std::erase_if(text, [](char byte) { return byte == '-' || byte == ':'; });
  return text + "Z";
}

}  // namespace

AwsSignature sign_for_aws(const AwsRequest& request, const AwsCredentials& credentials, const AwsScope& scope,
                          base::WallTime now) {
  AwsSignature signature{.amz_date = amz_date_of(now), .authorization = {}};
  std::string header_lines;
  std::string names;
  for (const auto& [name, value] : canonical_headers(request, signature.amz_date, credentials.session_token)) {
    header_lines += fmt::format("{}:{}\n", name, value);
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, canonical_path(request.path),
                  canonical_query(request.query), header_lines, names, base::to_hex(request.body));
  const std::string_view day = std::string_view(signature.amz_date).substr(0, 8);
  const std::string scoped = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", signature.amz_date, scoped, base::to_hex(base::sha256(canonical)));
  const base::Secret first_key(fmt::format("AWS4{}", credentials.secret_access_key));
  base::Sha256 key = base::hmac_sha256(first_key.reveal(), day);
  for (const std::string_view part :
       {scope.region, scope.service, std::string_view("aws4_request"), std::string_view(to_sign)})
    key = base::hmac_sha256(bytes_of(key), part);
  signature.authorization = fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                                        credentials.access_key_id, scoped, names, base::to_hex(key));
  return signature;
}

std::string aws_path(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (is_unreserved(path[i]) || path[i] == '/' || is_escape(path.substr(i)))
      out += path[i];
    else
      escape(out, path[i]);
  }
  return out;
}

}  // namespace net
