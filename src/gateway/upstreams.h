#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/random.h"
#include "base/secret.h"
#include "catalog/limiter.h"
#include "events/usage_record.h"
#include "gateway/circuit.h"
#include "gateway/reply.h"
#include "gateway/settings.h"
#include "gateway/stats.h"
#include "net/head_writer.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "quota/reservation.h"

namespace gateway {

// What goes upstream. The views must live until the attempt returns.
struct Outgoing {
  const net::RequestHead& head;  // of the client: method and fields
  std::string_view path;         // with the query, behind the route's prefix
  const catalog::Route& route;
  const catalog::Target& target;      // of the route
  std::string_view body;              // whole; empty for a request without one
  net::Incoming* streamed = nullptr;  // where the body comes from instead, piece by piece, if it is not here whole
  // When the client's request had come, for the time that it took here; nullopt: that was counted already.
  std::optional<base::Instant> arrived = std::nullopt;
  // In place of the client's; empty: that goes upstream, if there is one.
  std::string_view traceparent = {};
  std::string_view tracestate = {};  // beside ours; empty: none
};

// An upstream's reply as far as its head; the body is read from the connection.
struct Answer {
  std::unique_ptr<net::ClientConnection> connection;
  net::ResponseHead head;
  net::BodyReader* body = nullptr;
  net::HttpClient* pool = nullptr;

  // Ends the exchange with the upstream: its connection is kept if it is good.
  void finish() { pool->give_back(std::move(connection)); }
};

// The only way out: every call of an upstream goes through attempt(), which takes the reservation that pays for it.
// One per worker.
class Upstreams {
 public:
  // `stats`: where the times of calls are counted.
  static base::Result<std::unique_ptr<Upstreams>> create(net::Loop& loop, const Settings& settings,
                                                         base::Random& random, Stats& stats);

  // Where a call of this route goes next, after the targets that it has tried: by weight among those of the lowest
  // order that has one whose circuit is closed; the first of the rest where none has. nullptr: none is left.
  const catalog::Target* choose(const catalog::Route& route, catalog::TargetSet tried);
  // Sends the request and reads the head of the reply. A connection that turns out closed before one byte was taken is
  // replaced; nothing else is tried again. Failures say whether time ran out or the network broke.
  net::Task<Outcome<Answer>> attempt(const Outgoing& outgoing, quota::Reservation& reservation);
  // What is sent to this upstream from here on carries this secret, or none if it is empty. What was sent before keeps
  // the one that it was sent with.
  void use_secret(const std::string& upstream, const base::Secret& secret);
  void drain();
  // Makes ready for calls of an upstream that the configuration does not declare. `reach`: what address it may have.
  // unavailable: nothing to verify it by is there.
  base::Status open(const catalog::Upstream& upstream, catalog::AddressRules::Reach reach);
  // What it is verified by, unless it has a ca_file: that of a declared one at the same place.
  void trust(std::unique_ptr<net::TlsClientContext> authorities) { authorities_ = std::move(authorities); }

 private:
  struct Egress {
    const catalog::Upstream* upstream = nullptr;
    std::unique_ptr<const catalog::Upstream> own = nullptr;  // where the settings have none
    std::unique_ptr<net::TlsClientContext> tls;
    std::unique_ptr<net::HttpClient> client;
    std::string host_field;   // "api.openai.com", with the port where it is not the scheme's own
    base::Secret credential;  // as it is sent: "Bearer …", the secret, or "name=secret" of a query; empty: none
    bool signs = false;       // it is not sent: AWS's signature is made with it
    Circuit circuit;
  };
  Upstreams(net::Loop& loop, base::Random& random, Stats& stats) : loop_(loop), random_(random), stats_(stats) {}
  Egress& egress_of(const std::string& upstream);
  // Of what the settings declare at the same place, or the system's authorities; nullptr: there is nothing.
  net::TlsClientContext* tls_for(const catalog::Upstream& upstream) const;
  // How a call went. `status`: what was answered; 0: nothing was, because of `why`.
  void note(Egress& egress, int status, std::string_view why);
  // The request's head for this upstream, in scratch memory.
  std::string_view head_for(const Egress& egress, const Outgoing& outgoing);
  // What goes into the head behind the client's fields, so that the upstream knows whose call it is.
  void add_credential(net::HeadWriter& writer, const Egress& egress, const Outgoing& outgoing,
                      std::string_view target) const;
  // Whether a field of the client's goes upstream.
  static bool passes_on(const net::Field& field, const Egress& egress, const catalog::Route& route,
                        const std::optional<std::string_view>& connection);
  // The client's body, as it comes.
  static net::Task<Outcome<net::Stream::WriteResult>> send_streamed(net::Stream& stream, const Outgoing& outgoing,
                                                                    std::int64_t total_deadline_ms);

  net::Loop& loop_;
  base::Random& random_;
  Stats& stats_;
  std::unordered_map<std::string, Egress> egresses_;
  std::unique_ptr<net::TlsClientContext> authorities_;
  std::string scratch_;
};

// Client fields that are the gateway's business and never go upstream: framing, cookies, our own.
bool is_withheld_from_upstream(net::FieldName name);
// Those in which clients send keys: ours, or on a route that says so the provider's.
bool is_credential(net::FieldName name);

}  // namespace gateway
