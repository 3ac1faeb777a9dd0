// The ways to the store in memory: of the one node that it is embedded in, and of those of a fleet that shares it.
#include <cstdlib>
#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "store/memory/memory_store.h"

namespace store {

// One process of a node of a fleet.
class MemoryStore::Member final : public quota::Store {
 public:
  Member(MemoryStore& store, base::Uuid node, const base::Clock& clock, const Fleet& fleet)
      : store_(store), node_(node), clock_(clock), fleet_(fleet) {}
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() override { on_wanted({}); }

  base::Result<quota::LeftBehind> left_behind() override {
    const std::lock_guard lock(store_.mutex_);
    quota::LeftBehind left = store_.left_behind_of(node_);
    left.now = clock_.wall_now();
    return left;
  }
  std::uint64_t last_commit() const override { return store_.last_commit(); }

  base::Result<quota::Recovery> recover(base::WallTime now, const quota::Evidence& evidence) override {
    const std::lock_guard lock(store_.mutex_);
    TRY(const auto recovery, store_.recover_node(node_, now, evidence));
    incarnation_ = recovery.incarnation;
    stays_alive();
    return recovery;
  }

  base::Result<std::vector<quota::Grant>> grant(std::span<const quota::GrantRequest> requests) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    std::vector<quota::GrantRequest> arrived(requests.begin(), requests.end());
    for (quota::GrantRequest& request : arrived) TRY_STATUS(arrive(request.of.at));
    return store_.grant_to(node_, arrived);
  }

  base::Status flush(const quota::Flush& flush) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    return store_.flush_of(node_, flush);
  }

  base::Result<std::vector<quota::CounterState>> read(std::span<const quota::CounterQuery> counters) override {
    // Of the same moment as a grant, or the two would contradict each other until the node hears what time it is.
    std::vector<quota::CounterQuery> arrived(counters.begin(), counters.end());
    for (quota::CounterQuery& query : arrived) query.at = std::max(query.at, clock_.wall_now());
    return store_.read(arrived);
  }

  base::Status hold(const quota::Quote& quote, std::int64_t epoch) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    return store_.hold_for(node_, quote, epoch);
  }

  base::Result<std::optional<quota::Quote>> find_quote(base::QuoteId id, base::WallTime now) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    return store_.quote_of(id, now);
  }

  base::Result<quota::Redeemed> redeem(const quota::Redemption& redemption) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    quota::Redemption arrived = redemption;
    TRY_STATUS(arrive(arrived.now));
    for (auto* const requests : {&arrived.limits, &arrived.grants})
      for (quota::GrantRequest& request : *requests) request.of.at = arrived.now;
    return store_.redeem_for(node_, arrived);
  }

  base::Result<quota::EndedQuotes> end_quotes(base::WallTime now, std::span<const base::QuoteId> also) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    TRY_STATUS(arrive(now));
    return store_.end_quotes_of(now, also);
  }

  std::optional<std::int64_t> lease_ttl_ms() const override { return fleet_.ttl_ms; }
  std::int64_t max_skew_ms() const override { return fleet_.max_skew_ms; }

  base::Result<quota::Heartbeat> heartbeat() override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    expire_the_silent();
    stays_alive();
    Node& own = store_.nodes_.at(node_);
    quota::Heartbeat beat{.epoch = own.epoch, .nodes = 0, .now = clock_.wall_now()};
    for (const Node& node : store_.nodes_ | std::views::values) beat.nodes += node.alive ? 1 : 0;
    for (const auto& [name, row] : store_.books_.leases)
      if (name.node == node_ && row.totals.remainder() > 0)
        beat.rows.push_back({.counter = name.row.counter, .epoch = name.row.epoch, .totals = row.totals});
    for (const quota::CounterKey& counter : std::exchange(own.wanted, {})) beat.wanted.push_back(counter);
    return beat;
  }

  void on_wanted(std::function<void()> call) override {
    const std::lock_guard lock(store_.mutex_);
    if (const auto own = store_.nodes_.find(node_);
        own != store_.nodes_.end() && incarnation_ == own->second.incarnation)
      own->second.on_wanted = std::move(call);
  }

 private:
  base::Status check_open() const {
    ASSERT(incarnation_ > 0);
    if (store_.nodes_.at(node_).incarnation == incarnation_) return {};
    return base::fail(base::ErrorType::conflict,
                      "another process has taken over this node; this one admits nothing more", {},
                      base::Source::store);
  }
  // A request that was long on its way, or whose node is behind, is of the moment at which it arrives: a raise or a
  // quote that is over then is over for it.
  base::Status arrive(base::WallTime& at) const {
    const base::WallTime now = clock_.wall_now();
    const std::int64_t off_ms = at.ms - now.ms;
    at = std::max(at, now);
    if (std::abs(off_ms) <= fleet_.max_skew_ms) return {};
    return base::fail(base::ErrorType::unavailable,
                      fmt::format("this node counts by a time that is {} ms {} the store's, and {} ms are allowed "
                                  "(max_skew); where the store's clock was set back, start the node again",
                                  std::abs(off_ms), off_ms > 0 ? "ahead of" : "behind", fleet_.max_skew_ms),
                      {}, base::Source::store);
  }
  void stays_alive() {
    Node& own = store_.nodes_.at(node_);
    own.alive = true;
    own.valid_until = clock_.now().plus_ms(fleet_.ttl_ms);
  }
  void expire_the_silent() {
    const base::Instant now = clock_.now();
    for (auto& [id, node] : store_.nodes_) {
      if (!node.valid_until || *node.valid_until > now) continue;
      node.alive = id == node_;
      node.valid_until.reset();
      store_.expire(id);
    }
  }

  MemoryStore& store_;
  const base::Uuid node_;
  const base::Clock& clock_;
  const Fleet fleet_;
  std::int64_t incarnation_ = 0;
};

