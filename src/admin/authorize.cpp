#include "admin/authorize.h"

namespace admin {
namespace {

using identity::ActorKind;
using identity::Role;

std::unexpected<base::Error> unauthorized(std::string message) {
  return base::fail(base::ErrorType::unauthorized, std::move(message), {}, base::Source::client);
}

Caller caller_of(const identity::LoggedIn& found, const Request& request) {
  const bool is_user = found.user.has_value();
  return {.role = found.role(),
          .account = found.account(),
          .actor = {.kind = is_user ? ActorKind::user : ActorKind::admin_key,
                    .id = is_user ? found.user->id.to_string() : std::string(),
                    .name = std::string(found.name()),
                    .address = request.address},
          .session = found.session.id};
}

base::Result<Caller> from_cookie(Services& services, const Request& request) {
  TRY(const identity::LoggedIn found, services.sessions.find(request.session_cookie));
  const bool changes = request.method != "GET" && request.method != "HEAD";
  if (changes && !services.sessions.keys().csrf_token_fits(found.session.id, request.csrf_token))
    return base::fail(base::ErrorType::forbidden,
                      "send the session's 'csrf_token' as 'X-CSRF-Token': a cookie alone changes nothing", {},
                      base::Source::client);
  return caller_of(found, request);
}

base::Result<Caller> from_key(const Services& services, const Request& request) {
  const base::Sha256 hash = base::sha256(request.credential);
  Caller caller{.role = Role::admin,
                .actor = {.kind = ActorKind::admin_key, .name = "environment", .address = request.address}};
  const auto& environment_hash = services.options.environment_admin_key_hash;
  if (environment_hash && base::equal_in_constant_time(*environment_hash, hash)) return caller;

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
  if (entry->ends && *entry->ends <= services.clock.wall_now())
    return unauthorized("this admin key has expired, or its secret was replaced");
  caller.actor.id = entry->key->id.to_string();
  caller.actor.name = entry->key->name;
  return caller;
}

}  // namespace

base::Result<Caller> authorize(Services& services, const Request& request) {
  if (request.trust == Trust::local)
    return Caller{.role = Role::admin, .actor = {.kind = ActorKind::local, .name = "command line"}};
  if (!request.credential.empty()) {
    if (std::ranges::count(request.credential, '.') != 2) return from_key(services, request);
    TRY(const identity::LoggedIn found, services.sessions.find(request.credential));
    return caller_of(found, request);
  }
  if (!request.session_cookie.empty()) return from_cookie(services, request);
  return unauthorized("send an admin key or a session's token as 'Authorization: Bearer KEY' or 'X-Admin-Key: KEY'");
}

bool is_admin_key(const catalog::Catalog& catalog, const std::optional<base::Sha256>& environment_hash,
                  const base::Clock& clock, const base::Sha256& hash) {
  if (environment_hash && base::equal_in_constant_time(*environment_hash, hash)) return true;
  const auto entry = catalog.current()->find_key(hash);
  return entry && entry->key->role == catalog::KeyRole::admin && entry->usable &&
         (!entry->ends || *entry->ends > clock.wall_now());
}

}  // namespace admin
