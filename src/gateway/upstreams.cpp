#include "gateway/upstreams.h"

#include <algorithm>
#include <boost/container/static_vector.hpp>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/log.h"
#include "net/aws_signature.h"
#include "net/query.h"
#include "telemetry/trace_context.h"

namespace gateway {
namespace {

constexpr int connections_max = 3;  // fresh connections for a request of which nothing was sent

// RFC 3986, 2.3: all but unreserved characters are escaped.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

constexpr std::string_view aws_service = "bedrock";

// Else it is an API key of Bedrock's own.
bool is_to_sign_with(std::string_view secret) { return secret.contains(':'); }

// "ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]"
net::AwsCredentials aws_credentials_of(std::string_view secret) {
  net::AwsCredentials out;
  out.access_key_id = secret.substr(0, secret.find(':'));
  secret.remove_prefix(out.access_key_id.size() + 1);
  out.secret_access_key = secret.substr(0, secret.find(':'));
  if (out.secret_access_key.size() < secret.size()) out.session_token = secret.substr(out.secret_access_key.size() + 1);
  return out;
}

// Fields with which AWS's clients sign: theirs are of no use upstream.
bool is_of_signature(std::string_view name) {
  return net::equals_ignoring_case(name, "x-amz-date") || net::equals_ignoring_case(name, "x-amz-security-token") ||
         net::equals_ignoring_case(name, "x-amz-content-sha256");
}

bool signs_with(const catalog::Credential& credential, std::string_view secret) {
  return credential.place == catalog::Credential::Place::aws && is_to_sign_with(secret);
}

// "api.openai.com", with the port where it is not the scheme's own.
std::string host_field_of(const catalog::Upstream& upstream) {
  if (upstream.port == (upstream.scheme == "https" ? 443 : 80)) return upstream.host;
  return fmt::format("{}:{}", upstream.host, upstream.port);
}

base::Secret credential_of(const catalog::Credential& credential, std::string_view secret) {
  using Place = catalog::Credential::Place;
  if (secret.empty() || credential.place == Place::none) return {};
  switch (credential.place) {
    case Place::bearer: return base::Secret(fmt::format("Bearer {}", secret));
    case Place::aws:
      return base::Secret(is_to_sign_with(secret) ? std::string(secret) : fmt::format("Bearer {}", secret));
    case Place::query: return base::Secret(fmt::format("{}={}", credential.name, escaped(secret)));
    default: return base::Secret(std::string(secret));
  }
}

}  // namespace

bool is_withheld_from_upstream(net::FieldName name) {
  switch (name) {
    case net::FieldName::host:  // of the client's own connection
    case net::FieldName::content_length:
    case net::FieldName::expect:
    case net::FieldName::accept_encoding:  // a compressed reply could not be metered; identity is asked for instead
    case net::FieldName::cookie:           // the provider's cookies belong to the shared account, not to one tenant
    case net::FieldName::x_metergate: return true;
    default: return false;
  }
}

bool is_credential(net::FieldName name) {
  switch (name) {
    case net::FieldName::authorization:
    case net::FieldName::x_api_key:
    case net::FieldName::api_key:
    case net::FieldName::x_goog_api_key: return true;
    default: return false;
  }
}

base::Result<std::unique_ptr<Upstreams>> Upstreams::create(net::Loop& loop, const Settings& settings,
                                                           base::Random& random, Stats& stats) {
  std::unique_ptr<Upstreams> upstreams(new Upstreams(loop, random, stats));
  for (const catalog::Upstream& upstream : settings.upstreams) {
    Egress egress{.upstream = &upstream,
                  .own = nullptr,
                  .tls = nullptr,
                  .client = nullptr,
                  .host_field = host_field_of(upstream),
                  .credential = credential_of(upstream.credential, upstream.secret),
                  .signs = signs_with(upstream.credential, upstream.secret),
                  .circuit = Circuit(upstream.circuit)};
    const bool encrypted = upstream.scheme == "https";
    if (encrypted) {
      TRY(egress.tls, net::TlsClientContext::create(upstream.ca_file));
    }
    egress.client = std::make_unique<net::HttpClient>(
        loop, net::ClientOptions{.host = upstream.host, .port = upstream.port, .tls = egress.tls.get()});
    upstreams->egresses_.emplace(upstream.name, std::move(egress));
  }
  return upstreams;
}

net::TlsClientContext* Upstreams::tls_for(const catalog::Upstream& upstream) const {
  for (const auto& [name, egress] : egresses_) {
    const catalog::Upstream& other = *egress.upstream;
    if (egress.tls != nullptr && other.host == upstream.host && other.port == upstream.port) return egress.tls.get();
  }
  return authorities_.get();
}

base::Status Upstreams::open(const catalog::Upstream& upstream, catalog::AddressRules::Reach reach) {
  if (egresses_.contains(upstream.name)) return {};
  const bool encrypted = upstream.scheme == "https";
  net::TlsClientContext* const tls = encrypted ? tls_for(upstream) : nullptr;
  if (encrypted && tls == nullptr)
    return base::fail(base::ErrorType::unavailable,
                      fmt::format("nothing is there to verify {} by; the log says why", upstream.name));
  Egress egress{.own = std::make_unique<const catalog::Upstream>(upstream),
                .tls = nullptr,
                .client = std::make_unique<net::HttpClient>(
                    loop_, net::ClientOptions{.host = upstream.host,
                                              .port = upstream.port,
                                              .tls = tls,
                                              .public_only = reach == catalog::AddressRules::Reach::public_only}),
                .host_field = host_field_of(upstream),
                .credential = {},
                .circuit = Circuit(upstream.circuit)};
  egress.upstream = egress.own.get();
  egresses_.emplace(upstream.name, std::move(egress));
  return {};
}

Upstreams::Egress& Upstreams::egress_of(const std::string& upstream) {
  const auto found = egresses_.find(upstream);
  ASSERT(found != egresses_.end());
  return found->second;
}

void Upstreams::use_secret(const std::string& upstream, const base::Secret& secret) {
  Egress& egress = egress_of(upstream);
  egress.credential = credential_of(egress.upstream->credential, secret.reveal());
  egress.signs = signs_with(egress.upstream->credential, secret.reveal());
}

const catalog::Target* Upstreams::choose(const catalog::Route& route, catalog::TargetSet tried) {
  if (route.targets.size() == 1) return tried.none() ? &route.targets.front() : nullptr;
  boost::container::static_vector<const catalog::Target*, catalog::Target::most> left;
  for (std::size_t place = 0; place < route.targets.size(); ++place)
    if (!tried.test(place)) left.push_back(&route.targets[place]);
  if (left.empty()) return nullptr;
  std::ranges::stable_sort(left, {}, &catalog::Target::order);
  const catalog::Target* const first = left.front();
  const auto open = [&](const auto* target) { return !egress_of(target->upstream).circuit.closed(loop_.now()); };
  left.erase(std::ranges::remove_if(left, open).begin(), left.end());
  if (left.empty()) return first;
  const auto others = std::ranges::find_if(left, [&](const auto* one) { return one->order != left.front()->order; });
  left.erase(others, left.end());

  std::int64_t weights = 0;
  for (const auto* target : left) weights += target->weight;
  std::uint32_t drawn = 0;
  random_.fill(std::as_writable_bytes(std::span(&drawn, 1)));
  auto at = static_cast<std::int64_t>(static_cast<std::uint64_t>(drawn) * static_cast<std::uint64_t>(weights) >> 32);
  for (const auto* target : left)
    if ((at -= target->weight) < 0) return target;
  return left.back();
}

void Upstreams::drain() {
  for (auto& [name, egress] : egresses_) egress.client->drain();
}

std::string_view Upstreams::head_for(const Egress& egress, const Outgoing& outgoing) {
  const net::RequestHead& head = outgoing.head;
  const bool ours = !outgoing.route.client_credentials && !egress.credential.empty();
  const catalog::Credential& place = egress.upstream->credential;
  std::string_view target = catalog::behind_base_path(*egress.upstream, outgoing.path);
  std::string_view base = egress.upstream->base_path;
  std::string edited;
  if (ours && place.place == catalog::Credential::Place::query) {
    edited = net::without_query_parameter(target, place.name);  // the client's own does not go upstream
    edited.append(edited.contains('?') ? "&" : "?").append(egress.credential.reveal());
    target = edited;
  } else if (ours && egress.signs) {
    const std::size_t path_end = std::min(target.find('?'), target.size());
    edited = net::aws_path(fmt::format("{}{}", base, target.substr(0, path_end))).append(target.substr(path_end));
    base = {};
    target = edited;
  }
  if (base.empty() && !target.starts_with('/')) base = "/";  // the route's prefix itself was asked for
  net::HeadWriter writer(scratch_);
  writer.request(head.method, base, target).field("Host", egress.host_field);
  const auto connection = head.find(net::FieldName::connection);
  const bool traces = !outgoing.traceparent.empty();
  for (const net::Field& field : head.fields)
    if (passes_on(field, egress, outgoing.route, connection) && !(traces && telemetry::is_of_context(field)))
      writer.field(field.name, field.value);
  if (traces) {
    writer.field("traceparent", outgoing.traceparent);
    if (!outgoing.tracestate.empty()) writer.field("tracestate", outgoing.tracestate);
  }
  if (ours) add_credential(writer, egress, outgoing, target);
  writer.field("Accept-Encoding", "identity");
  if (outgoing.streamed != nullptr && head.framing == net::Framing::chunked) {
    writer.field("Transfer-Encoding", "chunked");
  } else if (outgoing.streamed != nullptr) {
    writer.field("Content-Length", head.content_length);
  } else if (!outgoing.body.empty()) {
    writer.field("Content-Length", static_cast<std::int64_t>(outgoing.body.size()));
  }
  return writer.end();
}

void Upstreams::add_credential(net::HeadWriter& writer, const Egress& egress, const Outgoing& outgoing,
                               std::string_view target) const {
  using Place = catalog::Credential::Place;
  const catalog::Credential& place = egress.upstream->credential;
  const std::string_view secret = egress.credential.reveal();
  if (place.place == Place::header) writer.field(place.name, secret);
  if (place.place == Place::bearer || (place.place == Place::aws && !egress.signs))
    writer.field("Authorization", secret);
  if (!egress.signs) return;

  std::vector<std::pair<std::string_view, std::string_view>> fields{{"host", egress.host_field}};
  for (const net::Field& field : outgoing.head.fields) {
    const bool of_aws = field.name.size() > 6 && net::equals_ignoring_case(field.name.substr(0, 6), "x-amz-");
    if ((of_aws && !is_of_signature(field.name)) || field.known == net::FieldName::content_type)
      fields.emplace_back(field.name, field.value);
  }
  const std::size_t path_end = std::min(target.find('?'), target.size());
  const net::AwsCredentials credentials = aws_credentials_of(secret);
  const net::AwsSignature signature =
      net::sign_for_aws({.method = outgoing.head.method,
                         .path = target.substr(0, path_end),
                         .query = target.substr(std::min(path_end + 1, target.size())),
                         .headers = fields,
                         .body = base::sha256(outgoing.body)},
                        credentials, {.region = place.region, .service = aws_service}, loop_.clock().wall_now());
  writer.field("X-Amz-Date", signature.amz_date).field("Authorization", signature.authorization);
  if (!credentials.session_token.empty()) writer.field("X-Amz-Security-Token", credentials.session_token);
}

bool Upstreams::passes_on(const net::Field& field, const Egress& egress, const catalog::Route& route,
                          const std::optional<std::string_view>& connection) {
  if (net::is_hop_by_hop(field.known) || is_withheld_from_upstream(field.known)) return false;
  // Here the client's key is ours alone.
  if (!route.client_credentials && is_credential(field.known)) return false;
  const catalog::Credential& place = egress.upstream->credential;
  if (!route.client_credentials && place.place == catalog::Credential::Place::header &&
      net::equals_ignoring_case(field.name, place.name))
    return false;
  if (!route.client_credentials && place.place == catalog::Credential::Place::aws && is_of_signature(field.name))
    return false;
  // It is kept here, and names of several clients would meet in the account that they share at the provider.
  if (route.idempotency && field.known == net::FieldName::idempotency_key) return false;
  return !connection || !net::has_token(*connection, field.name);
}

// A provider that has no capacity for us, or does not know us, is as little use as one that does not answer.
void Upstreams::note(Egress& egress, int status, std::string_view why) {
  const bool served = status != 0 && status < 500 && status != 401 && status != 403 && status != 429;
  if (served) {
    if (egress.circuit.served()) base::log::info("the upstream '{}' serves again", egress.upstream->name);
  } else if (egress.circuit.failed(loop_.now())) {
    base::log::warn(
        "the upstream '{}' failed {} times in a row, last with {}; for {} ms its calls go elsewhere where they can",
        egress.upstream->name, egress.upstream->circuit.failures, status != 0 ? fmt::format("status {}", status) : why,
        egress.upstream->circuit.cooldown_ms);
  }
}

net::Task<Outcome<net::Stream::WriteResult>> Upstreams::send_streamed(net::Stream& stream, const Outgoing& outgoing,
                                                                      std::int64_t total_deadline_ms) {
  const bool chunked = outgoing.head.framing == net::Framing::chunked;
  const auto too_large = [&] {
    return fail(base::Error{base::ErrorType::payload_too_large,
                            base::Source::client,
                            fmt::format("the body has more than {} bytes", outgoing.route.max_body_bytes),
                            {}});
  };
  net::Stream::WriteResult written;
  std::int64_t sent = 0;
  for (bool more = true; more && written.io == net::Io::ok;) {
    auto piece = co_await outgoing.streamed->read_piece();
    if (!piece) {
      base::Error error = std::move(piece).error();
      error.source = base::Source::client;  // whatever keeps the body from arriving is its side of the network
      co_return fail(std::move(error));
    }
    more = !piece->empty();
    sent += std::ssize(*piece);
    if (sent > outgoing.route.max_body_bytes) co_return too_large();
    stream.expires_at(std::min(stream.loop().now_ms() + outgoing.route.timeouts.idle_ms, total_deadline_ms));
    const std::string size = chunked ? fmt::format("{:x}\r\n", piece->size()) : std::string();
    written = co_await stream.write({size, *piece, chunked ? "\r\n" : ""});
  }
  written.untouched = false;
  co_return written;
}

net::Task<Outcome<Answer>> Upstreams::attempt(const Outgoing& outgoing, quota::Reservation& reservation) {
  Egress& egress = egress_of(outgoing.target.upstream);
  egress.circuit.begin(loop_.now());
  const catalog::Timeouts& timeouts = outgoing.route.timeouts;
  const std::int64_t total_deadline_ms = loop_.now_ms() + timeouts.total_ms;

  Answer answer{.connection = nullptr, .head = {}, .body = nullptr, .pool = egress.client.get()};
  std::int64_t connecting_ns = 0;
  for (int tried = 1;; ++tried) {
    answer.connection = egress.client->take_resting();
    if (!answer.connection) {
      const base::Instant before = loop_.clock().now();
      auto connected = co_await egress.client->connect(timeouts.connect_ms);
      if (!connected) {
        note(egress, 0, connected.error().message);
        co_return fail(std::move(connected).error());
      }
      answer.connection = std::move(*connected);
      connecting_ns += base::ns_between(before, loop_.clock().now());
    }
    net::Stream& stream = answer.connection->stream();
    stream.expires_at(std::min(loop_.now_ms() + timeouts.idle_ms, total_deadline_ms));
    net::Stream::Parts parts{head_for(egress, outgoing), outgoing.body, {}};
    const std::size_t whole = parts.size();
    reservation.mark_sent();
    auto written = stream.write_soon(parts);
    const bool begun = parts.size() < whole;
    if (!written) written = co_await stream.write(parts);
    // From here on it can be sent to nobody else: what the client has sent is gone.
    const bool streamed = outgoing.streamed != nullptr && written->io == net::Io::ok;
    std::optional<base::Instant> body_sent;
    if (streamed) {
      CO_TRY(written, co_await send_streamed(stream, outgoing, total_deadline_ms));
      body_sent = loop_.now();
    }
    base::Result<net::ResponseHead> head;
    bool untouched = !begun && written->untouched;
    // An upstream that takes no more of a body may have said why.
    if (written->io == net::Io::ok || (streamed && written->io != net::Io::timed_out)) {
      const std::int64_t first_byte_deadline_ms = std::min(loop_.now_ms() + timeouts.first_byte_ms, total_deadline_ms);
      head = co_await answer.connection->read_head(outgoing.head.method, first_byte_deadline_ms);
      untouched = stream.lost() && !streamed;
    } else {
      head = std::unexpected(net::io_error(written->io, "sending the request upstream"));
    }
    const auto sent = stream.sent_at();
    if (sent && tried == 1 && outgoing.arrived)
      stats_.own.add(base::ns_between(*outgoing.arrived, *sent) - connecting_ns);
    if (head) {
      if (sent) stats_.upstream.add(base::ns_between(body_sent.value_or(*sent), loop_.now()));
      answer.head = *head;
      break;
    }
    if (untouched) reservation.mark_unsent();
    if (!untouched || tried == connections_max) {
      note(egress, 0, head.error().message);
      co_return fail(std::move(head).error());
    }
  }
  note(egress, answer.head.status, {});
  answer.body = &answer.connection->open_body(answer.head, timeouts.idle_ms, total_deadline_ms);
  co_return answer;
}

}  // namespace gateway
