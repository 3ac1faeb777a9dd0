#pragma once
// The embedded store: one SQLite file in the data folder. Every call is one transaction, durable against power loss
// when it returns (WAL, synchronous=FULL); an error changes nothing. It behaves like store::MemoryStore, whose header
// says what a flush does to a counter; tests/conformance holds both to it.
//
// One .cpp a port: catalog.cpp and opening.cpp, quota.cpp, unresolved.cpp, books.cpp, ledger.cpp, usage_log.cpp,
// idempotency.cpp, quotes.cpp, deferred.cpp, identity.cpp; usage_append.h is the part of a flush that writes the usage
// log. The schema is in schema/.

#include <array>
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

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
#include "store/secret_box.h"
#include "store/sqlite/bookings.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/database.h"
#include "store/sqlite/opening_scan.h"
#include "store/sqlite/usage_append.h"
#include "store/thresholds.h"

namespace store {

// Thread-safe. Grants, flushes and catalog changes share one connection and wait for each other; the usage log reads
// through another one, so that a long query never keeps a grant waiting.
class SqliteStore final : public catalog::Store,
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
  // Writes all that the store holds at this moment to a new file (backup.h). From any thread; nobody waits for it.
  base::Status back_up(const std::filesystem::path& to) const;

  // Opens the file, or creates it (0600, its folder 0700), and brings it to this program's schema. Whoever opens it
  // holds the DataFolder that it is in.
  static base::Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& path,
                                                         const sqlite::UsageSizes& sizes = {});

  // catalog::Store. Refuses (conflict) what would point nowhere or be taken for another.
  base::Result<catalog::Contents> load() override;
  base::Result<std::vector<catalog::Grant>> load_grants(std::optional<base::AccountId> account) override;
  using catalog::Store::open;
  base::Status apply(const catalog::Changes& changes, base::WallTime now) override;
  base::Status look_ahead(const catalog::Changes& changes, base::WallTime now) override;

  // quota::Store. grant and flush need an open incarnation, and fail (unavailable) if another process has opened a
  // later one.
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

  // events::UsageLog.
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

  // events::LimitEventLog.
  base::Result<std::vector<events::LimitEvent>> limit_events(const events::LimitEventFilter& filter) override;
  std::int64_t limit_events_written(catalog::ThresholdAction action) const override;

  // ledger::Store. Orders wait for the writer; what only reads has the reader's connection.
  base::Result<ledger::Decided> post(const ledger::Order& order, base::WallTime now) override;
  base::Result<std::int64_t> sweep(base::WallTime now) override;
  base::Result<std::optional<catalog::Grant>> find_grant(base::GrantId id) override;
  base::Result<ledger::Book> book(base::AccountId account) override;
  base::Result<std::vector<ledger::Transfer>> transfers(const ledger::TransferFilter& filter) override;
  base::Result<std::optional<ledger::Transfer>> find_transfer(base::TransferId id) override;
  base::Result<std::vector<ledger::Discrepancy>> check() override;

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

  // The secrets of upstreams, by the upstream's name, as a SecretBox sealed them.
  base::Status put_secret(std::string_view name, const SealedSecret& sealed);
  base::Result<std::optional<SealedSecret>> get_secret(std::string_view name);
  base::Status remove_secret(std::string_view name);  // not_found: there is none
  base::Result<std::vector<std::string>> secret_names();
  // What SecretBox::open wants to know.
  base::Result<SecretBox::Sealed> sealed_secrets();

 private:
  SqliteStore(sqlite::Database writer, sqlite::Database reader, const sqlite::UsageSizes& sizes)
      : writer_(std::move(writer)), usage_sizes_(sizes), reader_(std::move(reader)) {}

  // The following are called with writer_mutex_ held, inside a transaction.
  base::Status write(const catalog::Account& account, base::WallTime now);
  base::Status write(const catalog::Key& key);
  base::Status write(const catalog::Limit& limit);
  base::Status write(const catalog::LimitTemplate& one);
  base::Status remove_template(base::LimitId id);
  base::Status remove_limit(base::LimitId id, base::WallTime now);
  // What the opening of limits has written, to be taken over when it is committed.
  struct Opened {
    std::vector<events::LimitEvent> crossings;
    std::optional<sqlite::UsageTail> usage_tail;
  };
  base::Result<Opened> open_all(const catalog::Changes& changes, base::WallTime now);
  base::Result<KeptSpend> kept_spend(const catalog::Limit& limit, const quota::CounterKey& counter);
  base::Result<std::int64_t> last_incarnation();
  base::Status check_incarnation();
  base::Result<std::int64_t> unheard_of(const quota::GrantRequest& request);
  base::Status lease_out(const quota::CounterKey& key, std::int64_t amount);
  base::Status take_for_quote(const quota::QuotePart& part);
  base::Result<quota::Grant> grant_out(const quota::GrantRequest& request, std::int64_t amount);
  base::Status end_all_quotes();
  base::Result<std::optional<base::WallTime>> stored_next_quote_end();
  // What quotes hold of the counter whose time is over.
  base::Result<std::int64_t> due_of(const quota::CounterKey& counter, base::WallTime now);
  base::Status count_commit();
  base::Result<std::uint64_t> stored_commits();
  base::Result<quota::CounterState> state_of(const quota::CounterQuery& query);
  // Of the records that are new, what they charged to grants.
  base::Status post_charges(std::span<const events::UsageRecord* const> records);
  base::Status make_good(base::GrantId payer, base::WallTime at);
  struct FeesPosted {
    std::int64_t count = 0;
    bool changed = false;  // something is to be committed
  };
  base::Result<FeesPosted> post_fees(base::WallTime now);
  base::Result<std::int64_t> amount_of(base::GrantId grant);

  base::Status apply_all(const catalog::Changes& changes, base::WallTime now);
  // Brings watched_ up to date, without reading all limits again.
  void watch(const catalog::Changes& changes);
  // The limits that have thresholds, as the catalog has them now.
  base::Result<const std::map<base::LimitId, catalog::Limit>*> watched_limits();
  // After the records were booked: writes the events of the thresholds that they cross, and says which. `also`:
  // counters that are looked at whatever the records say.
  base::Result<std::vector<events::LimitEvent>> cross_thresholds_of(std::span<const events::UsageRecord* const> fresh,
                                                                    base::WallTime now,
                                                                    std::span<const quota::CounterKey> also = {});
  base::Result<Crossed> crossed_of(const quota::CounterKey& key);
  base::Status write_crossed(const quota::CounterKey& key, const Crossed& before, const Crossed& after);
  void count(const std::vector<events::LimitEvent>& written);

  // With writer_mutex_ held, as a transaction of their own.
  base::Status end_due_quotes(base::WallTime now);
  base::Result<quota::EndedQuotes> end_quotes_now(base::WallTime now, std::span<const base::QuoteId> also);

  base::Status forget_expired(const idempotency::ClaimRequest& request);
  base::Status make_room(const idempotency::ClaimRequest& request);
  base::Result<std::optional<idempotency::Standing>> standing_of(const idempotency::ClaimRequest& request);

  // The following with reader_mutex_ held.
  base::Result<std::optional<events::UsageRecord>> find_record(base::ExchangeId id);

  mutable std::mutex writer_mutex_;
  sqlite::Database writer_;
  std::int64_t incarnation_ = 0;
  std::uint64_t commits_ = 0;  // that are durable
  const sqlite::UsageSizes usage_sizes_;
  std::optional<sqlite::UsageTail> usage_tail_;  // as the last flush left it
  sqlite::LeaseRows lease_rows_;
  std::optional<base::WallTime> next_quote_end_;                     // of those that are held
  std::optional<std::map<base::LimitId, catalog::Limit>> watched_;   // nullopt: to be read
  std::optional<sqlite::OpeningScan> ahead_;                         // what the last look_ahead() has added up
  std::array<std::atomic<std::int64_t>, 2> limit_events_written_{};  // by action
  GrantAccounts grant_accounts_;
  std::mutex reader_mutex_;
  sqlite::Database reader_;                             // closed before the writer, whose closing tidies the files up
  std::unique_ptr<sqlite::Checkpointer> checkpointer_;  // uses the writer
};

}  // namespace store
