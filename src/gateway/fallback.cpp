// Where a call goes: with which model, and to which target next.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/deployment.h"
#include "gateway/estimate.h"
#include "gateway/exchange.h"
#include "gateway/reply_fields.h"
#include "meter/form_requests.h"

namespace gateway {
namespace {

using base::Source;

// Refusals that say something about the upstream, and not about the request: another one may well serve it.
bool is_of_this_upstream(int status) {
  switch (status) {
    case 401:  // our key there
    case 402:  // our money there
    case 403:
    case 404:  // a model that it does not have
    case 408:
    case 429: return true;
    default: return status >= 500;
  }
}

}  // namespace

// --- the model
// ------------------------------------------------------------------------------------------------------------

base::Result<Exchange::AtTarget> Exchange::at_target(const catalog::Target& target) const {
  const std::string& asked = plan_.asked_model.empty() ? plan_.request.model : plan_.asked_model;
  const std::string_view model = target.model_for(asked);
  // What the body asks for that there is.
  const std::string_view sent = plan_.renamed.empty() ? std::string_view(asked) : target_->model_for(asked);
  AtTarget out;
  if (model == sent) {
    out.request = plan_.request;
    out.renamed = plan_.renamed;
  } else if (model == asked) {
    TRY(out.request, meter::read_copied_request(endpoint_, plan_.asked));
  } else if (!endpoint_.model.empty()) {
    return base::fail(cannot_rename(asked, model, address_names_model));
  } else if (meter::form_reader_of(endpoint_) != nullptr) {
    return base::fail(cannot_rename(asked, model, "the body is a form, which goes on as it came"));
  } else {
    out.renamed = meter::with_member(plan_.asked, "model", json_text(model));
    TRY(out.request, meter::read_copied_request(endpoint_, out.renamed));
    // A longer name is no more input, though it is more bytes.
    out.request.input_bound -= std::max<std::int64_t>(std::ssize(out.renamed) - std::ssize(plan_.asked), 0);
  }
  if (endpoint_.model.empty()) out.request.model = model_behind(upstream_named(target.upstream), model);
  return out;
}

Outcome<void> Exchange::rename_for_target() {
  const std::string& asked = plan_.request.model;
  const bool as_asked = target_->models.empty() || target_->model_for(asked) == asked;
  const bool is_model = !endpoint_.model.empty() || model_behind(upstream_named(target_->upstream), asked) == asked;
  if (as_asked && is_model) return {};
  TRY(AtTarget there, at_target(*target_));
  plan_.asked_model = std::move(plan_.request.model);
  plan_.request = std::move(there.request);
  plan_.renamed = std::move(there.renamed);
  record_->model = plan_.request.model;
  return {};
}

void Exchange::form_body(std::string_view body) {
  plan_.uncapped = body;
  plan_.cap_field.clear();
  if (!plan_.hide_usage) return;
  plan_.edited = meter::with_usage_in_stream(body);
  plan_.uncapped = plan_.edited;
}

// --- the next target
// ------------------------------------------------------------------------------------------------------

bool Exchange::goes_on(events::Attempt failed) {
  events::UsageRecord& record = reservation_->record();
  if (record.attempts.size() + 1 == events::attempts_max) return false;
  catalog::TargetSet tried = tried_;
  tried.set(static_cast<std::size_t>(target_ - route_->targets.data()));
  const catalog::Target* const next = worker_.upstreams_->choose(*route_, tried);
  if (next == nullptr || !pays_at(*next)) return false;
  failed.upstream = target_->upstream;
  failed.duration_us = base::ns_between(attempt_began_, worker_.loop_.now()) / 1000;
  if (trace_) trace_attempt_end(failed.status == 0 ? std::optional(failed.error) : std::nullopt);
  record.attempts.push_back(std::move(failed));
  tried_ = tried;
  target_ = next;
  record.upstream = next->upstream;
  record.model = plan_.request.model;
  record.first_byte_us = 0;
  worker_.stats_.fallbacks.add();
  return true;
}

// Whether the same limits count a call of this model, and as much of each unit, as what was reserved. Those that came
// into force since are the snapshot's: the call has not taken on what is for the other model alone.
bool Exchange::counts_alike(const meter::Request& request) {
  const std::string& tags = reservation_->record().tags;
  const auto same = [&](const catalog::Limit* limit) {
    return applies(*limit, request.model, *route_, tags) == applies(*limit, plan_.request.model, *route_, tags);
  };
  const auto now = worker_.snapshot_->find_key(caller_->key->id);
  const bool same_limits = now && std::ranges::all_of(now->limits, same) && std::ranges::all_of(caller_->limits, same);
  return same_limits && std::ranges::all_of(route_->weights, [&](const catalog::UnitWeight& one) {
           return catalog::weight_of(route_->weights, one.unit, request.model) ==
                  catalog::weight_of(route_->weights, one.unit, plan_.request.model);
         });
}

bool Exchange::pays_at(const catalog::Target& target) {
  if (!route_->calls.empty()) return true;  // each has a price of its own, wherever it goes
  auto there = at_target(target);
  if (!there || (there->request.model != plan_.request.model && !counts_alike(there->request))) return false;
  if (plan_.price == nullptr) {
    if (there->request.billing != meter::Billing::free) return false;
  } else {
    const catalog::Upstream& upstream = upstream_named(target.upstream);
    const auto price = price_of(worker_.settings_, *plan_.book, upstream, there->request, stamp_);
    if (!price) return false;
    there->price = *price;
    there->output_cap = plan_.clamped_to ? plan_.output_cap : output_cap_of(there->request, **price);
    const auto worst = worst_case(there->request, **price, there->output_cap, *route_, caller_->payer());
    if (!worst || worst->usd > plan_.worst_case.usd || worst->input_tokens > plan_.worst_case.input_tokens ||
        worst->output_tokens > plan_.worst_case.output_tokens)
      return false;
    plan_.price = there->price;
    plan_.output_cap = there->output_cap;
  }
  if (there->request.model == plan_.request.model && there->renamed == plan_.renamed) return true;
  if (plan_.asked_model.empty()) plan_.asked_model = plan_.request.model;
  plan_.request = std::move(there->request);
  plan_.renamed = std::move(there->renamed);
  form_body(plan_.renamed.empty() ? plan_.asked : plan_.renamed);
  return true;
}

bool Exchange::goes_on_after(const base::Error& error) {
  if (reservation_->sent()) return false;  // nobody knows what the upstream did with it
  return goes_on({.upstream = {}, .error = error.type, .fault = error.source});
}

bool Exchange::goes_on_after(const meter::Reply& refusal) {
  const int status = answer_.head.status;
  if (refusal.usage || !is_definite_refusal(status, refusal) || !is_of_this_upstream(status)) return false;
  if (!goes_on({.upstream = {}, .status = status, .fault = Source::upstream_refusal})) return false;
  reservation_->mark_unsent();
  answer_.finish();
  return true;
}

}  // namespace gateway
