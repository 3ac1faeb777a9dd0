#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "identity/user.h"
#include "net/fetch.h"
#include "sign_on/provider.h"
#include "sign_on/ticket.h"

namespace sign_on {

// Talks to the provider. What it says of itself, and its keys, are kept for an hour; keys are asked for again where a
// token is signed by another one, at most once a minute. Errors are upstream_error and upstream_timeout where it does
// not answer as it should. On one loop's thread.
class Client {
 public:
  // `ca_file`: PEM of the authorities to trust in place of the system's; empty: the system's. It is read here.
  static base::Result<std::unique_ptr<Client>> create(net::Loop& loop, const Provider& provider,
                                                      const std::string& ca_file);

  const Provider& provider() const { return provider_; }
  // Where to send a browser that has this ticket.
  net::Task<base::Result<std::string>> authorization_url(const Ticket& ticket);
  // Who has come back with a code; beside them the errors of read_id_token and visitor_of.
  net::Task<base::Result<identity::ProviderUser>> find_visitor(const Ticket& ticket, std::string_view code);

 private:
  struct Kept {
    std::string text;
    std::int64_t asked_ms = 0;
  };
  Client(net::Loop& loop, const Provider& provider, std::unique_ptr<net::TlsClientContext> tls)
      : loop_(loop), provider_(provider), tls_(std::move(tls)) {}

  // A reply of 200.
  net::Task<base::Result<std::string>> ask(const std::string& url, std::string_view what, net::FetchRequest request);
  net::Task<base::Result<std::string>> get(const std::string& url, std::string_view what);
  net::Task<base::Result<ProviderDocument>> document();
  net::Task<base::Result<std::string>> keys(const std::string& url, std::int64_t no_older_than_ms);
  net::Task<base::Result<base::Json>> claims(const ProviderDocument& document, const Ticket& ticket,
                                             std::string_view id_token);
  net::Task<base::Result<base::Json>> userinfo(const ProviderDocument& document, std::string_view access_token);

  net::Loop& loop_;
  const Provider& provider_;
  std::unique_ptr<net::TlsClientContext> tls_;
  std::optional<Kept> document_;
  std::optional<Kept> keys_;
};

}  // namespace sign_on
