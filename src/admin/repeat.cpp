#include "admin/repeat.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/change.h"
#include "admin/reply.h"
#include "base/log.h"

namespace admin {
namespace {

using idempotency::State;

constexpr std::size_t key_bytes_max = 255;
constexpr std::int64_t kept_ms = 24 * 3'600'000;
constexpr std::size_t kept_most = 1'000;
constexpr std::size_t reply_bytes_max = std::size_t{1} << 20;
// Keys of the data plane are within an API key; those of all callers of the control plane within this, with the caller
// in the digest.
constexpr base::KeyId control_plane{base::Uuid{{0, 0, 0, 0, 0, 0, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}}};
constexpr std::string_view line_end = "\r\n", colon = ": ";

Response refuse(const char* why, int status) {
  return problem({base::ErrorType::conflict, base::Source::client, why, "Idempotency-Key"}, status);
}

idempotency::KeptReply kept_of(const Response& response) {
  idempotency::KeptReply kept{.status = response.status, .fields = {}, .body = without_secrets(response.body)};
  kept.fields = fmt::format("Content-Type: {}\r\n", response.content_type);
  for (const auto& [name, value] : response.headers) kept.fields += fmt::format("{}: {}\r\n", name, value);
  return kept;
}

Response response_of(const idempotency::KeptReply& kept) {
  Response response{.status = kept.status, .content_type = {}, .body = kept.body, .headers = {}};
  for (std::string_view rest = kept.fields; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find(line_end));
    rest.remove_prefix(std::min(rest.size(), line.size() + line_end.size()));
    const auto at = line.find(colon);
    if (at == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, at), value = line.substr(at + colon.size());
    if (name == "Content-Type")
      response.content_type = value;
    else
      response.headers.emplace_back(name, value);
  }
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

Response answer_of(const idempotency::Standing& standing) {
  if (!standing.same_request)
    return refuse("this Idempotency-Key came with another call before: take a new one for a new call", 422);
  switch (standing.state) {
    case State::in_flight: return refuse("the first call with this Idempotency-Key is not over yet: ask again", 409);
    case State::kept: return response_of(*standing.reply);
    case State::not_kept:
      return refuse("the call was done, and its answer was too large to be kept: read what there is now", 409);
    case State::unknown: break;
  }
  return refuse(
      "the process ended during the first call with this Idempotency-Key, which may be done: look, and take a new key "
      "if it is not",
      409);
}

}  // namespace

base::Status check_idempotency_key(std::string_view key) {
  const bool visible = std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
  if (visible && !key.empty() && key.size() <= key_bytes_max) return {};
  return base::invalid(
      fmt::format("the header 'Idempotency-Key' takes 1 to {} visible ASCII characters without spaces", key_bytes_max),
      "Idempotency-Key");
}

bool Repeat::is_wanted(const Request& request) {
  return !request.idempotency_key.empty() && !request.path.starts_with("/api/v1/credits");
}

base::Result<std::variant<Repeat, Response>> Repeat::begin(Services& services, const Call& call) {
  const Request& request = call.request;
  TRY_STATUS(check_idempotency_key(request.idempotency_key));
  if (services.idempotency == nullptr)
    return base::invalid("an Idempotency-Key needs a running server: nothing is kept of this call", "Idempotency-Key");
  const base::WallTime now = services.clock.wall_now();
  const identity::Actor& actor = call.caller.actor;
  const idempotency::ClaimRequest claim{
      .name = {control_plane, base::sha256(fmt::format("{}\n{}\n{}\n{}", identity::to_string(actor.kind), actor.id,
                                                       actor.id.empty() ? actor.name : "", request.idempotency_key))},
      .request = base::sha256(fmt::format("{} {}\n{}", request.method, request.path, request.body)),
      .exchange = base::ExchangeId::create(now, services.random),
      .now = now,
      .expires = base::WallTime{now.ms + kept_ms},
      .most = kept_most};
  TRY(const auto standing, services.idempotency->claim(claim));
  if (standing) return answer_of(*standing);
  return Repeat(services, claim);
}

void Repeat::end(const base::Result<Response>& response) {
  if (const auto ended = keep(response); !ended)
    base::log::error("a call's Idempotency-Key stays without its answer: {}", ended.error().message);
}

base::Status Repeat::keep(const base::Result<Response>& response) {
  if (!response || response->status >= 300) return services_.idempotency->free(claim_.name, claim_.exchange);
  if (response->stream || response->body.size() > reply_bytes_max)
    return services_.idempotency->finish(claim_.name, claim_.exchange, State::not_kept, std::nullopt);
  return services_.idempotency->finish(claim_.name, claim_.exchange, State::kept, kept_of(*response));
}

}  // namespace admin
