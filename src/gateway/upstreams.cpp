#include "gateway/upstreams.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"
#include "net/head_writer.h"

namespace gateway {
namespace {

using net::equals_ignoring_case;

constexpr int attempts_max = 3;  // fresh connections for a request of which nothing was sent

}  // namespace

bool is_withheld_from_upstream(std::string_view name) {
  static constexpr std::string_view withheld[] = {
      "authorization", "x-api-key", "api-key", "x-goog-api-key",  // the client's key is ours alone
      "host", "content-length", "expect",                         // of the client's own connection
      "accept-encoding",  // a compressed reply could not be metered; identity is asked for instead
      "cookie",           // the provider's cookies belong to the shared account, not to one tenant
  };
  // Compared by length first: nearly every field fails there.
  for (const std::string_view field : withheld)
    if (field.size() == name.size() && equals_ignoring_case(field, name)) return true;
  return name.size() > 12 && equals_ignoring_case(name.substr(0, 12), "x-metergate-");
}

base::Result<std::unique_ptr<Upstreams>> Upstreams::create(net::Loop& loop, const Settings& settings) {
  std::unique_ptr<Upstreams> upstreams(new Upstreams(loop));
  for (const catalog::Upstream& upstream : settings.upstreams) {
    Egress egress{.upstream = &upstream, .tls = nullptr, .client = nullptr, .host_field = upstream.host, .authorization = {}};
    const bool encrypted = upstream.scheme == "https";
    if (encrypted) {
      TRY(egress.tls, net::TlsClientContext::create(upstream.ca_file));
    }
    if (upstream.port != (encrypted ? 443 : 80)) egress.host_field = fmt::format("{}:{}", upstream.host, upstream.port);
    if (!upstream.secret.empty()) egress.authorization = "Bearer " + upstream.secret;
    egress.client = std::make_unique<net::HttpClient>(
        loop, net::ClientOptions{.host = upstream.host, .port = upstream.port, .tls = egress.tls.get()});
    upstreams->egresses_.emplace(upstream.name, std::move(egress));
  }
  return upstreams;
}

void Upstreams::drain() {
  for (auto& [name, egress] : egresses_) egress.client->drain();
}

std::string_view Upstreams::head_for(const Egress& egress, const Outgoing& outgoing) {
  const net::RequestHead& head = outgoing.head;
  net::HeadWriter writer(scratch_);
  writer.request(head.method, egress.upstream->base_path, head.target.substr(outgoing.route.prefix.size()))
      .field("Host", egress.host_field);
  const auto connection = head.find("connection");
  for (const net::Field& field : head.fields) {
    if (net::is_hop_by_hop(field.name) || is_withheld_from_upstream(field.name)) continue;
    if (connection && net::has_token(*connection, field.name)) continue;
    writer.field(field.name, field.value);
  }
  if (!egress.authorization.empty()) writer.field("Authorization", egress.authorization);
  writer.field("Accept-Encoding", "identity");
  if (!outgoing.body.empty()) writer.field("Content-Length", static_cast<std::int64_t>(outgoing.body.size()));
  return writer.end();
}

net::Task<Outcome<Answer>> Upstreams::attempt(const Outgoing& outgoing, quota::Reservation& reservation) {
  const auto found = egresses_.find(outgoing.route.upstream);
  ASSERT(found != egresses_.end());
  Egress& egress = found->second;
  const catalog::Timeouts& timeouts = outgoing.route.timeouts;
  const std::int64_t total_deadline_ms = loop_.now_ms() + timeouts.total_ms;

  Answer answer{.connection = nullptr, .head = {}, .body = nullptr, .pool = egress.client.get()};
  for (int tried = 1;; ++tried) {
    CO_TRY(answer.connection, co_await egress.client->take(timeouts.connect_ms));
    answer.connection->stream().expires_at(std::min(loop_.now_ms() + timeouts.idle_ms, total_deadline_ms));
    reservation.mark_sent();
    const auto written = co_await answer.connection->stream().write(head_for(egress, outgoing), outgoing.body);
    if (written.io == net::Io::ok) break;
    if (!written.untouched) co_return fail(net::io_error(written.io, "sending the request upstream"));
    reservation.mark_unsent();
    if (tried == attempts_max) co_return fail(net::io_error(written.io, "sending the request upstream"));
  }
  const std::int64_t first_byte_deadline_ms = std::min(loop_.now_ms() + timeouts.first_byte_ms, total_deadline_ms);
  CO_TRY(answer.head, co_await answer.connection->read_head(outgoing.head.method, first_byte_deadline_ms));
  answer.body = &answer.connection->open_body(answer.head, timeouts.idle_ms, total_deadline_ms);
  co_return answer;
}

}  // namespace gateway
