#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "catalog/route.h"
#include "catalog/secret_store.h"

namespace catalog {

// Where the secret comes from that an upstream is called with.
enum class SecretSource : std::uint8_t { none, configuration, store };
std::string_view to_string(SecretSource source) noexcept;

// Whether a header carries it as it is: visible ASCII. A line break would end the field and begin another one.
bool is_sendable(std::string_view secret);

// What an operator may know of an upstream.
struct UpstreamEntry {
  const Upstream* upstream = nullptr;  // never null; lives as long as what was declared
  SecretSource source = SecretSource::none;
};

// The owner of the secrets that the configuration does not set: checks every change, stores it, then hands it over to
// whoever calls upstreams. What the configuration sets wins and is not changed here. It keeps no secret itself and
// gives none back. Thread-safe; a change is durable and in force when the call returns. Errors name the field (`name`,
// `secret`) and never a secret.
class UpstreamSecrets {
 public:
  // Called with the secret that the upstream is called with from now on; empty: none. In order, from the thread that
  // made the change.
  using Listener = std::function<void(const std::string& upstream, const base::Secret& secret)>;

  // `declared` is what the configuration names.
  UpstreamSecrets(std::span<const Upstream> declared, SecretStore& store) : declared_(declared), store_(store) {}

  // One listener, set before use.
  void on_change(Listener listener) { listener_ = std::move(listener); }
  // What a start needs: tells the listener every secret that is in use. Gives the names of the others that the store
  // holds: of an upstream that is not declared, or that the configuration gives another secret. A secret that cannot be
  // read fails, used or not: its loss is to be known at the start, not when it is needed.
  base::Result<std::vector<std::string>> load();

  // nullptr: the configuration declares no such upstream.
  const Upstream* find(std::string_view name) const;
  // In the configuration's order.
  base::Result<std::vector<UpstreamEntry>> list();
  // not_found: no such upstream; conflict: the configuration sets its secret; invalid_request: no header carries it.
  base::Result<UpstreamEntry> set(std::string_view upstream, const base::Secret& secret);
  // not_found: the store holds none. One that is not in use, or of an upstream that is not declared, may go too.
  base::Status remove(std::string_view upstream);

 private:
  std::unexpected<base::Error> unknown(std::string_view name) const;
  void tell(const Upstream& upstream, const base::Secret& secret);

  const std::span<const Upstream> declared_;
  SecretStore& store_;
  std::mutex changing_;  // one change at a time, until all are told
  Listener listener_;
};

}  // namespace catalog
