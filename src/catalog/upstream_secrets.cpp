#include "catalog/upstream_secrets.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace catalog {
namespace {

constexpr std::size_t secret_bytes_max = 4096;  // common servers refuse a head of 8 KiB
constexpr std::size_t shown = 64;               // of a name that somebody else wrote

base::Status check_secret(std::string_view secret) {
  if (secret.empty())
    return base::invalid("'secret' is empty; give the provider's key, or remove the one that is stored", "secret");
  if (!is_sendable(secret))
    return base::invalid(
        "'secret' holds a space, a line break or another character that a header cannot carry; give the provider's key "
        "and nothing else",
        "secret");
  if (secret.size() > secret_bytes_max)
    return base::invalid(
        fmt::format("'secret' has more than {} characters; give the provider's key and nothing else", secret_bytes_max),
        "secret");
  return {};
}

}  // namespace

std::string_view to_string(SecretSource source) noexcept {
  switch (source) {
    case SecretSource::none: return "none";
    case SecretSource::configuration: return "configuration";
    case SecretSource::store: return "store";
  }
  return "none";
}

bool is_sendable(std::string_view secret) {
  return std::ranges::all_of(secret, [](char c) { return c > ' ' && c < 0x7F; });
}

const Upstream* UpstreamSecrets::find(std::string_view name) const {
  const auto at = std::ranges::find(declared_, name, &Upstream::name);
  return at == declared_.end() ? nullptr : &*at;
}

std::unexpected<base::Error> UpstreamSecrets::unknown(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const Upstream& upstream : declared_) names.push_back(upstream.name);
  const auto near = base::near_miss(name, names);
  return base::fail(base::ErrorType::not_found,
                    fmt::format("the configuration has no upstream '{}'; {}", name.substr(0, shown),
                                near ? fmt::format("did you mean '{}'?", *near) : "name it under 'upstreams' first"),
                    "name", base::Source::client);
}

void UpstreamSecrets::tell(const Upstream& upstream, const base::Secret& secret) {
  if (listener_) listener_(upstream.name, secret);
}

base::Result<std::vector<std::string>> UpstreamSecrets::load() {
  const std::lock_guard lock(changing_);
  TRY(const auto names, store_.secret_names());
  std::vector<std::string> unused;
  for (const std::string& name : names) {
    TRY(const auto secret, store_.find_secret(name));
    const Upstream* const upstream = find(name);
    if (upstream == nullptr || !upstream->secret.empty()) {
      unused.push_back(name);
    } else if (secret) {
      tell(*upstream, *secret);
    }
  }
  return unused;
}

base::Result<std::vector<UpstreamEntry>> UpstreamSecrets::list() {
  TRY(const auto stored, store_.secret_names());
  std::vector<UpstreamEntry> entries;
  for (const Upstream& upstream : declared_) {
    const bool in_store = std::ranges::find(stored, upstream.name) != stored.end();
    entries.push_back({&upstream, !upstream.secret.empty() ? SecretSource::configuration
                                  : in_store               ? SecretSource::store
                                                           : SecretSource::none});
  }
  return entries;
}

base::Result<UpstreamEntry> UpstreamSecrets::set(std::string_view name, const base::Secret& secret) {
  const Upstream* const upstream = find(name);
  if (upstream == nullptr) return unknown(name);
  if (!upstream->secret.empty())
    return base::fail(base::ErrorType::conflict,
                      fmt::format("the configuration sets the key of '{}', and what it sets wins over the store; take "
                                  "it out of the file or the environment, restart, and set it here then",
                                  upstream->name),
                      "name", base::Source::client);
  TRY_STATUS(check_secret(secret.reveal()));

  const std::lock_guard lock(changing_);
  TRY_STATUS(store_.put_secret(upstream->name, secret));
  tell(*upstream, secret);
  return UpstreamEntry{upstream, SecretSource::store};
}

base::Status UpstreamSecrets::remove(std::string_view name) {
  const Upstream* const upstream = find(name);
  const std::lock_guard lock(changing_);
  if (auto removed = store_.remove_secret(name); !removed) {
    if (removed.error().type != base::ErrorType::not_found) return removed;
    if (upstream == nullptr) return unknown(name);
    return base::fail(base::ErrorType::not_found,
                      fmt::format("the store holds no key of '{}'{}", upstream->name,
                                  upstream->secret.empty() ? "" : "; the configuration sets it, take it out there"),
                      "name", base::Source::client);
  }
  if (upstream != nullptr && upstream->secret.empty()) tell(*upstream, base::Secret());
  return {};
}

}  // namespace catalog
