// Who calls what: the first steps of an exchange, which need nothing but its head.
#include <fmt/format.h>

#include "catalog/tags.h"
#include "gateway/allowed.h"
#include "gateway/deployment.h"
#include "gateway/estimate.h"
#include "gateway/exchange.h"
#include "net/plain_path.h"
#include "net/query.h"

namespace gateway {

using base::ErrorType;
using base::Source;

namespace {

// The parameter in which Google's older clients send a key.
constexpr std::string_view key_parameter = "key";

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

// Lists of models, at any provider; what they say costs nothing.
bool is_free(std::string_view method, std::string_view path) {
  if (method != "GET" && method != "HEAD") return false;
  if (path.ends_with("/models") || path.ends_with("/api/tags")) return true;
  const std::size_t models = path.rfind("/models/");
  return models != std::string_view::npos && path.find_first_of("/:", models + 8) == std::string_view::npos;
}

// Files and batches in OpenAI's manner; other vendors' paths end like these.
bool has_batches(const meter::Endpoint& endpoint) {
  return endpoint.provider == "openai" || endpoint.provider == "azure_openai";
}

// Asks after work that an earlier call began, or ends it.
bool is_about_work(const meter::Endpoint& endpoint, std::string_view method) {
  if (endpoint.name == "responses.get") return method == "GET" || method == "DELETE";
  if (endpoint.name == "responses.input_items") return method == "GET";
  if (endpoint.name == "responses.cancel") return method == "POST";
  if (!has_batches(endpoint)) return false;
  if (endpoint.name == "files.get") return method == "GET" || method == "DELETE";
  if (endpoint.name == "batches.get" || endpoint.name == "files.content") return method == "GET";
  return endpoint.name == "batches.cancel" && method == "POST";
}

// What the provider would list is every account's: here the caller's own.
bool is_list_of_work(const meter::Endpoint& endpoint, std::string_view method) {
  return has_batches(endpoint) && method == "GET" && (endpoint.name == "files" || endpoint.name == "batches");
}

// Whether servers may read a path in different ways, so that what is metered is not what is done.
base::Status check_spelling(std::string_view path) {
  bool plain = true;
  char before = '\0';
  for (const char c : path) {
    if (c == '%' || c == '\\' || (before == '/' && (c == '/' || c == '.'))) plain = false;
    before = c;
  }
  if (plain) return {};
  if (auto spelled = net::plain_path(path); !spelled) return std::unexpected(std::move(spelled).error());
  return {};
}

}  // namespace

std::unexpected<Failure> refused(ErrorType type, std::string message, std::string field) {
  return fail(Failure({type, Source::client, std::move(message), std::move(field)}));
}

void Exchange::locate() {
  route_ = worker_.settings_.find_route(head_.path());
  const bool by_code = locate_by_code();
  if (route_ == nullptr) {
    endpoint_ = meter::endpoint_at({}, head_.method, head_.path());
    return;
  }
  if (!by_code) {
    onward_ = head_.target.substr(route_->prefix.size());
    take_keys_from_target();
  }
  if (!route_->calls.empty()) return;
  const catalog::Upstream& upstream = upstream_named(route_->targets.front().upstream);
  const std::string_view path = catalog::behind_base_path(upstream, path_of(onward_));
  std::string& whole = worker_.scratch_;
  whole.assign(upstream.base_path).append(path);
  endpoint_ = meter::endpoint_at(upstream.provider, head_.method, whole);
  endpoint_.model = model_behind(upstream, endpoint_.model);
}

// Clients that sign what they send, or that have a key of their own to send, bring ours as the first segment behind the
// prefix; Google's in the query.
void Exchange::take_keys_from_target() {
  const std::string_view path = path_of(onward_);
  const std::string_view segment = path.empty() ? path : path.substr(1, path.find('/', 1) - 1);
  if (catalog::is_well_formed_secret(segment)) {
    secret_in_target_ = segment;
    own_place_ = true;
    onward_.remove_prefix(1 + segment.size());
  }
  if (onward_.size() == path_of(onward_).size() || !secret_in_target_.empty()) return;
  const std::string_view value = net::query_parameter(onward_, key_parameter);
  if (!catalog::is_well_formed_secret(value)) return;
  secret_in_target_ = value;
  onward_text_ = net::without_query_parameter(onward_, key_parameter);
  onward_ = onward_text_;
}

// Each dialect's clients put the key where their vendor wants it. Who sends the provider's own there has a field for
// ours.
Outcome<std::string_view> Exchange::find_secret() {
  std::string_view secret = secret_in_target_;
  const auto take = [&secret](std::string_view value) {
    if (!secret.empty() && value != secret) return false;
    secret = value;
    return true;
  };
  const auto two_keys = [] {
    return refused(ErrorType::unauthorized, "the request carries two different keys; send one");
  };
  for (const net::Field& field : head_.fields) {
    if (field.known != net::FieldName::x_metergate || !net::equals_ignoring_case(field.name, key_field)) continue;
    if (!take(field.value)) return two_keys();
    own_place_ = true;
  }
  for (const net::Field& field : head_.fields) {
    if (own_place_) break;
    std::string_view value = field.value;
    switch (field.known) {
      case net::FieldName::authorization:
        if (value.size() <= 7 || !net::equals_ignoring_case(value.substr(0, 7), "bearer ")) continue;
        value.remove_prefix(7);
        break;
      case net::FieldName::x_api_key:
      case net::FieldName::api_key:
      case net::FieldName::x_goog_api_key: break;
      default: continue;
    }
    if (!take(value)) return two_keys();
  }
  return secret;
}

Outcome<void> Exchange::authenticate() {
  if (!code_.empty()) return authenticate_by_code();
  const auto unauthorized = [](std::string message) { return refused(ErrorType::unauthorized, std::move(message)); };
  TRY(const std::string_view secret, find_secret());
  if (secret.empty()) return unauthorized("no key was sent; send it as 'Authorization: Bearer mg_live_…'");
  caller_ = catalog_->find_key(worker_.key_digests_.of(secret));
  if (!caller_)
    return unauthorized(catalog::is_well_formed_secret(secret) ? "the key is not known here"
                                                               : "this is not a Metergate key, or it was mistyped");
  if (auto usable = check_key(*caller_, stamp_); !usable) {
    caller_.reset();
    return std::unexpected(std::move(usable).error());
  }
  limits_ = caller_->limits;
  record_->key = caller_->key->id;
  record_->account = caller_->key->account;
  return {};
}

Outcome<void> Exchange::resolve() {
  if (route_ == nullptr)
    return refused(ErrorType::not_found, fmt::format("no route serves {}", head_.path().substr(0, 200)));
  record_->route = route_->name;
  TRY_STATUS(check_route(*caller_->key, route_->name));
  TRY_STATUS(check_address(*caller_->key,
                           [this] { return worker_.settings_.trusted_proxies.client_of(incoming_.peer(), head_); }));
  if (route_->idempotency) TRY_STATUS(read_idempotency_key());
  for (const net::Field& field : head_.fields) {
    if (field.known == net::FieldName::x_metergate) TRY_STATUS(read_gateway_field(field));
  }
  if (!caller_->key->tags.empty()) {
    TRY(record_->tags, catalog::join_tags(caller_->key->tags, record_->tags, tags_field));
  }
  if (route_->client_credentials && !own_place_)
    return refused(ErrorType::unauthorized,
                   fmt::format("the route '{}' sends your own credentials on, so your Metergate key has a place of its "
                               "own there: send it as '{}: mg_live_…', or put it behind {} in the address",
                               route_->name, key_field, route_->prefix));
  return route_->calls.empty() ? resolve_endpoint() : resolve_call(path_of(onward_));
}

Outcome<void> Exchange::resolve_endpoint() {
  const std::string_view path = path_of(onward_);
  TRY_STATUS(check_spelling(path));
  if (path == "/budget" && (head_.method == "GET" || head_.method == "HEAD")) {
    kind_ = Kind::budget;
  } else if (is_free(head_.method, path)) {
    kind_ = Kind::free;
  } else if (is_about_work(endpoint_, head_.method)) {
    kind_ = Kind::deferred;
  } else if (has_batches(endpoint_) && head_.method == "POST" && endpoint_.name == "files") {
    kind_ = Kind::upload;
  } else if (has_batches(endpoint_) && head_.method == "POST" && endpoint_.name == "batches") {
    kind_ = Kind::batch;
  } else if (is_list_of_work(endpoint_, head_.method)) {
    kind_ = Kind::list;
  } else if (!meter::can_read_request(endpoint_)) {
    return refused(ErrorType::not_found, fmt::format("{} {} is not served: what it costs cannot be bounded",
                                                     head_.method.substr(0, 16), head_.path().substr(0, 200)));
  } else if (head_.method != "POST") {
    return refused(ErrorType::not_found, fmt::format("{} {} is not served: the path has another method",
                                                     head_.method.substr(0, 16), head_.path().substr(0, 200)));
  }
  if (quote_ && kind_ != Kind::metered && kind_ != Kind::batch)
    return refused(ErrorType::invalid_request,
                   fmt::format("'{}' pays for a call that costs something; send it with that", quote_field),
                   std::string(quote_field));
  return {};
}

Outcome<void> Exchange::read_gateway_field(const net::Field& field) {
  if (net::equals_ignoring_case(field.name, key_field)) return {};  // authenticate() has read it
  if (net::equals_ignoring_case(field.name, tags_field)) return read_tags(field.value);
  if (net::equals_ignoring_case(field.name, quote_field)) return read_quote(field.value);
  if (!net::equals_ignoring_case(field.name, "x-metergate-stream-cost") || field.value != "comment")
    return refused(
        ErrorType::invalid_request,
        fmt::format("'{}: {}' is not known; there are 'X-Metergate-Stream-Cost: comment', '{}', '{}' and '{}'",
                    field.name.substr(0, 64), field.value.substr(0, 64), tags_field, quote_field, key_field),
        std::string(field.name.substr(0, 64)));
  wants_cost_comment_ = true;
  return {};
}

Outcome<void> Exchange::read_quote(std::string_view value) {
  if (quote_)
    return refused(ErrorType::invalid_request, fmt::format("'{}' is there twice; a call is paid by one", quote_field),
                   std::string(quote_field));
  const auto id = base::QuoteId::parse(value);
  if (!id)
    return refused(ErrorType::invalid_request,
                   fmt::format("'{}: {}' is not the id of a quote; that has 36 characters, such as "
                               "0195b1c0-7a2e-7c31-9d55-3f1a4be2c701",
                               quote_field, value.substr(0, 64)),
                   std::string(quote_field));
  quote_ = *id;
  return {};
}

Outcome<void> Exchange::read_tags(std::string_view value) {
  if (!record_->tags.empty())
    return refused(ErrorType::invalid_request, fmt::format("'{}' is there twice; send all tags in one", tags_field),
                   std::string(tags_field));
  TRY(record_->tags, catalog::parse_tags(value, tags_field));
  return {};
}

}  // namespace gateway
