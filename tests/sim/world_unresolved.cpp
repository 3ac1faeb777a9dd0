// What an operator does about calls whose cost nobody knew, and the time-out where he does nothing: as the program has
// it done, through one of its nodes (src/app/store_thread.h).
#include <algorithm>

#include "catalog/catalog.h"
#include "quota/unresolved.h"
#include "tests/sim/world.h"

namespace sim {
namespace {

using quota::UnresolvedItem;

base::Money money_of(std::int64_t amount) { return base::Money::from_nanos(amount); }

constexpr std::size_t items_max = 40;  // that he looks through

Decided::Verdict told(quota::Verdict verdict) {
  switch (verdict) {
    case quota::Verdict::settled: return Decided::Verdict::settled;
    case quota::Verdict::released: return Decided::Verdict::released;
    case quota::Verdict::timed_out: break;
  }
  return Decided::Verdict::timed_out;
}

// The way of corrections to the store thread of a node.
class Corrections final : public quota::UnresolvedStore {
 public:
  using Correct = std::function<base::Result<UnresolvedItem>(const quota::Correction&)>;
  Corrections(quota::UnresolvedStore& store, Correct correct) : store_(store), correct_(std::move(correct)) {}
  base::Result<std::vector<UnresolvedItem>> open_items(const quota::UnresolvedFilter& filter) override {
    return store_.open_items(filter);
  }
  base::Result<UnresolvedItem> item(base::ExchangeId id) override { return store_.item(id); }
  base::Result<UnresolvedItem> correct(const quota::Correction& correction) override { return correct_(correction); }

 private:
  quota::UnresolvedStore& store_;
  const Correct correct_;
};

}  // namespace

Decided World::about(const UnresolvedItem& item, Decided decided) {
  const StoreRecord record = told(item.record);
  if (record.kind == RecordKind::unaccounted) {
    decided.lost = record.holds.front();
    decided.lost_id = record.id;
    decided.lost_ms = record.started_ms;
  } else {
    decided.exchange = record.exchange;
  }
  return decided;
}

void World::decide(Node& by, Dice& dice) {
  const auto snapshot = (*catalog::Catalog::open(truth_.catalog(), clock_, dice))->current();
  Decided wanted;
  for (const auto& [id, number] : numbers_)
    if (number < first_grant && snapshot->find_limit(id) == nullptr) wanted.gone.insert(number);
  Corrections corrections(truth_.unresolved(),
                          [&](const quota::Correction& correction) { return correct(by, correction, wanted); });
  // As the store has it: an edit whose answer was lost is in force there.
  wanted.markup_basis_points = snapshot->find_account(account_.id)->markup.value;
  const std::int64_t after_ms = dice.between(0, dice.once_in(2) ? 60'000 : 100'000'000);
  quota::UnresolvedDesk desk(corrections, clock_, dice, after_ms);
  if (dice.once_in(6)) {
    trace_.say("  what has been unresolved for {} ms is to be booked", after_ms);
    if (!desk.settle_overdue(*snapshot)) ++figures_.not_decided;
    return;
  }
  const auto items = *truth_.unresolved().open_items({.limit = items_max});
  const bool again = last_decided_ && dice.once_in(5);
  if (items.empty() && !again) return;
  const UnresolvedItem item = again ? *truth_.unresolved().item(*last_decided_) : dice.any_of(items);
  last_decided_ = item.record.id;
  const Decided of_item = about(item, wanted);
  if (dice.once_in(3)) {
    trace_.say("  nothing more is owed for {}", of_item.what());
    const auto released = desk.release(item.record.id, "nothing came of it", *snapshot);
    return check_decision(item, released, false);
  }
  quota::KnownCost known;
  const std::int64_t rest = std::max<std::int64_t>(0, (item.record.estimate - item.record.cost).nanos());
  const std::int64_t more = dice.once_in(4) ? rest : dice.between(0, rest + (dice.once_in(5) ? 3'000 * coin_ : 0));
  known.cost = item.record.cost + money_of(dice.once_in(15) ? -1 : more);
  if (dice.once_in(2)) {
    const std::int64_t counted = item.record.usage ? item.record.usage->input_tokens.value_or(0) : 0;
    known.input_tokens = std::max<std::int64_t>(0, counted + (dice.once_in(15) ? -1 : dice.between(0, 80)));
    known.output_tokens = 0;
    wanted.tokens = money_of(*known.input_tokens);
  }
  wanted.cost = known.cost;
  trace_.say("  {} is said to have cost {} usd, {} tokens", of_item.what(), known.cost.nanos(),
             known.input_tokens.value_or(-1));
  const Decided whole = about(item, wanted);
  const bool is_wrong = known.cost.is_negative() || (!item.correction && auditor_.is_below_what_is_booked(whole));
  check_decision(item, desk.settle(item.record.id, known, "invoice", *snapshot), is_wrong);
}

void World::check_decision(const UnresolvedItem& before, const base::Result<UnresolvedItem>& after, bool is_wrong) {
  if (after) {
    if (is_wrong) throw Violation("a call is settled below what is booked of it");
    if (before.correction && after->correction != before.correction)
      throw Violation("what was decided is decided otherwise");
    if (before.correction) ++figures_.decided_again;
    return;
  }
  ++figures_.not_decided;
  switch (after.error().type) {
    case base::ErrorType::unavailable: return;
    case base::ErrorType::conflict:
      if (before.correction) return;
      break;
    case base::ErrorType::invalid_request:
      if (is_wrong || before.correction) return;
      break;
    default: break;
  }
  throw Violation("a decision is refused that is good: " + after.error().message);
}

// As UnresolvedOnStoreThread does it.
base::Result<UnresolvedItem> World::correct(Node& by, const quota::Correction& correction, const Decided& wanted) {
  base::Result<UnresolvedItem> corrected = base::fail(base::ErrorType::unavailable, "the store was not asked");
  const base::Status status = by.process->on_store_thread([&] {
    return by.link.change([&]() -> base::Status {
      TRY(corrected, truth_.unresolved().correct(correction));
      note_correction(*corrected, correction, wanted);
      return {};
    });
  });
  if (!status && status.error().type != base::ErrorType::unavailable) return std::unexpected(status.error());
  for (const events::Hold& hold : correction.record.holds) tell(by, hold.limit);
  if (corrected) auditor_.correction_told(about(*corrected, wanted), by.link.flush_in_doubt);
  if (!status) return std::unexpected(status.error());
  return corrected;
}

void World::note_correction(const UnresolvedItem& item, const quota::Correction& asked, const Decided& wanted) {
  if (item.correction->record.id != asked.record.id) return;  // it was decided before
  Decided decided = about(item, wanted);
  decided.verdict = sim::told(asked.verdict);
  switch (decided.verdict) {
    case Decided::Verdict::settled: ++figures_.settled; break;
    case Decided::Verdict::released: ++figures_.let_go; break;
    case Decided::Verdict::timed_out: ++figures_.timed_out; break;
  }
  const StoreRecord record = told(asked.record);
  for (const StoreHold& hold : record.holds)
    trace_.say("    {} more spent and {} no more unresolved of {}", hold.spent.nanos(), -hold.unresolved.nanos(),
               name(hold.place));
  auditor_.corrected(decided, record);
}

}  // namespace sim
