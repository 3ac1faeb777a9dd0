#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace sign_on {

// What a browser keeps in a cookie from the moment at which it is sent to the provider until it is back, so that a
// login is finished only by who began it. Everything that goes to the provider follows from its seed, and the seed
// from nothing of that.
class Ticket {
 public:
  // `return_to`: the page to show afterwards; what is no plain path on this site becomes "/".
  static Ticket create(base::Random& random, std::string_view return_to);
  // nullopt: it is no ticket's cookie.
  static std::optional<Ticket> parse(std::string_view cookie);

  std::string cookie() const;  // of characters that a cookie may have
  const std::string& return_to() const { return return_to_; }
  std::string state() const { return derived("state"); }
  std::string nonce() const { return derived("nonce"); }
  std::string verifier() const { return derived("verifier"); }  // RFC 7636 section 4.1
  std::string challenge() const;                                // section 4.2, "S256"

 private:
  Ticket(std::string seed, std::string_view return_to);
  std::string derived(std::string_view purpose) const;

  std::string seed_;  // 32 random bytes in base64url
  std::string return_to_;
};

}  // namespace sign_on
