#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/call_rule.h"

namespace catalog {

// When an upstream that fails is left alone: after so many failures in a row it gets no calls that another one can
// take, until the pause is over; then a single call tries it.
struct CircuitPolicy {
  std::int64_t failures = 5;          // 0: never
  std::int64_t cooldown_ms = 10'000;  // > 0
  bool operator==(const CircuitPolicy&) const = default;
};

// Where an upstream wants its secret.
struct Credential {
  enum class Place : std::uint8_t {
    bearer,  // "Authorization: Bearer …"
    header,  // the field `name`
    query,   // the parameter `name`
    aws,     // a signature of AWS (version 4) made with it: "ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]"; a secret
             // without ':' is an API key of Bedrock's, and goes as a bearer
    none,
  };
  Place place = Place::bearer;
  std::string name = {};    // of a field or a parameter
  std::string region = {};  // of a signature: "us-east-1"
  bool operator==(const Credential&) const = default;
};

// What becomes of a stream whose client has hung up.
enum class Hangup : std::uint8_t {
  drain,  // it is read to its end, and booked exactly: the provider bills it to its end
  abort,  // it is broken off: for a provider that stops, and bills less, then. What it says no more stays unresolved
};

// What a cost counts that the provider states in its reply.
enum class StatedCost : std::uint8_t {
  ignored,  // the price book says what a call costs
  trusted,  // it is the cost
};

// A concrete endpoint of a provider: where to connect and what secret to put in. Declared in metergate.yaml.
struct Upstream {
  std::string name;                 // key in the file
  std::string provider = "openai";  // whose prices and dialects are its own (meter::providers), or "other": none
  std::string scheme;               // "http" or "https"
  std::string host;
  std::uint16_t port = 443;
  std::string base_path;  // put before the route's path: "" or "/v1", never with a trailing '/'
  std::string secret;     // sent where `credential` says; empty: none. Never logged
  std::string ca_file;    // PEM of the authorities to trust in place of the system's; empty: the system's
  // The request field that caps output when the client gave none: "max_completion_tokens" (OpenAI) or "max_tokens".
  std::string output_cap_field = "max_tokens";
  CircuitPolicy circuit = {};
  Hangup on_hangup = Hangup::drain;
  Credential credential = {};
  // The model behind each deployment, where addresses name those (Azure): prices go by models.
  std::map<std::string, std::string, std::less<>> deployments = {};
  StatedCost stated_cost = StatedCost::ignored;
};

// Where a provider's own API wants the secret.
Credential default_credential(std::string_view provider, std::string_view host);
// Whether the clients of a provider's own dialect write its whole path, version and all.
bool has_own_paths(std::string_view provider);

// What follows the upstream's base path in a call of a route whose prefix `path` has lost. Clients may write the base
// path or not: "/v1/messages" and "/messages" are the same at an upstream with "/v1".
std::string_view behind_base_path(const Upstream& upstream, std::string_view path);

// "https://api.openai.com/v1": as the configuration writes it, without a port that is the scheme's own. No secret is in
// it: the configuration refuses user names and queries.
std::string base_url(const Upstream& upstream);

// Times in milliseconds; each > 0.
struct Timeouts {
  std::int64_t connect_ms = 5'000;
  std::int64_t first_byte_ms = 300'000;  // from the request's last byte to the reply's first
  std::int64_t idle_ms = 120'000;        // between two reads of a body, either way
  std::int64_t total_ms = 900'000;       // the whole attempt
};

// What a route does with an Idempotency-Key: it keeps the first reply for whoever sends the same request again.
struct Idempotency {
  std::int64_t ttl_ms = 86'400'000;          // from the claim on
  std::int64_t max_reply_bytes = 1LL << 20;  // of a reply that is kept, its header fields included
  std::int64_t max_wait_ms = 30'000;         // for a first call that still runs, before request_in_progress
  bool operator==(const Idempotency&) const = default;
};

// How much of a named unit a call of a route takes, if it was billed or may be: known before it leaves.
struct UnitWeight {
  std::string unit;
  std::string model = {};   // a pattern as of LimitFilter; empty: any
  std::int64_t weight = 1;  // 1 to most
  bool operator==(const UnitWeight&) const = default;

  static constexpr std::int64_t most = 1'000'000'000;
};
// The weight of the first that is for this unit and model; 0: it takes nothing of it.
std::int64_t weight_of(std::span<const UnitWeight> weights, std::string_view unit, std::string_view model);

// One of the places where the calls of a route may go.
struct Target {
  std::string upstream;     // name of an Upstream
  std::int64_t order = 1;   // 1 to 8; those of a higher one get what those of a lower one cannot take
  std::int64_t weight = 1;  // 1 to 1000: the share of the calls among targets of one order
  // The model that is asked for there, by the client's: "*" stands for any that is not named. What is not here is asked
  // for as it is.
  std::map<std::string, std::string, std::less<>> models = {};
  bool operator==(const Target&) const = default;

  // What is asked for there if the client asks for this. The view is of `asked` or of this target.
  std::string_view model_for(std::string_view asked) const;

  static constexpr std::size_t most = 8;  // of one route
  static constexpr std::string_view any_model = "*";
};
// Some of a route's targets, by their places in it.
using TargetSet = std::bitset<Target::most>;

// What of the proxy's paths goes where, and how. Without `calls` the LLM dialect of the path decides how it is metered.
struct Route {
  std::string name = "openai";
  std::string prefix = "/v1";   // exact path prefix that this route owns
  std::vector<Target> targets;  // at least one
  Timeouts timeouts;
  std::int64_t max_body_bytes = 16LL << 20;
  std::int64_t max_reply_bytes = 16LL << 20;    // of a plain reply that must be read whole to be metered
  std::optional<Idempotency> idempotency = {};  // none: an Idempotency-Key is the upstream's business
  std::vector<UnitWeight> weights = {};
  std::vector<CallRule> calls = {};  // of an API without a dialect
  // The client's own credentials go upstream, and the upstream's secret does not; our key comes in a field of its own.
  bool client_credentials = false;
};

// By the route's name; routes without weights are not in it.
using RouteWeights = std::map<std::string, std::vector<UnitWeight>, std::less<>>;
RouteWeights weights_of(const std::vector<Route>& routes);
// Whether any call could take something of the unit. `route`: on that one; empty: on any.
bool has_weight(const RouteWeights& weights, std::string_view unit, std::string_view route);

}  // namespace catalog
