#include "tests/sim/figures.h"

#include <fmt/core.h>

namespace sim {
namespace {

struct Named {
  const char* name;
  std::int64_t Figures::* figure;
};
constexpr Named all[] = {
    {"lives", &Figures::lives},
    {"steps", &Figures::steps},
    {"exchanges", &Figures::exchanges},
    {"  admitted from a lease", &Figures::admitted_fast},
    {"  admitted by the keeper", &Figures::admitted_slow},
    {"  refused, limit_reached", &Figures::reached},
    {"  refused, limit_busy", &Figures::busy},
    {"  refused, insufficient_balance", &Figures::insufficient},
    {"  refused, unavailable", &Figures::unavailable},
    {"  client gone before the answer", &Figures::abandoned},
    {"  not written for want of room", &Figures::unwritten},
    {"settled exactly", &Figures::exact},
    {"settled as at least", &Figures::at_least},
    {"  of them overruns", &Figures::overruns},
    {"released", &Figures::released},
    {"dropped unsent", &Figures::dropped_unsent},
    {"dropped after sending", &Figures::dropped_sent},
    {"crashes", &Figures::crashes},
    {"  inside a call of the store", &Figures::crashes_in_store},
    {"  killed, with a journal", &Figures::kills},
    {"  power lost", &Figures::power_losses},
    {"  a journal erased or cut", &Figures::damages},
    {"  exchanges unresolved by them", &Figures::crashed_records},
    {"  exchanges lost with them", &Figures::lost_exchanges},
    {"  overruns nobody can know of", &Figures::lost_overruns},
    {"  unaccounted records", &Figures::unaccounted},
    {"closed in good order", &Figures::closes},
    {"store calls refused", &Figures::refused_calls},
    {"store replies lost", &Figures::lost_replies},
    {"  grants among them", &Figures::lost_grants},
    {"store calls made twice", &Figures::repeated_calls},
    {"store calls that took long", &Figures::slow_calls},
    {"acts while the store worked", &Figures::meanwhile},
    {"extended", &Figures::extended},
    {"  from a lease", &Figures::extended_fast},
    {"extensions refused", &Figures::not_extended},
    {"extensions given back", &Figures::extensions_dropped},
    {"asked with an Idempotency-Key", &Figures::keyed},
    {"  that had it", &Figures::keys_claimed},
    {"  given the first reply", &Figures::replayed},
    {"  refused by it", &Figures::keys_refused},
    {"  not told", &Figures::keys_given_up},
    {"quotes asked for", &Figures::quotes},
    {"  held", &Figures::quotes_held},
    {"  redeemed", &Figures::quotes_redeemed},
    {"  not usable when redeemed", &Figures::quotes_unusable},
    {"  expired", &Figures::quotes_expired},
    {"lives of a prepaid account", &Figures::prepaid_lives},
    {"  exchanges of several grants", &Figures::slices},
    {"  top-ups", &Figures::top_ups},
    {"  refunds", &Figures::refunds},
    {"  fees", &Figures::fees},
    {"  monthly fees", &Figures::monthly_fees},
    {"  grants voided", &Figures::voids},
    {"  disputes", &Figures::disputes},
    {"  expiries posted", &Figures::expiries},
    {"  covers posted", &Figures::covers},
    {"  orders refused", &Figures::orders_refused},
    {"  orders given again", &Figures::orders_repeated},
    {"  last cents spent", &Figures::last_cents},
    {"edits of a limit", &Figures::edits},
    {"  raises among them", &Figures::raises},
    {"moves of the account", &Figures::moves},
    {"thresholds crossed", &Figures::crossings},
    {"limits removed", &Figures::removals},
    {"unresolved, and settled", &Figures::settled},
    {"  released", &Figures::let_go},
    {"  timed out", &Figures::timed_out},
    {"  decided again", &Figures::decided_again},
    {"  not decided", &Figures::not_decided},
    {"limits to come into force", &Figures::openings},
    {"  that did", &Figures::opened},
    {"  exchanges that they found", &Figures::counted_by_openings},
    {"  taken on under way", &Figures::taken_on},
    {"jumps of a clock", &Figures::jumps},
    {"times at rest", &Figures::calms},
    {"last units spent", &Figures::last_units},
};

}  // namespace

void Figures::add(const Figures& other) {
  for (const Named& entry : all) this->*entry.figure += other.*entry.figure;
}

void Figures::print() const {
  for (const Named& entry : all) fmt::print("  {:<32} {:>12}\n", entry.name, this->*entry.figure);
}

}  // namespace sim
