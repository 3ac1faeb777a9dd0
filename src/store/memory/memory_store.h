#pragma once
// The reference model of the store: plain maps behind one mutex, written to be read. It keeps nothing when the program
// ends, so it serves `metergate demo` and tests; every other store must behave like it (tests/conformance).
//
// What a flush does to a counter. A hold reserved r, spent s and left u unresolved; f = r - s - u, if positive, went
// back to the node's own free lease, where it stays leased. Hence
//
//   moved      = min(r, s + u)              leaves the lease: consumed += moved, leased -= moved
//   spent      += s, unresolved += u        in full, also the overrun s + u - r that nobody leased
//   spent of its sub-window += s            where the hold names one; only these count for a rolling limit
//
// `moved` is bounded by the lease row's remainder. What a node settles beyond what it was granted is booked as an
// overrun is: what happened is never left out of the books because it should not have happened. Of a row that has
// expired the remainder stands in `unresolved`, and `moved` leaves that.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "catalog/secret_store.h"
#include "catalog/store.h"
#include "events/limit_event.h"
#include "events/usage_feed.h"
#include "events/usage_log.h"
#include "events/usage_retention.h"
#include "idempotency/store.h"
#include "identity/store.h"
#include "ledger/store.h"
#include "quota/deferred.h"
#include "quota/doctor.h"
#include "quota/store.h"
#include "quota/unresolved.h"
#include "store/charges.h"
#include "store/evidence.h"
#include "store/opening.h"
#include "store/thresholds.h"

