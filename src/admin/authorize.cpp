#include "admin/authorize.h"

namespace admin {
namespace {

std::unexpected<base::Error> unauthorized(std::string message) {
  return base::fail(base::ErrorType::unauthorized, std::move(message), {}, base::Source::client);
}

}  // namespace

base::Status authorize(const Services& services, const Request& request) {
  if (request.trust == Trust::local) return {};
  if (request.credential.empty())
    return unauthorized("send an admin key as 'Authorization: Bearer KEY' or 'X-Admin-Key: KEY'");
  const base::Sha256 hash = base::sha256(request.credential);
  const auto& environment_hash = services.options.environment_admin_key_hash;
  if (environment_hash && base::equal_in_constant_time(*environment_hash, hash)) return {};

  const auto snapshot = services.catalog.current();
  const auto entry = snapshot->find_key(hash);
  if (!entry) {
    const bool mistyped = request.credential.starts_with("mg_") && !catalog::is_well_formed_secret(request.credential);
    return unauthorized(mistyped ? "this key is mistyped or cut off: its checksum does not fit"
                                 : "this key is not known here");
  }
  if (entry->key->role == catalog::KeyRole::data)
    return base::fail(base::ErrorType::forbidden,
                      "this is a data key, which calls the proxy; the control plane takes an admin key", {},
                      base::Source::client);
  if (!entry->usable) return unauthorized("this admin key was revoked");
  if (entry->key->expires && *entry->key->expires <= services.clock.wall_now())
    return unauthorized("this admin key has expired");
  return {};
}

}  // namespace admin
