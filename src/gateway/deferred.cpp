// Work that goes on after its reply: what it holds stays unresolved, and is settled when whoever began it fetches its
// end. Nobody else can: work of another account is work that does not exist. What is of batches alone is in batch.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "gateway/exchange.h"
#include "gateway/reply_fields.h"
#include "gateway/terms.h"
#include "meter/work_object.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;
using quota::DeferredKind;

// Where an endpoint's object stands, and of which kinds it may be.
struct Collection {
  std::string_view path;  // ".../responses/resp_1", ".../responses/resp_1/cancel"
  std::span<const DeferredKind> kinds;
};
Collection collection_of(const meter::Endpoint& endpoint) {
  static constexpr std::array responses{DeferredKind::response};
  static constexpr std::array batches{DeferredKind::batch};
  static constexpr std::array files{DeferredKind::file, DeferredKind::output, DeferredKind::errors};
  if (endpoint.name.starts_with("responses.")) return {"/responses/", responses};
  if (endpoint.name.starts_with("batches.")) return {"/batches/", batches};
  return {"/files/", files};
}

std::string object_in(std::string_view path, std::string_view collection) {
  path.remove_prefix(path.rfind(collection) + collection.size());
  return std::string(path.substr(0, path.find('/')));
}

// Nothing was used by a batch of which some requests were served, or may have been: the usage is not in this reply.
bool says_nothing(const meter::Reply& said, const meter::WorkObject& object, DeferredKind kind) {
  if (!said.usage) return true;
  return said.usage->input_tokens.value_or(0) == 0 && said.usage->output_tokens.value_or(0) == 0 &&
         kind == DeferredKind::batch && object.served != 0;
}

}  // namespace

// --- the call that begins it
// -------------------------------------------------------------------------------------------

// First the end of the exchange, then its work: whoever dies between leaves the money unresolved, and nobody has heard
// of the work.
net::Task<Outcome<void>> Exchange::defer(std::string_view reply) {
  if (answer_.head.status >= 300 || plan_.price == nullptr)
    co_return Outcome<void>();  // an ordinary reply: a refusal, or of what costs nothing
  const auto object = meter::read_work_object(reply);
  quota::Deferred work = own_work(object ? object->id : std::string());
  // What is not known to have ended goes on, whatever its usage says until then; and a batch always does.
  if (kind_ == Kind::batch || !object || object->status != meter::WorkStatus::ended) leave_held();
  if (!object) co_return Outcome<void>();  // without a name nobody can ask after it
  base::Status kept = co_await keep_work(std::move(work));
  if (kept) co_return Outcome<void>();
  if (reservation_) {  // it has ended already, and this reply says what it cost
    base::log::warn("'{}' could not be written down, so it cannot be fetched here: {}", object->id,
                    kept.error().message);
    co_return Outcome<void>();
  }
  base::Error error = std::move(kept).error().in(fmt::format("'{}' goes on and cannot be fetched here", object->id));
  error.type = ErrorType::outcome_unknown;  // sent again it would be done twice
  co_return fail(std::move(error));
}

quota::Deferred Exchange::own_work(std::string object) {
  return {.upstream = target_->upstream,
          .object = std::move(object),
          .kind = kind_ == Kind::batch ? DeferredKind::batch : DeferredKind::response,
          .exchange = reservation_->record().id,
          .account = caller_->key->account,
          .key = caller_->key->id,
          .begun = stamp_,
          .terms = write_terms(billed_call(), plan_.batch_url)};
}

void Exchange::leave_held() {
  events::UsageRecord& record = reservation_->record();
  record.outcome = events::Outcome::deferred;
  finish_record(record, answer_.head.status);
  book({.requests = plan_.worst_case.requests}, meter::Certainty::at_least);
  worker_.stats_.deferred.add();
}

// It holds its reservation while it runs, so the order is another one: whoever dies now leaves that, and a reference to
// it. A stream that nobody could write down is worth its bytes all the same, and goes on.
net::Task<void> Exchange::name_work(Stream& stream) {
  stream.work_named = true;
  const std::string object = stream.work->object()->id;
  const base::Status kept = co_await keep_work(own_work(object));
  if (!kept)
    base::log::warn("'{}' could not be written down, so it cannot be fetched here if its stream breaks off: {}", object,
                    kept.error().message);
}

