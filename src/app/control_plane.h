#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "admin/api.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/trusted_proxies.h"
#include "sign_on/provider.h"

namespace app {

// The control plane's own thread, loop and listeners: TCP, and the data folder's Unix socket for the command line of
// who owns the folder. It may wait for the store and hang without the data plane noticing.
class ControlPlane {
 public:
  struct Listeners {
    std::optional<net::Address> tcp;
    std::optional<net::Address> local;  // a Unix socket; its permissions are the key
    net::TrustedProxies trusted_proxies = {};
    const sign_on::Provider* provider = nullptr;  // that people log in with, over TCP; outlives this
    std::string provider_ca_file = {};            // see sign_on::Client
  };
  // `every_minute` runs on the control plane's thread, for the first time when it starts.
  static base::Result<std::unique_ptr<ControlPlane>> create(
      admin::Api& api, Listeners listeners, const base::Clock& clock, std::function<void()> every_minute = [] {});
  ~ControlPlane();

  void start();
  void stop();
  const std::optional<net::Address>& address() const { return listeners_.tcp; }

 private:
  struct Plane;
  ControlPlane() = default;

  Listeners listeners_;
  std::function<void()> every_minute_;
  std::unique_ptr<Plane> plane_;
};

}  // namespace app
