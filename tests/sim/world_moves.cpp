// Where the account is: below one of two others, or at the top. In every second life an operator moves it, and some of
// the limits are on the two. What an exchange counts on is what stood above it when it was asked; what a limit finds
// that comes into force is what was spent while the account was below.
//
// The dice here are made from the seed and the steps, so that whoever does not move lives as before.
#include <algorithm>

#include "tests/sim/world.h"

namespace sim {
namespace {

constexpr std::uint64_t of_homes = 0x9E37'79B9'7F4A'7C15;

}  // namespace

void World::found_homes(std::uint64_t seed) {
  Dice dice(seed ^ of_homes);
  if (!dice.once_in(2)) return;
  for (const char* const name : {"first", "second"}) {
    homes_.push_back(
        {.id = base::AccountId::create({1}, dice), .parent = {}, .name = name, .external_id = {}, .created = {}});
    (void)truth_.catalog().put(homes_.back());
  }
  home_ = 1;
  account_.parent = homes_.front().id;
  auditor_.moved(home_, clock_.wall_ms, clock_.wall_ms);
}

base::AccountId World::subject_of(int limit) const {
  if (homes_.empty() || limit % 5 < 3) return account_.id;
  return homes_[static_cast<std::size_t>(limit % 5 - 3)].id;
}

int World::home_of(const catalog::Limit& limit) const {
  const auto home =
      std::ranges::find(homes_, limit.subject, [](const auto& one) -> catalog::LimitSubject { return one.id; });
  return home == homes_.end() ? 0 : static_cast<int>(home - homes_.begin()) + 1;
}

bool World::is_to_move(const Step& step) const { return !homes_.empty() && Dice(step.dice ^ of_homes).once_in(4); }

void World::move(Node& by, const Step& step) {
  Dice dice(step.dice + of_homes);
  catalog::Account changed = account_;
  const auto to = static_cast<std::size_t>(dice.between(0, 2));
  changed.parent = to == 0 ? std::nullopt : std::optional(homes_[to - 1].id);
  if (changed.parent == account_.parent) return;
  ++figures_.moves;
  trace_.say("  the account is to be moved to {}", to);
  const base::WallTime now = by.clock.wall_now();
  std::optional<std::int64_t> newest_ms;  // of the first time, where it is made twice
  const auto apply = [&] {
    std::int64_t newest = now.ms;
    for (const StoreRecord& record : records()) newest = std::max(newest, record.started_ms);
    newest_ms = newest_ms.value_or(newest);
    return truth_.catalog().apply({.accounts = {changed}}, now);
  };
  try {
    (void)by.process->on_store_thread([&] { return by.link.change(apply); });
  } catch (const Crash&) {
    if (see_where_it_is(now, newest_ms.value_or(now.ms))) {
      const View view = view_of_keys();
      for (const auto& node : nodes_)
        for (std::size_t worker = 0; node.get() != &by && worker < node->process->worker_count(); ++worker)
          node->process->publish(worker, view);
    }
    throw;
  }
  if (see_where_it_is(now, newest_ms.value_or(now.ms))) publish_everywhere();
}

// As whoever has moved it looks again where he was not answered: whether it is elsewhere now.
bool World::see_where_it_is(base::WallTime moved, std::int64_t newest_ms) {
  const auto stored = truth_.catalog().load();
  if (!stored) throw Violation(stored.error().message);
  const auto now = std::ranges::find(stored->accounts, account_.id, &catalog::Account::id);
  if (now->parent == account_.parent) return false;
  account_.parent = now->parent;
  const auto home = std::ranges::find(homes_, now->parent, [](const auto& one) { return std::optional(one.id); });
  home_ = home == homes_.end() ? 0 : static_cast<int>(home - homes_.begin()) + 1;
  auditor_.moved(home_, moved.ms, newest_ms);
  return true;
}

}  // namespace sim