// What was counted in a piece of it is not booked: its end says all of it.
bool Exchange::work_goes_on(const Stream& stream, const meter::Reply& said) {
  return stream.work && !(stream.work->has_ended() && said.usage);
}

net::Task<base::Status> Exchange::keep_work(quota::Deferred work) {
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms]() -> base::Status { return base::fail(store_slow(patience_ms)); };
  const auto kept = co_await within<base::Status>(worker_.loop_, patience_ms, too_late, [&](auto done) {
    worker_.deferred_.keep(std::move(work), std::move(done));
  });
  co_return std::move(*kept);
}

// --- those that ask after it
// -------------------------------------------------------------------------------------------

net::Task<Outcome<quota::DeferredDesk::Found>> Exchange::find_work(std::string object,
                                                                   std::span<const DeferredKind> kinds) {
  using Found = base::Result<std::optional<quota::DeferredDesk::Found>>;
  quota::DeferredQuestion question{.account = caller_->key->account, .object = object, .upstreams = {}};
  for (const catalog::Target& target : route_->targets) question.upstreams.push_back(target.upstream);
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms]() -> Found { return base::fail(store_slow(patience_ms)); };
  const auto found = co_await within<Found>(worker_.loop_, patience_ms, too_late, [&](auto done) {
    worker_.deferred_.find(std::move(question), std::move(done));
  });
  if (!*found) co_return fail(std::move(*found).error());
  if (!**found || std::ranges::find(kinds, (**found)->work.kind) == kinds.end())
    co_return refused(ErrorType::not_found,
                      fmt::format("'{}' is no {} that this account began here and that is remembered",
                                  object.substr(0, 100), quota::to_string(kinds.front())));
  co_return std::move(***found);
}

net::Task<Outcome<void>> Exchange::go_to(const std::string& upstream, std::string_view body) {
  target_ = &*std::ranges::find(route_->targets, upstream, &catalog::Target::upstream);
  if (!reservation_) {  // a list asks for many
    CO_TRY_STATUS(hold_nothing());
    if (!worker_.admission_.durable(*reservation_)) CO_TRY_STATUS(co_await until_durable());
  }
  reservation_->record().upstream = upstream;
  auto answer = co_await worker_.upstreams_->attempt(outgoing(body), *reservation_);
  if (!answer) co_return give_up(std::move(answer).error());
  answer_ = std::move(*answer);
  note_first_byte();
  co_return Outcome<void>();
}

// It costs nothing: no limit holds anything, but the way out still asks for a reservation.
Outcome<void> Exchange::hold_nothing() {
  reservation_ = worker_.admission_.try_reserve({}, {}, stamp_, record_);
  if (reservation_) return {};
  return fail(base::Error{ErrorType::unavailable, Source::store, worker_.admission_.trouble(), {}});
}

net::Task<void> Exchange::send_free(std::string_view reply) {
  end_unmetered();
  net::HeadWriter writer = open_head();
  add_budget_fields(writer);
  writer.field("Content-Length", static_cast<std::int64_t>(reply.size()));
  count_reply(answer_.head.status);
  const std::string head(writer.end());
  if (!co_await incoming_.send(head, reply)) worker_.stats_.client_hangups.add();
  answer_.finish();
}