std::unique_ptr<quota::Store> MemoryStore::join(base::Uuid node, const base::Clock& clock, Fleet fleet) {
  ASSERT(!node.is_nil());
  return std::make_unique<Member>(*this, node, clock, fleet);
}

std::vector<MemoryStore::OpenRow> MemoryStore::open_rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<OpenRow> rows;
  for (const auto& [name, row] : books_.leases)
    rows.push_back({name.node, {name.row.counter, name.row.epoch, row.totals}, row.expired});
  return rows;
}

void MemoryStore::expire(base::Uuid node) {
  Node& silent = nodes_.at(node);
  for (auto& [name, row] : books_.leases) {
    if (name.node != node || row.expired) continue;
    row.expired = true;
    Counter& counter = books_.counters[name.row.counter];
    counter.leased -= row.totals.remainder();
    counter.unresolved += row.totals.remainder();
  }
  ++silent.epoch;
  ++commits_;
}

void MemoryStore::ask_others_for(const quota::CounterKey& counter, base::Uuid node) {
  for (const auto& [name, row] : books_.leases) {
    if (name.node == node || name.row.counter != counter || row.expired || row.totals.remainder() == 0) continue;
    Node& other = nodes_.at(name.node);
    if (other.wanted.insert(counter).second && other.on_wanted) other.on_wanted();
  }
}

// --- the embedded one ------------------------------------------------------------------------------------------------

base::Result<quota::LeftBehind> MemoryStore::left_behind() {
  const std::lock_guard lock(mutex_);
  return left_behind_of({});
}

std::uint64_t MemoryStore::last_commit() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

base::Result<quota::Recovery> MemoryStore::recover(base::WallTime now, const quota::Evidence& evidence) {
  const std::lock_guard lock(mutex_);
  return recover_node({}, now, evidence);
}

base::Result<std::vector<quota::Grant>> MemoryStore::grant(std::span<const quota::GrantRequest> requests) {
  const std::lock_guard lock(mutex_);
  ASSERT(nodes_.at({}).incarnation > 0);
  return grant_to({}, requests);
}

base::Status MemoryStore::flush(const quota::Flush& flush) {
  const std::lock_guard lock(mutex_);
  ASSERT(nodes_.at({}).incarnation > 0);
  return flush_of({}, flush);
}

base::Result<std::vector<quota::CounterState>> MemoryStore::read(std::span<const quota::CounterQuery> counters) {
  const std::lock_guard lock(mutex_);
  std::vector<quota::CounterState> states;
  for (const quota::CounterQuery& query : counters) states.push_back(state_of(query));
  return states;
}

}  // namespace store
