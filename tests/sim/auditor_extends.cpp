// What the auditor knows of exchanges that were given more while they were under way: an extension is held from the
// moment at which it was handed out, and then it is the exchange's or goes back.
#include <algorithm>
#include <utility>

#include "tests/sim/auditor.h"
#include "tests/sim/trouble.h"

namespace sim {

void Auditor::extension_given(int exchange, int node, const std::vector<Money>& more, const std::vector<Taking>& parts,
                              Span reach, const std::optional<BalanceWant>& balance) {
  const Exchange& of = exchanges_.at(exchange);
  hold_that(!extensions_.contains(exchange), "exchange {} is extended twice at once", exchange);
  const auto slices = std::ranges::find_if(parts, &Taking::of_balance);
  std::map<Place, Money> given;
  for (auto part = parts.begin(); part != slices; ++part) given[part->place] += part->amount;
  for (std::size_t i = 0; i < more.size(); ++i) {
    const Taking& held = of.takings.at(i);
    const Money wanted = held.amount.is_zero() ? Money::zero() : more[i];
    hold_that(given[held.place] == wanted, "all or nothing: exchange {} is to have {} more of {} and gets {}", exchange,
              wanted.nanos(), name(held.place), given[held.place].nanos());
    // Of a limit that it took on, and that was gone when it asked, it knows nothing but that it holds of it.
    const LimitBook& book = limit(held.place.limit);
    const bool is_gone = held.taken_on && (book.high.is_zero() || book.in_force_ms >= reach.start);
    if (!is_gone || !wanted.is_zero())
      check_room(exchange, {.place = held.place, .span = {}, .amount = wanted}, reach.start, std::nullopt);
    given.erase(held.place);
  }
  hold_that(given.empty(), "exchange {} is given more of what it does not hold", exchange);
  for (auto slice = slices; slice != parts.end(); ++slice) check_room(exchange, *slice, reach.start, std::nullopt);
  hold_that(balance || slices == parts.end(), "exchange {} is given more of a balance, and wants nothing of it",
            exchange);
  for (const Taking& part : parts) {
    note_held(part.place);
    accounts_[part.place].reserved += part.amount;
    note_held(part.place);
  }
  // Now that it counts: what is left of a grant is left after it.
  if (balance) check_slices(exchange, node, *balance, {slices, parts.end()}, reach, false);
  extensions_[exchange] = {.node = node, .parts = parts};
}

void Auditor::extended(int number, Money bound) {
  Exchange& exchange = exchanges_.at(number);
  exchange.earlier.push_back({exchange.takings, std::exchange(exchange.call.bound, bound)});
  for (const Taking& part : extensions_.at(number).parts) {
    const auto held = std::ranges::find_if(exchange.takings, [&](const Taking& taking) {
      return taking.place == part.place && taking.epoch == part.epoch;
    });
    if (held == exchange.takings.end())
      exchange.takings.push_back(part);
    else
      held->amount += part.amount;
  }
  extensions_.erase(number);
}

void Auditor::extension_dropped(int number) {
  for (const Taking& part : extensions_.at(number).parts) {
    note_held(part.place);
    accounts_.at(part.place).reserved -= part.amount;
    note_held(part.place);
  }
  extensions_.erase(number);
}

// With their process; nothing was relayed by them.
void Auditor::extensions_end(int node) {
  for (auto* const handed_out : {&extensions_, &to_take_on_})
    std::erase_if(*handed_out, [node](const auto& entry) { return entry.second.node == node; });
}

void Auditor::relayed(int number) {
  Exchange& exchange = exchanges_.at(number);
  exchange.relayed = exchange.earlier.size();
}

const std::vector<Taking>& Auditor::takings_of(const Exchange& exchange, std::size_t version) {
  return version < exchange.earlier.size() ? exchange.earlier[version].takings : exchange.takings;
}

// The last one, where several say the same.
std::optional<std::size_t> Auditor::version_of(const StoreRecord& record, const Exchange& exchange) {
  const auto is_said = [](const StoreHold& hold, const Taking& taking) {
    return hold.place == taking.place && hold.reserved == taking.amount;
  };
  for (std::size_t version = exchange.earlier.size() + 1; version-- > 0;) {
    const Money bound = version < exchange.earlier.size() ? exchange.earlier[version].bound : exchange.call.bound;
    if (record.estimate == bound && std::ranges::equal(record.holds, takings_of(exchange, version), is_said))
      return version;
  }
  return std::nullopt;
}

}  // namespace sim