net::Task<Outcome<void>> Exchange::complete_deferred() {
  std::string_view body;
  if (incoming_.has_body()) {
    CO_TRY(body, co_await read_body());  // 400, 413
  }
  const Collection collection = collection_of(endpoint_);
  const std::string object = object_in(head_.path(), collection.path);
  CO_TRY(const quota::DeferredDesk::Found found, co_await find_work(object, collection.kinds));  // 404, 503
  const quota::Deferred& work = found.work;
  const bool removes = head_.method == "DELETE";
  if (removes && found.is_held)
    co_return refused(ErrorType::invalid_request,
                      fmt::format("what '{}' costs is not known yet: fetch it until its status says that it has ended, "
                                  "then delete it",
                                  work.object));
  if (removes && found.is_running)
    co_return refused(
        ErrorType::invalid_request,
        fmt::format("'{}' is still streamed to the call that began it, and its end says what it costs: let "
                    "it end, or cancel it, then delete it",
                    work.object));
  CO_TRY_STATUS(co_await go_to(work.upstream, body));
  if (endpoint_.name == "files.content") co_return co_await relay_file(found);
  const std::string_view type = answer_.head.find(net::FieldName::content_type).value_or("");
  if (answer_.head.status == 200 && meter::framing_of(type) == meter::Framing::sse) co_return co_await relay_work(work);
  const auto reply = co_await answer_.body->read_all(route_->max_reply_bytes);
  if (!reply) co_return give_up(of_upstream(reply.error()));
  const ReplyHeaders headers(answer_.head);
  if (found.is_held) co_await settle_work(work, headers.head(), *reply);
  if (work.kind == DeferredKind::batch) co_await keep_outputs(work, *reply);
  if (removes && answer_.head.status < 300) worker_.deferred_.forget(work, [](const base::Status&) {});
  co_await send_free(*reply);
  co_return Outcome<void>();
}

// What it cost, if this is its end and says so. Else it stays held: the next one who asks may learn it.
net::Task<void> Exchange::settle_work(const quota::Deferred& work, const meter::ReplyHead& head,
                                      std::string_view reply) {
  const auto object = meter::read_work_object(reply);
  if (head.status != 200 || !object || object->id != work.object || object->status != meter::WorkStatus::ended)
    co_return;
  const meter::Reply said = meter::read_reply(meter::Dialect::responses, head, reply);
  const auto stays_held = [&](std::string_view why) {
    base::log::warn("'{}' of '{}' is {}, and {}: what {} held stays unresolved", work.object, work.upstream,
                    object->status_text, why, work.exchange.to_string());
  };
  if (says_nothing(said, *object, work.kind)) co_return stays_held("does not say what it used");
  const auto terms = read_terms(work.terms);
  if (!terms) co_return stays_held(terms.error().message);
  const std::int64_t input = said.usage->input_tokens.value_or(0);
  if (work.kind == DeferredKind::batch && terms->prices_by_size(input))
    co_return stays_held("what it cost depends on the size of each request, which its results say");
  const meter::ExchangeBill bill = terms->bill(said, *said.usage);
  if (!bill.certain) co_return stays_held("what it used cannot all be priced");
  const quota::KnownCost known{.cost = bill.cost,
                               .input_tokens = input,
                               .output_tokens = said.usage->output_tokens.value_or(0),
                               .usage = said.usage};
  const base::Status booked = co_await book_work(work, known, object->status_text);
  if (!booked) stays_held(booked.error().message);
}

// Its first stream may still run: then that settles it, and this one finds nothing open.
net::Task<Outcome<void>> Exchange::relay_work(const quota::Deferred& work) {
  end_unmetered();
  net::HeadWriter writer = open_head();
  add_budget_fields(writer);
  meter::WorkStream stream;
  const bool whole = co_await relay_body(writer, std::bind_front(&meter::WorkStream::feed, &stream));
  stream.finish();
  const meter::ReplyHead head{.status = answer_.head.status};
  if (stream.has_ended()) co_await settle_work(work, head, stream.end());
  if (whole) answer_.finish();
  co_return Outcome<void>();
}

net::Task<base::Status> Exchange::book_work(const quota::Deferred& work, const quota::KnownCost& known,
                                            std::string_view status) {
  using Settled = base::Result<std::optional<quota::UnresolvedItem>>;
  const base::Money cost = known.cost;
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms]() -> Settled { return base::fail(store_slow(patience_ms)); };
  const auto settled = co_await within<Settled>(worker_.loop_, patience_ms, too_late, [&](auto done) {
    worker_.deferred_.settle(work.exchange, known, fmt::format("{} is {}", work.object, status), catalog_,
                             std::move(done));
  });
  if (!*settled) co_return std::unexpected(std::move(*settled).error());
  if (!**settled) co_return base::Status();  // somebody else was first
  worker_.stats_.cost_nanos.add(cost.nanos());
  if (cost > (**settled)->record.estimate) worker_.stats_.overruns.add();
  co_return base::Status();
}

}  // namespace gateway
