#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/route.h"

namespace catalog {

// An account whose calls are known by their path: `/v1/<code>/…` is its endpoint, and who calls it sends the
// provider's key of his own, which goes on to the base URL and is kept nowhere. Its name, its parent and whether it is
// active are the account's.
struct Limiter {
  base::AccountId id;   // the account's
  std::string code;     // is_path_code(); never another limiter's, not even when this one is removed
  base::KeyId key;      // that its calls are booked on; nobody has a secret of it
  base::LimitId limit;  // its budget, in usd
  std::string base_url;
  std::string provider;             // whose dialect and prices are its own (meter::providers)
  std::vector<std::string> models;  // patterns (limit_filter.h) of those that may be asked for; empty: all
  // The model behind each deployment, where addresses name those (Azure): prices go by models.
  std::map<std::string, std::string, std::less<>> deployments;
  base::WallTime created;
  std::optional<base::WallTime> removed = std::nullopt;

  bool operator==(const Limiter&) const = default;
};

// What a path code may be: 8 to 64 small letters, digits, '-' and '_', a letter and a digit among them. No provider's
// path has such a segment behind /v1, and none that has is given away.
bool is_path_code(std::string_view text);
// 12 small letters and digits: 62 bits, which nobody guesses.
std::string new_path_code(base::Random& random);
// invalid_request with the field `code`: it is none, or a word of the providers' paths.
base::Status check_path_code(std::string_view text);

// The code in a path, and the prefix that ends with it: `/v1/<code>` or `/t/<code>`.
struct CodedPath {
  std::string_view code;
  std::string_view prefix;
};
std::optional<CodedPath> coded_path(std::string_view path);

// Which base URLs limiters may have: where a call goes is the operator's decision, else a limiter would be a way into
// his own network.
class AddressRules {
 public:
  // Any public host, over https.
  static AddressRules any_public() {
    AddressRules rules;
    rules.patterns_.emplace_back("*");
    return rules;
  }
  // How far an address that is allowed may lie.
  enum class Reach : std::uint8_t {
    anywhere,    // the configuration names it
    public_only  // it fits a pattern: it may be called at public addresses alone, whatever its name leads to
  };
  // "https://*" is any public host, "https://*.openai.azure.com" those below a name, "http://10.0.0.5:8000" that one
  // wherever it is. Patterns are for https alone. invalid_request: it is none of these.
  base::Status allow(std::string_view rule);
  // An upstream that the configuration declares is as good as a rule of its own.
  void allow(const Upstream& declared) { exact_.push_back(declared); }
  // nullopt: it is not allowed.
  std::optional<Reach> reach_of(const Upstream& upstream) const;
  // As they are written: "https://*.openai.azure.com".
  std::vector<std::string> rules() const;
  // What the configuration declares at that scheme, host and port; nullptr: nothing.
  const Upstream* declared_at(const Upstream& upstream) const;

 private:
  std::vector<Upstream> exact_;
  std::vector<std::string> patterns_;  // of hosts
};

// The upstream of a limiter: no secret, and what the configuration says of the same host (ca_file and such).
// invalid_request with the field `base_url`: it is none, or is not allowed.
base::Result<Upstream> upstream_of(std::string_view base_url, std::string_view provider, const AddressRules& rules);

}  // namespace catalog
