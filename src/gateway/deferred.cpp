// Work that goes on after its reply: what it holds stays unresolved, and is settled when whoever began it fetches its
// end. Nobody else can: work of another account is work that does not exist.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "gateway/exchange.h"
#include "gateway/reply_fields.h"
#include "gateway/terms.h"
#include "meter/work_object.h"
#include "net/query.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;

std::function<base::Status()> store_slow(std::int64_t patience_ms) {
  return [patience_ms] {
    return base::Status(base::fail(ErrorType::unavailable,
                                   fmt::format("the store did not answer within {} ms (store_slow)", patience_ms), {},
                                   Source::store));
  };
}

// ".../responses/resp_1", ".../responses/resp_1/cancel": what stands behind the collection's name.
std::string_view object_in(std::string_view path, std::string_view collection) {
  path.remove_prefix(path.rfind(collection) + collection.size());
  return path.substr(0, path.find('/'));
}

}  // namespace

// --- the call that begins it
// -------------------------------------------------------------------------------------------

// First the end of the exchange, then its work: whoever dies between leaves the money unresolved, and nobody has heard
// of the work.
net::Task<Outcome<void>> Exchange::defer(std::string_view reply) {
  const auto object = meter::read_work_object(reply);
  if (answer_.head.status >= 300 || !object || object->status == meter::WorkStatus::unknown || plan_.price == nullptr)
    co_return Outcome<void>();  // an ordinary reply, which tells its cost or leaves it open
  quota::Deferred work{.upstream = target_->upstream,
                       .object = object->id,
                       .kind = quota::DeferredKind::response,
                       .exchange = reservation_->record().id,
                       .account = caller_->key->account,
                       .key = caller_->key->id,
                       .begun = stamp_,
                       .terms = write_terms(billed_call())};
  if (object->status == meter::WorkStatus::running) {
    events::UsageRecord& record = reservation_->record();
    record.outcome = events::Outcome::deferred;
    finish_record(record, answer_.head.status);
    std::move(*reservation_).settle({.requests = 1}, meter::Certainty::at_least);
    reservation_.reset();
    worker_.stats_.deferred.add();
  }
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto kept = co_await within<base::Status>(worker_.loop_, patience_ms, store_slow(patience_ms), [&](auto done) {
    worker_.deferred_.keep(std::move(work), std::move(done));
  });
  if (*kept) co_return Outcome<void>();
  if (reservation_) {  // it has ended already, and this reply says what it cost
    base::log::warn("'{}' could not be written down, so it cannot be fetched here: {}", object->id,
                    kept->error().message);
    co_return Outcome<void>();
  }
  base::Error error = std::move(*kept).error().in(fmt::format("'{}' goes on and cannot be fetched here", object->id));
  error.type = ErrorType::outcome_unknown;  // sent again it would be done twice
  co_return fail(std::move(error));
}

// --- those that ask after it
// -------------------------------------------------------------------------------------------

Outcome<void> Exchange::resolve_deferred() {
  kind_ = Kind::deferred;
  const std::string_view streams = net::query_parameter(head_.target, "stream");
  if (!streams.empty() && streams != "false")
    return refused(ErrorType::invalid_request,
                   "a response is not streamed again here: leave 'stream' out, and ask until its status says that it "
                   "has ended",
                   "stream");
  return {};
}

net::Task<Outcome<quota::DeferredDesk::Found>> Exchange::find_work() {
  using Found = base::Result<std::optional<quota::DeferredDesk::Found>>;
  const std::string object(object_in(head_.path(), "/responses/"));
  quota::DeferredQuestion question{.account = caller_->key->account, .object = object, .upstreams = {}};
  for (const catalog::Target& target : route_->targets) question.upstreams.push_back(target.upstream);
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms]() -> Found { return std::unexpected(store_slow(patience_ms)().error()); };
  const auto found = co_await within<Found>(worker_.loop_, patience_ms, too_late, [&](auto done) {
    worker_.deferred_.find(std::move(question), std::move(done));
  });
  if (!*found) co_return fail(std::move(*found).error());
  if (!**found)
    co_return refused(ErrorType::not_found,
                      fmt::format("'{}' is no response in the background that this account began here and that is "
                                  "remembered",
                                  object.substr(0, 100)));
  co_return std::move(***found);
}

