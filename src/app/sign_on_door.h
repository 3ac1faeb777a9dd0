#pragma once

#include "admin/api.h"
#include "net/http_server.h"
#include "net/trusted_proxies.h"
#include "sign_on/client.h"

namespace app {

// The two addresses of a login with a provider, in front of the API: who begins one is sent away, and who comes back is
// found out and let in by the API. Others are served while the provider is asked. Everything else is handed on.
class SignOnDoor final : public net::Handler {
 public:
  // `client`: nullptr where there is no provider; then the API says that there are no such addresses.
  SignOnDoor(net::Handler& next, admin::Api& api, sign_on::Client* client, const net::TrustedProxies& proxies)
      : next_(next), api_(api), client_(client), proxies_(proxies) {}

  net::Task<void> serve(net::Incoming& incoming) override;
  std::string refuse(const base::Error& error) override { return next_.refuse(error); }

 private:
  net::Task<void> begin(net::Incoming& incoming);
  net::Task<void> come_back(net::Incoming& incoming);
  net::Task<base::Result<identity::ProviderUser>> find_visitor(const admin::Request& request,
                                                               const std::optional<sign_on::Ticket>& ticket);

  net::Handler& next_;
  admin::Api& api_;
  sign_on::Client* client_;
  const net::TrustedProxies& proxies_;
};

}  // namespace app
