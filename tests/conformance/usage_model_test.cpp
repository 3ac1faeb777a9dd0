// The usage logs of two stores, written alike and asked alike: whatever the order of the records, the sizes of the
// flushes, the filter and the page, SQLite answers as the model in memory does. Its sizes are small here, so that its
// segments grow, fold and are forgotten all the time.
#include <fmt/format.h>

#include "tests/conformance/stores.h"

namespace {

constexpr std::int64_t ms_per_day = 86'400'000;

class TwoLogs {
 public:
  explicit TwoLogs(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 4; ++i) accounts_.push_back(id<base::AccountId>());
    for (int i = 0; i < 6; ++i) keys_.push_back(id<base::KeyId>());
    accounts_.emplace_back();
    keys_.emplace_back();
    open();
    REQUIRE(memory_.open_incarnation(now_).has_value());
  }

  void write() {
    std::vector<events::UsageRecord> records;
    for (std::int64_t count = random_.between(0, 25); count > 0; --count)
      records.push_back(written_.empty() || random_.between(0, 9) > 0 ? exchange() : any_of(written_));
    const auto pointers = events::pointers_to(records);
    const quota::Flush flush{.records = pointers, .returns = {}};
    REQUIRE(memory_.flush(flush).has_value());
    REQUIRE(sqlite_->flush(flush).has_value());
    written_.insert(written_.end(), records.begin(), records.end());
    if (random_.between(0, 19) == 0) open();
  }

  void ask() {
    events::UsageFilter filter;
    if (random_.between(0, 3) == 0) filter.account = any_of(accounts_);
    if (random_.between(0, 3) == 0) filter.key = any_of(keys_);
    if (random_.between(0, 3) == 0) filter.model = model();
    if (random_.between(0, 2) == 0) filter.from = time();
    if (random_.between(0, 2) == 0) filter.to = time();
    const auto group = static_cast<events::UsageGroup>(random_.between(0, 4));
    CHECK(texts(*sqlite_->sums(filter, group)) == texts(*memory_.sums(filter, group)));

    filter.limit = static_cast<int>(random_.between(1, 30));
    if (!written_.empty() && random_.between(0, 1) == 0) filter.before = any_of(written_).id;
    CHECK(*sqlite_->records(filter) == *memory_.records(filter));
    filter.before = random_.between(0, 1) == 0 || written_.empty() ? id<base::ExchangeId>() : any_of(written_).id;
    const base::TransferId transfer{filter.before->uuid};
    CHECK(*sqlite_->find_transfer(transfer) == *memory_.find_transfer(transfer));
  }

 private:
  void open() {
    sqlite_.reset();
    sqlite_ = *store::SqliteStore::open(folder_.path() / "metergate.db",
                                        {.segment_grows_below = 10, .fold_at = 90, .remembered_ids = 60});
    REQUIRE(sqlite_->open_incarnation(now_).has_value());
  }
  template <class SomeId>
  SomeId id() {
    return SomeId::create(now_, random_);
  }
  template <class Value>
  Value any_of(const std::vector<Value>& values) {
    return values[static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(values.size()) - 1))];
  }
  std::string model() {
    static const std::vector<std::string> models{"small", "large", "", "a model that is new"};
    return any_of(models);
  }
  // Within three days; now and then at the very edge of one.
  base::WallTime time() {
    const std::int64_t day = tests::today.ms + random_.between(0, 3) * ms_per_day;
    if (random_.between(0, 3) == 0) return {day + random_.between(-1, 1)};
    return {day + random_.between(0, ms_per_day)};
  }
  events::UsageRecord exchange() {
    now_.ms += random_.between(0, 3);
    events::UsageRecord record;
    // An exchange that took long has an older id than those before it.
    record.id =
        base::ExchangeId::create({now_.ms - (random_.between(0, 4) == 0 ? random_.between(0, 600) : 0)}, random_);
    record.started = random_.between(0, 3) == 0 ? time() : now_;
    record.account = any_of(accounts_);
    record.key = any_of(keys_);
    record.model = model();
    record.upstream = random_.between(0, 1) == 0 ? "openai" : "anthropic";
    record.outcome = static_cast<events::Outcome>(random_.between(0, 3));
    record.status = 200;
    if (random_.between(0, 2) > 0)
      record.usage = meter::Usage{.input_tokens = random_.between(0, 9), .output_tokens = random_.between(0, 9)};
    if (!record.account.is_nil()) record.cost = base::Money::from_nanos(random_.between(0, 3));
    for (std::int64_t holds = random_.between(0, 2); holds > 0; --holds)
      record.holds.push_back({id<base::LimitId>(), {tests::today.ms}, random_.between(0, 9), random_.between(0, 9), 0});
    return record;
  }
  static std::vector<std::string> texts(const std::vector<events::UsageSum>& sums) {
    std::vector<std::string> list;
    for (const events::UsageSum& sum : sums)
      list.push_back(fmt::format("{}: {} {} {} {} {} {}", sum.group, sum.requests, sum.refusals, sum.input_tokens,
                                 sum.output_tokens, sum.unknown_usage, sum.cost.nanos()));
    return list;
  }

  tests::SeededRandom random_;
  base::WallTime now_{tests::today.ms + ms_per_day + 1000};
  std::vector<base::AccountId> accounts_;
  std::vector<base::KeyId> keys_;
  std::vector<events::UsageRecord> written_;
  store::MemoryStore memory_;
  tests::TemporaryFolder folder_;
  std::unique_ptr<store::SqliteStore> sqlite_;
};

}  // namespace

TEST_CASE("SQLite lists and sums what the model in memory does, whatever is asked") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    TwoLogs logs(seed);
    for (int step = 0; step < 60; ++step) {
      CAPTURE(step);
      logs.write();
      for (int question = 0; question < 8; ++question) logs.ask();
    }
  }
}
