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
    if (random_.between(0, 7) == 0) filter.tag = "team=a";
    if (random_.between(0, 2) == 0) filter.from = time();
    if (random_.between(0, 2) == 0) filter.to = time();
    const auto group = static_cast<events::UsageGroup>(random_.between(0, 8));
    CHECK(texts(*sqlite_->sums(filter, group, "team")) == texts(*memory_.sums(filter, group, "team")));
    ask_over_time(filter, group);

    filter.limit = static_cast<int>(random_.between(1, 30));
    if (!written_.empty() && random_.between(0, 1) == 0) filter.before = any_of(written_).id;
    CHECK(*sqlite_->records(filter) == *memory_.records(filter));
    filter.before = random_.between(0, 1) == 0 || written_.empty() ? id<base::ExchangeId>() : any_of(written_).id;
    const base::TransferId transfer{filter.before->uuid};
    CHECK(*sqlite_->find_transfer(transfer) == *memory_.find_transfer(transfer));
  }

 private:
  void ask_over_time(const events::UsageFilter& filter, events::UsageGroup group) {
    if (group == events::UsageGroup::day) return;  // that is a step
    events::SeriesQuery query{.filter = filter, .group = group, .tag_name = "team", .apart = {}};
    query.step = random_.between(0, 1) == 0 ? events::UsageStep::hour : events::UsageStep::day;
    query.filter.from = time();
    query.filter.to = base::WallTime{query.filter.from->ms + random_.between(1, 3 * ms_per_day)};
    const auto sums = *memory_.sums(query.filter, group, "team");
    for (std::size_t i = 0; i < std::min<std::size_t>(sums.size(), 2); ++i) query.apart.push_back(sums[i].group);
    CHECK(texts(*sqlite_->series(query)) == texts(*memory_.series(query)));
    CHECK(texts(*sqlite_->latencies(filter, events::UsageGroup::route)) ==
          texts(*memory_.latencies(filter, events::UsageGroup::route)));
    CHECK(texts(*sqlite_->latencies(filter, events::UsageGroup::model)) ==
          texts(*memory_.latencies(filter, events::UsageGroup::model)));
    CHECK(texts(*sqlite_->latencies(filter, events::UsageGroup::total)) ==
          texts(*memory_.latencies(filter, events::UsageGroup::total)));
  }
  static std::string texts(const std::vector<events::UsageRow>& rows) {
    std::string text;
    for (const auto& row : rows) {
      text += row.group + (row.rest ? "(rest)\n" : "\n");
      for (const auto& [at, sum] : row.points) text += fmt::format("  {} {}", at.ms, texts(std::vector{sum}).front());
    }
    return text;
  }
  static std::string texts(const std::vector<events::UsageLatency>& latencies) {
    std::string text;
    for (const auto& one : latencies)
      text += fmt::format("{} {} {} {} {}\n", one.group, one.duration.count(), one.duration.percentile_us(500),
                          one.duration.percentile_us(990), one.first_byte.percentile_us(1000));
    return text;
  }
  void open() {
    if (sqlite_) check_books();
    sqlite_.reset();
    sqlite_ = *store::SqliteStore::open(folder_.path() / "metergate.db",
                                        {.segment_grows_below = 10, .fold_at = 90, .remembered_ids = 60});
    REQUIRE(sqlite_->open_incarnation(now_).has_value());
  }
  // The roll-ups are what the doctor makes of the records. (The holds here are of no leases.)
  void check_books() {
    const auto found = quota::examine(*sqlite_, **catalog::Snapshot::build({}), now_);
    REQUIRE(found.has_value());
    CHECK(found->unreadable.empty());
    for (const quota::Discrepancy& wrong : found->wrong) {
      CAPTURE(wrong.what);
      CHECK_FALSE(wrong.what.starts_with("usage "));
      CHECK_FALSE(wrong.what.starts_with("sum of"));
    }
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
    if (random_.between(0, 1) == 0) record.error = static_cast<base::ErrorType>(random_.between(0, 9));
    record.route = random_.between(0, 2) == 0 ? "images" : "chat";
    if (random_.between(0, 2) > 0) record.tags = random_.between(0, 1) == 0 ? "team=a" : "env=x,team=b";
    record.duration_us = random_.between(0, 5'000'000);
    record.first_byte_us = random_.between(0, 3);
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
