#pragma once
// sign_on: people who log in with an OpenID provider of the operator's (OpenID Connect Core 1.0, Discovery 1.0): where
// a browser is sent, what the gateway asks the provider for when the browser is back, and what of its answers it
// believes. It opens no session and knows no users: that is identity's.
//
// Always: only the authorization code flow, with PKCE (RFC 7636), a state and a nonce that only this browser's ticket
// fits; a token counts only with the signature of one of the provider's published keys, of the one issuer, for this
// client, in its time; the provider is asked over TLS, or on this very machine.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "identity/user.h"
#include "sign_on/ticket.h"

namespace sign_on {

// Where the provider sends browsers back to.
inline constexpr std::string_view callback_path = "/api/auth/oidc/callback";
// Where a login begins.
inline constexpr std::string_view begin_path = "/api/auth/oidc";

struct Provider {
  std::string label;   // what the button of the pages says after "Log in with"
  std::string issuer;  // as its tokens say it
  std::string client_id;
  base::Secret client_secret;
  std::string redirect_uri;  // as it is registered there; ends with callback_path
  std::vector<std::string> scopes = {"openid", "profile", "email"};
  std::string username_claim = "email";
  std::string role_claim = {};                                     // empty: roles are given here
  std::vector<std::pair<std::string, identity::Role>> roles = {};  // what a value of role_claim stands for
};

// invalid_request, with a message that goes on from the name of what was read: no URL, a user name or a fragment in it,
// or neither https nor http to this machine (localhost, 127.0.0.1, ::1).
base::Status check_url(std::string_view url);

// What a provider says of itself under "/.well-known/openid-configuration".
struct ProviderDocument {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string jwks_uri;
  std::string userinfo_endpoint;  // empty: it has none
  bool secret_in_body = false;    // it takes client_secret_post, and no client_secret_basic
};
// upstream_error: what is missing, is of another issuer, or could not be asked safely.
base::Result<ProviderDocument> read_document(std::string_view json, const Provider& provider);

// Where a browser is sent with its ticket.
std::string authorization_url(const ProviderDocument& document, const Provider& provider, const Ticket& ticket);

// What gets the tokens for a code: a form, and the value of Authorization; the latter empty where the secret is in the
// former.
struct TokenRequest {
  std::string form;
  std::string authorization;
};
TokenRequest token_request(const ProviderDocument& document, const Provider& provider, const Ticket& ticket,
                           std::string_view code);

}  // namespace sign_on
