#include "quota/deferred_desk.h"

namespace quota {

void DeferredDesk::keep(Deferred work, std::function<void(base::Status)> done) {
  keeper_.run([this, work = std::move(work), done = std::move(done)] { done(store_.keep_deferred(work)); });
}

void DeferredDesk::forget(const Deferred& work, std::function<void(base::Status)> done) {
  keeper_.run([this, upstream = work.upstream, object = work.object, done = std::move(done)] {
    done(store_.forget_deferred(upstream, object));
  });
}

void DeferredDesk::find(DeferredQuestion question, std::function<void(base::Result<std::optional<Found>>)> done) {
  const auto find_now = [this](const DeferredQuestion& asked) -> base::Result<std::optional<Found>> {
    TRY(auto work, store_.find_deferred(asked));
    if (!work) return std::nullopt;
    TRY(const auto item, open_item(work->exchange));
    bool is_running = false;
    if (work->kind == DeferredKind::response) {
      TRY(const bool ended, has_ended(work->exchange));
      is_running = !ended;
    }
    return Found{std::move(*work), item.has_value(), is_running};
  };
  keeper_.run([find_now, question = std::move(question), done = std::move(done)] { done(find_now(question)); });
}

void DeferredDesk::settle(base::ExchangeId exchange, const KnownCost& known, std::string reason,
                          std::shared_ptr<const catalog::Snapshot> snapshot,
                          std::function<void(base::Result<std::optional<UnresolvedItem>>)> done) {
  keeper_.run([this, exchange, known, reason = std::move(reason), snapshot = std::move(snapshot),
               done = std::move(done)] { done(settle_now(exchange, known, reason, *snapshot)); });
}

void DeferredDesk::list(DeferredListing listing, std::function<void(base::Result<std::vector<Found>>)> done) {
  const auto list_now = [this](const DeferredListing& asked) -> base::Result<std::vector<Found>> {
    TRY(auto works, store_.list_deferred(asked));
    std::vector<Found> found;
    for (Deferred& work : works) {
      TRY(const auto item, open_item(work.exchange));
      found.push_back({std::move(work), item.has_value()});
    }
    return found;
  };
  keeper_.run([list_now, listing = std::move(listing), done = std::move(done)] { done(list_now(listing)); });
}

// An exchange that ended a moment ago may not be in the store yet.
base::Result<std::optional<UnresolvedItem>> DeferredDesk::open_item(base::ExchangeId exchange) {
  TRY_STATUS(keeper_.flush_settled());
  auto item = unresolved_.item(exchange);
  if (!item && item.error().type == base::ErrorType::not_found) return std::nullopt;
  if (!item) return base::fail(std::move(item).error());
  if (item->correction) return std::nullopt;
  return std::optional(std::move(*item));
}

// Of what has ended there is a record, or there was one that was dropped for its age.
base::Result<bool> DeferredDesk::has_ended(base::ExchangeId exchange) {
  const auto record = usage_.record(exchange);
  if (!record && record.error().type == base::ErrorType::not_found) return true;
  if (!record) return std::unexpected(record.error());
  return record->has_value();
}

base::Result<std::optional<UnresolvedItem>> DeferredDesk::settle_now(base::ExchangeId exchange, const KnownCost& known,
                                                                     const std::string& reason,
                                                                     const catalog::Snapshot& snapshot) {
  TRY(const auto open, open_item(exchange));
  if (!open) return std::nullopt;
  TRY(auto settled, decisions_.settle(exchange, known, reason, snapshot));
  for (const events::Hold& hold : settled.correction->record.holds) keeper_.corrected(hold.limit);
  return std::optional(std::move(settled));
}

}  // namespace quota
