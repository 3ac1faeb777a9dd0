#pragma once
// For the tests of this room: who signs, as a provider does.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <jansson.h>
extern "C" {
#include <jose/jwk.h>
#include <jose/jws.h>
}

#include <cstdlib>
#include <memory>
#include <string>

#include "base/clock.h"
#include "sign_on/base64.h"

namespace sign_on::testing {

struct JsonFree {
  void operator()(json_t* value) const { json_decref(value); }
};
using Jansson = std::unique_ptr<json_t, JsonFree>;

inline std::string text_of(const json_t* value) {
  char* const text = json_dumps(value, JSON_COMPACT);
  std::string copy(text);
  std::free(text);
  return copy;
}

// One key pair, or one secret of a client's.
class Signer {
 public:
  explicit Signer(const char* algorithm) : algorithm_(algorithm), key_(json_pack("{s:s}", "alg", algorithm)) {
    REQUIRE(jose_jwk_gen(nullptr, key_.get()));
  }
  std::string keys() const {
    const Jansson shown(json_deep_copy(key_.get()));
    if (!std::string_view(algorithm_).starts_with("HS")) REQUIRE(jose_jwk_pub(nullptr, shown.get()));
    return fmt::format(R"({{"keys":[{}]}})", text_of(shown.get()));
  }
  std::string sign(const std::string& claims, const char* more_of_header = "{}") const {
    const Jansson jws(json_pack("{s:s}", "payload", to_base64url(claims).c_str()));
    const Jansson sig(json_object());
    json_t* const header = json_loads(more_of_header, 0, nullptr);
    json_object_set_new(header, "alg", json_string(algorithm_));
    json_object_set_new(sig.get(), "protected", header);
    REQUIRE(jose_jws_sig(nullptr, jws.get(), sig.get(), key_.get()));
    const auto part = [&](const char* name) {
      return std::string(json_string_value(json_object_get(jws.get(), name)));
    };
    return part("protected") + "." + part("payload") + "." + part("signature");
  }

 private:
  const char* algorithm_;
  Jansson key_;
};

struct Claims {
  base::WallTime now;
  std::string issuer = "https://id.acme.example";
  std::string audience = R"("metergate")";
  std::int64_t expires_s = now.ms / 1000 + 300;
  std::int64_t issued_s = now.ms / 1000;
  std::string nonce = "n-1";
  std::string subject = "248289761001";
  std::string more = {};  // further members, each after a comma

  std::string text() const {
    return fmt::format(R"({{"iss":"{}","aud":{},"exp":{},"iat":{},"nonce":"{}","sub":"{}"{}}})", issuer, audience,
                       expires_s, issued_s, nonce, subject, more);
  }
};

}  // namespace sign_on::testing