net::Task<Outcome<void>> Exchange::complete_deferred() {
  std::string_view body;
  if (incoming_.has_body()) {
    CO_TRY(body, co_await read_body());                                  // 400, 413
  }
  CO_TRY(const quota::DeferredDesk::Found found, co_await find_work());  // 404, 503
  const quota::Deferred& work = found.work;
  const bool removes = head_.method == "DELETE";
  if (removes && found.is_held)
    co_return refused(ErrorType::invalid_request,
                      fmt::format("what '{}' costs is not known yet: fetch it until its status says that it has ended, "
                                  "then delete it",
                                  work.object));
  target_ = &*std::ranges::find(route_->targets, work.upstream, &catalog::Target::upstream);
  record_->upstream = target_->upstream;
  // It costs nothing: no limit holds anything, but the way out still asks for a reservation.
  reservation_ = worker_.admission_.try_reserve({}, {}, stamp_, record_);
  if (!reservation_)
    co_return fail(base::Error{ErrorType::unavailable, Source::store, worker_.admission_.trouble(), {}});
  if (!worker_.admission_.durable(*reservation_)) CO_TRY_STATUS(co_await until_durable());
  auto answer = co_await worker_.upstreams_->attempt(outgoing(body), *reservation_);
  if (!answer) co_return give_up(std::move(answer).error());
  answer_ = std::move(*answer);
  note_first_byte();
  const auto reply = co_await answer_.body->read_all(route_->max_reply_bytes);
  if (!reply) co_return give_up(of_upstream(reply.error()));
  if (found.is_held) co_await settle_work(work, *reply);
  if (removes && answer_.head.status < 300) worker_.deferred_.forget(work, [](const base::Status&) {});
  end_unmetered();
  net::HeadWriter writer = open_head();
  add_budget_fields(writer);
  writer.field("Content-Length", static_cast<std::int64_t>(reply->size()));
  count_reply(answer_.head.status);
  const std::string head(writer.end());
  if (!co_await incoming_.send(head, *reply)) worker_.stats_.client_hangups.add();
  answer_.finish();
  co_return Outcome<void>();
}

// What it cost, if this is its end and says so. Else it stays held: the next one who asks may learn it.
net::Task<void> Exchange::settle_work(const quota::Deferred& work, std::string_view reply) {
  const auto object = meter::read_work_object(reply);
  if (answer_.head.status != 200 || !object || object->id != work.object || object->status != meter::WorkStatus::ended)
    co_return;
  const meter::Reply said = meter::read_reply(meter::Dialect::responses, ReplyHeaders(answer_.head).head(), reply);
  const auto stays_held = [&](std::string_view why) {
    base::log::warn("'{}' of '{}' is {}, and {}: what {} held stays unresolved", work.object, work.upstream,
                    object->status_text, why, work.exchange.to_string());
  };
  if (!said.usage) co_return stays_held("says nothing of what it used");
  const auto bill = bill_by_terms(work.terms, said, *said.usage);
  if (!bill) co_return stays_held(bill.error().message);
  if (!bill->certain) co_return stays_held("what it used cannot all be priced");

  using Settled = base::Result<std::optional<quota::UnresolvedItem>>;
  const quota::KnownCost known{.cost = bill->cost,
                               .input_tokens = said.usage->input_tokens.value_or(0),
                               .output_tokens = said.usage->output_tokens.value_or(0),
                               .usage = said.usage};
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms]() -> Settled { return std::unexpected(store_slow(patience_ms)().error()); };
  const auto settled = co_await within<Settled>(worker_.loop_, patience_ms, too_late, [&](auto done) {
    worker_.deferred_.settle(work.exchange, known, fmt::format("{} is {}", work.object, object->status_text), catalog_,
                             std::move(done));
  });
  if (!*settled) co_return stays_held(settled->error().message);
  if (!**settled) co_return;  // somebody else was first
  worker_.stats_.cost_nanos.add(bill->cost.nanos());
  if (bill->cost > (**settled)->record.estimate) worker_.stats_.overruns.add();
}

}  // namespace gateway
