// Calls of limiters: who calls is said by the path, and what stands where others put our key is the provider's, which
// goes on as it is.
#include <fmt/format.h>

#include "gateway/estimate.h"
#include "gateway/exchange.h"
#include "net/query.h"

namespace gateway {

using base::ErrorType;

namespace {

// "Bearer mg_live_…" as "mg_live_…".
std::string_view last_word(std::string_view value) { return value.substr(value.rfind(' ') + 1); }

// One of our keys, wherever clients put keys: it would go to the provider.
bool brings_our_key(const net::RequestHead& head, std::string_view onward) {
  for (const net::Field& field : head.fields) {
    if (field.known == net::FieldName::x_metergate && net::equals_ignoring_case(field.name, key_field)) return true;
    if (is_credential(field.known) && catalog::is_well_formed_secret(last_word(field.value))) return true;
  }
  const std::size_t end = std::min(onward.find('?'), onward.size());
  const std::string_view segment = onward.substr(std::min<std::size_t>(1, end), onward.find_first_of("/?", 1) - 1);
  if (catalog::is_well_formed_secret(segment)) return true;
  return end < onward.size() && catalog::is_well_formed_secret(net::query_parameter(onward, "key"));
}

}  // namespace

// Where the configuration declares a longer prefix, or an API of its own whose segments may look like codes, it wins.
bool Exchange::locate_by_code() {
  const auto coded = catalog::coded_path(head_.path());
  if (!coded || (route_ != nullptr && route_->prefix.size() >= coded->prefix.size())) return false;
  const catalog::Limiter* const limiter = catalog_->find_limiter(coded->code);
  if (limiter == nullptr && route_ != nullptr && !route_->calls.empty()) return false;
  code_ = coded->code;
  onward_ = head_.target.substr(coded->prefix.size());
  route_ = nullptr;
  if (limiter == nullptr) return true;
  auto found = worker_.limiter_routes_.of(*limiter, worker_.settings_.limiter_addresses);
  if (!found) {
    code_error_ = std::move(found).error();
    return true;
  }
  limiter_ = std::move(*found);
  route_ = &limiter_->route;
  own_place_ = true;
  return true;
}

Outcome<void> Exchange::authenticate_by_code() {
  const auto not_found = [](std::string message) { return refused(ErrorType::not_found, std::move(message)); };
  if (brings_our_key(head_, onward_))
    return refused(ErrorType::unauthorized,
                   "a limiter's path takes the provider's own key, which goes on to the provider; a Metergate key does "
                   "not belong there");
  const catalog::Limiter* const limiter = catalog_->find_limiter(code_);
  if (limiter == nullptr)
    return not_found(fmt::format("there is no limiter with the code '{}': it was mistyped, or never made", code_));
  if (limiter->removed) return not_found(fmt::format("the limiter with the code '{}' was deleted", code_));
  caller_ = catalog_->find_key(limiter->key);
  if (!caller_->usable) {
    caller_.reset();
    return not_found(
        fmt::format("the limiter with the code '{}' is inactive: it was switched off, or an account above "
                    "it is suspended",
                    code_));
  }
  limits_ = caller_->limits;
  record_->key = caller_->key->id;
  record_->account = caller_->key->account;
  if (code_error_) return fail(std::move(*code_error_));
  return worker_.upstreams_->open(limiter_->upstream, limiter_->reach);
}

const catalog::Upstream& Exchange::upstream_named(std::string_view name) const {
  return limiter_ != nullptr ? limiter_->upstream : *worker_.settings_.find_upstream(name);
}

}  // namespace gateway
