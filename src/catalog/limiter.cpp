#include "catalog/limiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "catalog/base_url.h"
#include "catalog/limit_filter.h"

namespace catalog {
namespace {

constexpr std::string_view characters = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t code_characters = 12;
constexpr std::size_t characters_min = 8;
constexpr std::size_t characters_max = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

bool same_place(const Upstream& a, const Upstream& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

}  // namespace

bool is_path_code(std::string_view text) {
  if (text.size() < characters_min || text.size() > characters_max) return false;
  const auto allowed = [](char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '_'; };
  return std::ranges::any_of(text, is_digit) && std::ranges::any_of(text, is_letter) &&
         std::ranges::all_of(text, allowed);
}

std::string new_path_code(base::Random& random) {
  // A byte of 252 (7 × 36) or more is drawn again: every character is as likely as any other.
  constexpr unsigned fair_bytes = 7 * characters.size();
  static_assert(characters.size() == 36 && fair_bytes <= 256);
  std::string code;
  while (!is_path_code(code)) {
    code.clear();
    while (code.size() < code_characters) {
      std::array<std::byte, 32> bytes{};
      random.fill(bytes);
      for (const std::byte byte : bytes) {
        const auto value = std::to_integer<unsigned>(byte);
        if (value < fair_bytes && code.size() < code_characters) code += characters[value % characters.size()];
      }
    }
  }
  return code;
}

base::Status check_path_code(std::string_view text) {
  static constexpr std::string_view words[] = {
      "assistants", "audio",     "batches", "budget",   "chat",   "completions", "embeddings",
      "files",      "images",    "limits",  "messages", "models", "moderations", "openai",
      "realtime",   "responses", "threads", "usage",    "v1",     "v1beta",      "vector_stores"};
  if (std::ranges::find(words, text) != std::end(words))
    return base::invalid(fmt::format("'code' is '{}', which is a word of the providers' own paths", text), "code");
  if (is_path_code(text)) return {};
  return base::invalid(
      fmt::format("'code' is '{}'; it takes {} to {} small letters, digits, '-' and '_', with at least one "
                  "letter and one digit; leave it out, and one is made that nobody guesses",
                  text.substr(0, characters_max), characters_min, characters_max),
      "code");
}

std::optional<CodedPath> coded_path(std::string_view path) {
  const std::size_t from = path.starts_with("/v1/") ? 4 : path.starts_with("/t/") ? 3 : 0;
  if (from == 0) return std::nullopt;
  const std::string_view segment = path.substr(from, path.find_first_of("/?", from) - from);
  if (!is_path_code(segment)) return std::nullopt;
  return CodedPath{segment, path.substr(0, from + segment.size())};
}

base::Status AddressRules::allow(std::string_view rule) {
  constexpr std::string_view https = "https://";
  if (rule.find('*') == std::string_view::npos) {
    Upstream upstream;
    TRY_STATUS(parse_base_url(rule, upstream));
    if (!upstream.base_path.empty()) return base::invalid("must end with the host or its port: paths are not compared");
    exact_.push_back(std::move(upstream));
    return {};
  }
  const std::string_view host = rule.starts_with(https) ? rule.substr(https.size()) : std::string_view();
  const bool below = host.starts_with("*.") && host.size() > 3 && host.find_first_of("*/:?#@ ", 1) == std::string::npos;
  if (host != "*" && !below)
    return base::invalid(
        "must be https://* (any public host), https://*.example.com (those below a name), or a host without '*', such "
        "as http://10.0.0.5:8000");
  patterns_.emplace_back(host);
  return {};
}

std::optional<AddressRules::Reach> AddressRules::reach_of(const Upstream& upstream) const {
  if (std::ranges::any_of(exact_, [&](const Upstream& one) { return same_place(one, upstream); }))
    return Reach::anywhere;
  if (upstream.scheme != "https" || upstream.port != 443) return std::nullopt;
  const auto fits = [&](const std::string& pattern) { return fits_pattern(pattern, upstream.host); };
  return std::ranges::any_of(patterns_, fits) ? std::optional(Reach::public_only) : std::nullopt;
}

std::vector<std::string> AddressRules::rules() const {
  std::vector<std::string> all;
  for (const std::string& host : patterns_) all.push_back(fmt::format("https://{}", host));
  for (const Upstream& one : exact_) {
    Upstream place = one;
    place.base_path.clear();
    all.push_back(catalog::base_url(place));
  }
  return all;
}

const Upstream* AddressRules::declared_at(const Upstream& upstream) const {
  const auto found =
      std::ranges::find_if(exact_, [&](const Upstream& one) { return !one.name.empty() && same_place(one, upstream); });
  return found == exact_.end() ? nullptr : &*found;
}

base::Result<Upstream> upstream_of(std::string_view base_url, std::string_view provider, const AddressRules& rules) {
  constexpr std::size_t most = 500;  // it stands in every usage record
  if (base_url.size() > most)
    return base::invalid(fmt::format("'base_url' has {} characters; it takes at most {}", base_url.size(), most),
                         "base_url");
  Upstream upstream;
  if (const auto parsed = parse_base_url(base_url, upstream); !parsed)
    return base::invalid(fmt::format("'base_url' {}", parsed.error().message), "base_url");
  upstream.provider = provider;
  if (upstream.base_path.empty() && !has_own_paths(provider)) upstream.base_path = "/v1";
  if (!rules.reach_of(upstream))
    return base::invalid(fmt::format("'base_url' is {}, which the configuration does not allow: 'limiters.allow' says "
                                     "which hosts may be called",
                                     catalog::base_url(upstream)),
                         "base_url");
  upstream.output_cap_field = default_output_cap_field(upstream.host);
  if (const Upstream* const declared = rules.declared_at(upstream)) {
    upstream.ca_file = declared->ca_file;
    upstream.output_cap_field = declared->output_cap_field;
    upstream.on_hangup = declared->on_hangup;
  }
  upstream.name = catalog::base_url(upstream);
  upstream.credential = {.place = Credential::Place::none};
  upstream.circuit.failures = 0;  // there is nowhere else to go, and a client's wrong key says nothing of the upstream
  return upstream;
}

}  // namespace catalog