namespace store {

// Every call is atomic and may come from any thread; an error changes nothing.
class MemoryStore final : public catalog::Store,
                          public catalog::SecretStore,
                          public quota::Store,
                          public quota::UnresolvedStore,
                          public quota::Books,
                          public ledger::Store,
                          public events::UsageLog,
                          public events::UsageFeed,
                          public events::UsageRetention,
                          public events::LimitEventLog,
                          public idempotency::Store,
                          public quota::DeferredStore,
                          public identity::Store {
 public:
  // catalog::Store. Refuses (conflict) what would point nowhere or be taken for another: an unknown parent, account or
  // subject, an external_id or key hash that is taken.
  base::Result<catalog::Contents> load() override;
  base::Result<std::vector<catalog::Grant>> load_grants(std::optional<base::AccountId> account) override;
  base::Status apply(const catalog::Changes& changes, base::WallTime now) override;
  base::Status look_ahead(const catalog::Changes& changes, base::WallTime now) override;

  // catalog::SecretStore. Not sealed: nothing of it leaves this process's memory.
  base::Result<std::vector<std::string>> secret_names() override;
  base::Result<std::optional<base::Secret>> find_secret(std::string_view upstream) override;
  base::Status put_secret(std::string_view upstream, const base::Secret& secret) override;
  base::Status remove_secret(std::string_view upstream) override;

  // A node of a fleet that has this store in common: its process's way here. `clock` is the store's and runs for all of
  // them. Both outlive it.
  struct Fleet {
    std::int64_t ttl_ms = 0;       // how long leases hold after a heartbeat
    std::int64_t max_skew_ms = 0;  // how far the time that a node counts by may be from the clock
  };
  std::unique_ptr<quota::Store> join(base::Uuid node, const base::Clock& clock, Fleet fleet);
  // The same node's way to the Idempotency-Keys, for its process that began last.
  std::unique_ptr<idempotency::Store> join_keys(base::Uuid node);
  // The open lease rows as they lie.
  struct OpenRow {
    base::Uuid node;  // nil: the embedded one
    quota::LeaseRow row;
    bool expired = false;  // what is left of it is unresolved, not leased
  };
  std::vector<OpenRow> open_rows() const;

  // quota::Store, of the one node of an embedded store. grant and flush need an open incarnation. The amount of an
  // unknown or removed limit reads as zero.
  base::Result<quota::LeftBehind> left_behind() override;
  std::uint64_t last_commit() const override;
  base::Result<quota::Recovery> recover(base::WallTime now, const quota::Evidence& evidence) override;
  base::Result<std::vector<quota::Grant>> grant(std::span<const quota::GrantRequest> requests) override;
  base::Status flush(const quota::Flush& flush) override;
  base::Result<std::vector<quota::CounterState>> read(std::span<const quota::CounterQuery> counters) override;
  base::Status hold(const quota::Quote& quote, std::int64_t epoch) override;
  base::Result<std::optional<quota::Quote>> find_quote(base::QuoteId id, base::WallTime now) override;
  base::Result<quota::Redeemed> redeem(const quota::Redemption& redemption) override;
  base::Result<quota::EndedQuotes> end_quotes(base::WallTime now, std::span<const base::QuoteId> also) override;

  // quota::UnresolvedStore.
  base::Result<std::vector<quota::UnresolvedItem>> open_items(const quota::UnresolvedFilter& filter) override;
  base::Result<quota::UnresolvedItem> item(base::ExchangeId id) override;
  base::Result<quota::UnresolvedItem> correct(const quota::Correction& correction) override;

  // quota::Books.
  base::Result<Kept> show(quota::BooksReader& reader) override;

  // events::UsageLog. An unaccounted record counts in `unknown_usage` alone: it is no exchange, but it says that the
  // sums are incomplete.
  base::Result<std::vector<events::UsageRecord>> records(const events::UsageFilter& filter) override;
  base::Result<std::optional<events::UsageRecord>> record(base::ExchangeId id) override;
  base::Result<std::optional<base::WallTime>> kept_from() override;
  base::Result<events::FeedPosition> end_of_feed() override;
  base::Result<std::vector<std::pair<events::FeedPosition, events::UsageRecord>>> written_after(
      events::FeedPosition after, std::size_t most) override;
  base::Result<std::vector<events::UsageRow>> series(const events::SeriesQuery& query) override;
  base::Result<std::vector<events::UsageLatency>> latencies(const events::UsageFilter& filter,
                                                            events::UsageGroup group) override;
  using events::UsageLog::sums;
  base::Result<std::vector<events::UsageSum>> sums(const events::UsageFilter& filter, events::UsageGroup group,
                                                   std::string_view tag_name) override;

  // events::UsageRetention.
  base::Result<events::Dropped> drop_records(base::WallTime before) override;

  // ledger::Store.
  base::Result<ledger::Decided> post(const ledger::Order& order, base::WallTime now) override;
  base::Result<std::int64_t> sweep(base::WallTime now) override;
  base::Result<std::optional<catalog::Grant>> find_grant(base::GrantId id) override;
  base::Result<ledger::Book> book(base::AccountId account) override;
  base::Result<std::vector<ledger::Transfer>> transfers(const ledger::TransferFilter& filter) override;
  base::Result<std::optional<ledger::Transfer>> find_transfer(base::TransferId id) override;
  base::Result<std::vector<ledger::Discrepancy>> check() override;

  base::Result<std::vector<events::LimitEvent>> limit_events(const events::LimitEventFilter& filter) override;
  std::int64_t limit_events_written(catalog::ThresholdAction action) const override;

  // idempotency::Store.
  base::Result<std::optional<idempotency::Standing>> claim(const idempotency::ClaimRequest& request) override;
  base::Status finish(const idempotency::Name& name, base::ExchangeId exchange, idempotency::State state,
                      const std::optional<idempotency::KeptReply>& reply) override;
  base::Status free(const idempotency::Name& name, base::ExchangeId exchange) override;

  // quota::DeferredStore.
  base::Status keep_deferred(const quota::Deferred& work) override;
  base::Result<std::optional<quota::Deferred>> find_deferred(const quota::DeferredQuestion& question) override;
  base::Result<std::vector<quota::Deferred>> list_deferred(const quota::DeferredListing& listing) override;
  base::Status forget_deferred(std::string_view upstream, std::string_view object) override;

  // identity::Store.
  base::Result<std::vector<identity::User>> users() override;
  base::Result<std::optional<identity::User>> find_user(identity::UserId id) override;
  base::Result<std::optional<identity::User>> find_user_named(std::string_view name) override;
  base::Status put_user(const identity::User& user) override;
  base::Status remove_user(identity::UserId id) override;
  base::Status open_session(const identity::Session& session) override;
  base::Result<std::optional<identity::Session>> find_session(identity::SessionId id) override;
  base::Status end_session(identity::SessionId id) override;
  base::Status begin_change(const identity::AuditEntry& entry) override;
  base::Status end_change(const identity::AuditEntry& entry) override;
  base::Result<std::vector<identity::AuditEntry>> changes(const identity::AuditFilter& filter) override;

 private:
  struct StoredLimit {
    catalog::Limit limit;
    bool removed = false;
  };
  // The part of a counter that is kept; its amount is the limit's.
  struct Counter {
    std::int64_t spent = 0;
    std::int64_t leased = 0;
    std::int64_t unresolved = 0;
    std::int64_t quoted = 0;
    std::map<base::WindowLabel, std::int64_t> sub_windows = {};  // of a rolling limit: what was spent in each
  };
  // A lease row of a node's last incarnation.
  struct RowName {
    base::Uuid node;  // nil: the embedded one
    RowKey row;
    auto operator<=>(const RowName&) const = default;
  };
  struct LeaseRow {
    quota::LeaseTotals totals;
    bool expired = false;
  };
  // What a flush changes, so that it can be tried on a copy.
  struct Books {
    std::map<quota::CounterKey, Counter> counters;
    std::map<RowName, LeaseRow> leases;
    base::Status book(const events::Hold& hold, base::Uuid node);
    base::Status take_back(const quota::LeaseReturn& lease_return, base::Uuid node);
    base::Status correct(const events::Hold& hold);
    // So much has left the row.
    void leaves(const RowName& name, const LeaseRow& row, std::int64_t amount);
    std::int64_t leased_by_others(const quota::CounterKey& counter, base::Uuid node) const;
  };
  struct Node {
    std::int64_t incarnation = 0;
    std::int64_t epoch = quota::first_epoch;
    std::vector<std::uint64_t> marks = {};          // by worker
    std::optional<base::Instant> valid_until = {};  // nullopt: for ever, or it has expired
    bool alive = false;
    std::set<quota::CounterKey> wanted = {};
    std::function<void()> on_wanted = {};
  };
  class Member;
  struct StoredGrant {
    catalog::Grant grant;
    base::Money disputed = {};
    base::Money expired = {};
  };
  struct IdempotencyKey {
    base::Sha256 request{};
    base::ExchangeId exchange;
    base::Uuid node;  // nil: the embedded one
    std::int64_t incarnation = 0;
    base::WallTime expires;
    idempotency::State state = idempotency::State::in_flight;
    std::optional<idempotency::KeptReply> reply = std::nullopt;
  };
  // By time, then id: the order in which records are listed.
  using UsageKey = std::pair<base::WallTime, base::ExchangeId>;

  // Under the lock; of the node's process that runs now.
  class KeyMember;
  void make_room(const idempotency::ClaimRequest& request);
  std::optional<idempotency::Standing> claim_for(base::Uuid node, const idempotency::ClaimRequest& request);
  void finish_for(base::Uuid node, const idempotency::Name& name, base::ExchangeId exchange, idempotency::State state,
                  const std::optional<idempotency::KeptReply>& reply);
  void free_for(base::Uuid node, const idempotency::Name& name, base::ExchangeId exchange);
  bool is_in_flight(const IdempotencyKey& key) const;
  // The key, if the exchange has it in flight; else nullptr.
  IdempotencyKey* claimed_by(base::Uuid node, const idempotency::Name& name, base::ExchangeId exchange);
  quota::CounterState state_of(const quota::CounterQuery& query) const;
  // What the calls of the port do for a node; under the lock.
  quota::LeftBehind left_behind_of(base::Uuid node) const;
  base::Result<quota::Recovery> recover_node(base::Uuid node, base::WallTime now, const quota::Evidence& evidence);
  base::Result<std::vector<quota::Grant>> grant_to(base::Uuid node, std::span<const quota::GrantRequest> requests);
  quota::Grant grant_one(base::Uuid node, const quota::GrantRequest& request);
  std::int64_t unheard_of(const RowName& name, const quota::GrantRequest& request) const;
  base::Status flush_of(base::Uuid node, const quota::Flush& flush);
  base::Status hold_for(base::Uuid node, const quota::Quote& quote, std::int64_t epoch);
  base::Result<std::optional<quota::Quote>> quote_of(base::QuoteId id, base::WallTime now);
  base::Result<quota::Redeemed> redeem_for(base::Uuid node, const quota::Redemption& redemption);
  quota::Grant grant_out(base::Uuid node, const quota::GrantRequest& request, std::int64_t amount);
  quota::EndedQuotes end_quotes_of(base::WallTime now, std::span<const base::QuoteId> also);
  // Ends quotes; `counters`: those of which something went back.
  void end(quota::Quote& quote, quota::QuoteState as, std::set<quota::CounterKey>& counters);
  std::set<quota::CounterKey> end_due(base::WallTime now);
  void end_all_quotes();
  // What quotes hold of the counter whose time is over.
  std::int64_t due_of(const quota::CounterKey& counter, base::WallTime now) const;
  base::Status close_rows(base::Uuid node, base::WallTime now, bool goes_back, Books& books,
                          std::vector<events::UsageRecord>& unaccounted) const;
  void ask_others_for(const quota::CounterKey& counter, base::Uuid node);
  void expire(base::Uuid node);
  // Books the records that are new on a copy of the books, and says which these are.
  base::Result<std::vector<const events::UsageRecord*>> book_new(std::span<const events::UsageRecord* const> records,
                                                                 base::Uuid node, Books& books) const;
  base::Status check_all_kept(const events::UsageFilter& filter, events::UsageGroup group) const;
  std::vector<const events::UsageRecord*> unknown(std::span<const events::UsageRecord* const> records) const;
  // `since`, where it holds something as unresolved: when its exchange ended unless told.
  void keep(const events::UsageRecord& record, std::optional<base::WallTime> since = std::nullopt);
  quota::UnresolvedItem with_grants(quota::UnresolvedItem item) const;
  // After the records were booked. `also`: counters that are looked at whatever the records say.
  void cross_thresholds_of(const std::vector<const events::UsageRecord*>& fresh, base::WallTime now,
                           const std::vector<quota::CounterKey>& also = {});
  ledger::Book book_of(base::AccountId account) const;  // nil: of all
  std::vector<catalog::Grant> live_grants(base::AccountId account) const;
  void append(const ledger::Transfer& transfer);
  std::int64_t post_fees(const catalog::Account& account, base::WallTime now);  // how many
  const ledger::Transfer* transfer_with(base::TransferId id) const;
  void make_good(base::GrantId payer, base::WallTime at);
  std::pair<base::AccountId, base::KeyId> payer_of(base::LimitId limit) const;
  // What apply() does; where it fails, what it had changed is taken back.
  base::Status apply_all(const catalog::Changes& changes, base::WallTime now);
  base::Status write(const catalog::Account& account, base::WallTime now);
  base::Status write(const catalog::Key& key);
  base::Status write(const catalog::Limit& limit);
  base::Status write(const catalog::Limiter& limiter);
  base::Status open_all(const catalog::Changes& changes, base::WallTime now);
  base::Result<Opening> opening_of(const catalog::Limit& limit, const catalog::RouteWeights& weights,
                                   base::WallTime now) const;

  mutable std::mutex mutex_;
  std::map<base::AccountId, catalog::Account> accounts_;
  std::vector<Move> moves_;
  std::map<base::KeyId, catalog::Key> keys_;
  std::map<base::LimitId, catalog::LimitTemplate> templates_;
  std::map<base::AccountId, catalog::Limiter> limiters_;
  std::map<base::LimitId, StoredLimit> limits_;
  std::map<std::string, base::Secret, std::less<>> secrets_;
  std::map<base::Uuid, Node> nodes_{{base::Uuid{}, Node{}}};
  std::uint64_t commits_ = 0;
  Books books_;
  std::map<quota::CounterKey, Crossed> crossed_;
  std::vector<events::LimitEvent> limit_events_;
  std::map<idempotency::Name, IdempotencyKey> idempotency_keys_;
  using DeferredName = std::pair<std::string, std::string>;  // upstream, object
  std::map<DeferredName, quota::Deferred> deferred_;
  std::map<identity::UserId, identity::User> users_;
  std::map<identity::SessionId, identity::Session> sessions_;
  std::map<identity::AuditId, identity::AuditEntry> audit_log_;
  std::map<UsageKey, events::UsageRecord> usage_;
  std::map<UsageKey, events::UsageRecord> aged_;  // that were dropped: here they are their own sums
  std::optional<base::WallTime> kept_from_;
  std::vector<UsageKey> written_;  // in the order in which they came
  std::unordered_map<base::ExchangeId, base::WallTime> started_;
  std::map<base::ExchangeId, quota::UnresolvedItem> unresolved_;
  std::map<base::QuoteId, quota::Quote> quotes_;
  std::map<base::GrantId, StoredGrant> grants_;
  GrantAccounts grant_accounts_;
  std::map<base::AccountId, base::WindowLabel> fees_through_;  // the last period whose monthly fee was posted
  std::vector<ledger::Transfer> transfers_;
  std::unordered_map<base::TransferId, std::size_t> transfer_at_;
};

}  // namespace store
