#include "gateway/upstreams.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"
#include "net/head_writer.h"

namespace gateway {
namespace {

constexpr int attempts_max = 3;  // fresh connections for a request of which nothing was sent

base::Secret authorization_with(std::string_view secret) {
  return secret.empty() ? base::Secret() : base::Secret(fmt::format("Bearer {}", secret));
}

}  // namespace

bool is_withheld_from_upstream(net::FieldName name) {
  switch (name) {
    case net::FieldName::authorization:  // the client's key is ours alone
    case net::FieldName::x_api_key:
    case net::FieldName::api_key:
    case net::FieldName::x_goog_api_key:
    case net::FieldName::host:  // of the client's own connection
    case net::FieldName::content_length:
    case net::FieldName::expect:
    case net::FieldName::accept_encoding:  // a compressed reply could not be metered; identity is asked for instead
    case net::FieldName::cookie:           // the provider's cookies belong to the shared account, not to one tenant
    case net::FieldName::x_metergate: return true;
    default: return false;
  }
}

base::Result<std::unique_ptr<Upstreams>> Upstreams::create(net::Loop& loop, const Settings& settings) {
  std::unique_ptr<Upstreams> upstreams(new Upstreams(loop));
  for (const catalog::Upstream& upstream : settings.upstreams) {
    Egress egress{
        .upstream = &upstream, .tls = nullptr, .client = nullptr, .host_field = upstream.host, .authorization = {}};
    const bool encrypted = upstream.scheme == "https";
    if (encrypted) {
      TRY(egress.tls, net::TlsClientContext::create(upstream.ca_file));
    }
    if (upstream.port != (encrypted ? 443 : 80)) egress.host_field = fmt::format("{}:{}", upstream.host, upstream.port);
    egress.authorization = authorization_with(upstream.secret);
    egress.client = std::make_unique<net::HttpClient>(
        loop, net::ClientOptions{.host = upstream.host, .port = upstream.port, .tls = egress.tls.get()});
    upstreams->egresses_.emplace(upstream.name, std::move(egress));
  }
  return upstreams;
}

void Upstreams::use_secret(const std::string& upstream, const base::Secret& secret) {
  const auto found = egresses_.find(upstream);
  ASSERT(found != egresses_.end());
  found->second.authorization = authorization_with(secret.reveal());
}

void Upstreams::drain() {
  for (auto& [name, egress] : egresses_) egress.client->drain();
}

std::string_view Upstreams::head_for(const Egress& egress, const Outgoing& outgoing) {
  const net::RequestHead& head = outgoing.head;
  net::HeadWriter writer(scratch_);
  writer.request(head.method, egress.upstream->base_path, head.target.substr(outgoing.route.prefix.size()))
      .field("Host", egress.host_field);
  const auto connection = head.find(net::FieldName::connection);
  for (const net::Field& field : head.fields) {
    if (net::is_hop_by_hop(field.known) || is_withheld_from_upstream(field.known)) continue;
    // It is kept here, and names of several clients would meet in the account that they share at the provider.
    if (outgoing.route.idempotency && field.known == net::FieldName::idempotency_key) continue;
    if (connection && net::has_token(*connection, field.name)) continue;
    writer.field(field.name, field.value);
  }
  if (!egress.authorization.empty()) writer.field("Authorization", egress.authorization.reveal());
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
    answer.connection = egress.client->take_resting();
    if (!answer.connection) {
      CO_TRY(answer.connection, co_await egress.client->connect(timeouts.connect_ms));
    }
    net::Stream& stream = answer.connection->stream();
    stream.expires_at(std::min(loop_.now_ms() + timeouts.idle_ms, total_deadline_ms));
    net::Stream::Parts parts{head_for(egress, outgoing), outgoing.body, {}};
    const std::size_t whole = parts.size();
    reservation.mark_sent();
    auto written = stream.write_soon(parts);
    const bool begun = parts.size() < whole;
    if (!written) written = co_await stream.write(parts);
    base::Result<net::ResponseHead> head;
    bool untouched = !begun && written->untouched;
    if (written->io == net::Io::ok) {
      const std::int64_t first_byte_deadline_ms = std::min(loop_.now_ms() + timeouts.first_byte_ms, total_deadline_ms);
      head = co_await answer.connection->read_head(outgoing.head.method, first_byte_deadline_ms);
      untouched = stream.lost();
    } else {
      head = std::unexpected(net::io_error(written->io, "sending the request upstream"));
    }
    if (head) {
      answer.head = *head;
      break;
    }
    if (untouched) reservation.mark_unsent();
    if (!untouched || tried == attempts_max) co_return fail(std::move(head).error());
  }
  answer.body = &answer.connection->open_body(answer.head, timeouts.idle_ms, total_deadline_ms);
  co_return answer;
}

}  // namespace gateway
