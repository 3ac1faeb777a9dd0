// Random lives of a process and its machine: exchanges that come, grow and end on some workers, a store that takes them
// late, disks that are full or fail, kills and power losses at any step. A clerk keeps its own list of what was
// written, and compares it with what is read back.
#include <fmt/format.h>

#include <set>

#include "journal/world_test.h"

using namespace journal;
using namespace journal::testing;

namespace {

// Knows what was written, and nothing of segments, room and copies.
class Clerk {
 public:
  struct Exchange {
    std::uint32_t worker = 0;
    std::vector<std::byte> state;  // as it was reserved or extended last
    Sequence stated = 0;
    std::vector<std::byte> end;
    Kind ended_by = Kind::settle;
    Sequence ended = 0;  // 0: open
  };

  explicit Clerk(std::uint32_t workers) : last(workers), flushed(workers), durable(workers) {}

  void wrote(std::uint32_t worker, Kind kind, Sequence sequence, int exchange, std::vector<std::byte> payload) {
    records_[{worker, sequence}] = {kind, payload};
    Exchange& one = exchanges[exchange];
    one.worker = worker;
    if (kind == Kind::settle || kind == Kind::release) {
      one.ended = sequence;
      one.ended_by = kind;
      one.end = std::move(payload);
    } else {
      states_[exchange].insert(payload);
      one.stated = sequence;
      one.state = std::move(payload);
    }
  }

  // What is found was written, each as it was, and in its order.
  void check_nothing_invented(const Found& found) const {
    std::map<std::uint32_t, Sequence> last_found;
    for (const Record& record : found.records) {
      REQUIRE(record.sequence > last_found[record.worker]);
      last_found[record.worker] = record.sequence;
      const auto written = records_.find({record.worker, record.sequence});
      if (record.kind == Kind::carried) {
        REQUIRE(written == records_.end());
        REQUIRE(states_.at(exchange_of(record)).contains(record.payload));
      } else {
        REQUIRE(written != records_.end());
        REQUIRE(written->second.kind == record.kind);
        REQUIRE(written->second.payload == record.payload);
      }
    }
  }

  // A kill loses nothing.
  void check_complete(const Found& found) const {
    check_nothing_invented(found);
    REQUIRE(found.report.doubt(flushed) == "");
    for (const JournalReport& journal : found.report.journals) {
      REQUIRE(journal.last == last[journal.worker]);
      REQUIRE(journal.records == journal.last - journal.before);
    }
    const auto replayed = replay(found);
    for (const auto& [number, exchange] : exchanges) {
      const auto there = replayed.find(number);
      const bool unflushed = exchange.ended_by == Kind::settle && exchange.ended > flushed[exchange.worker];
      if (exchange.ended == 0 || unflushed) REQUIRE(there != replayed.end());
      if (there == replayed.end()) continue;
      // Of what has ended and is flushed something may be left, but never the beginning without the end.
      REQUIRE(there->second.ended == exchange.ended);
      REQUIRE(there->second.end == exchange.end);
      if (!there->second.state.empty() || exchange.ended == 0 || unflushed)
        REQUIRE(there->second.state == exchange.state);
    }
  }

  // Files are used again oldest first: what is left of a journal has no gap.
  static void check_no_gap(MemoryFolder& folder, const Owner& owner) {
    std::map<std::uint32_t, std::set<std::uint32_t>> numbers;
    const Folder all = *look_through(**MemoryDisk::open(folder));
    for (const FoundSegment& segment : all.segments)
      if (segment.header.owner == owner) numbers[segment.header.worker].insert(segment.header.number);
    for (const auto& [worker, of_worker] : numbers)
      REQUIRE(*of_worker.rbegin() - *of_worker.begin() + 1 == of_worker.size());
  }

  // A power loss loses nothing that was durable and is still needed. Without Durability::power nothing was.
  void check_after_power_loss(const Found& found) const {
    check_nothing_invented(found);
    REQUIRE_FALSE(found.report.doubt(flushed).empty());
    const auto replayed = replay(found);
    for (const auto& [number, exchange] : exchanges) {
      const Sequence on_disk = durable[exchange.worker];
      const bool unflushed = exchange.ended_by == Kind::settle && exchange.ended > flushed[exchange.worker];
      const auto there = replayed.find(number);
      if (exchange.stated <= on_disk && (exchange.ended == 0 || unflushed)) {
        REQUIRE(there != replayed.end());
        REQUIRE(there->second.state == exchange.state);
      }
      if (unflushed && exchange.ended <= on_disk) {
        REQUIRE(there != replayed.end());
        REQUIRE(there->second.ended == exchange.ended);
        REQUIRE(there->second.end == exchange.end);
      }
    }
  }

  std::vector<Sequence> last, flushed, durable;  // by worker
  std::map<int, Exchange> exchanges;

 private:
  struct Written {
    Kind kind = Kind::reserve;
    std::vector<std::byte> payload;
  };
  static int exchange_of(const Record& record) { return std::stoi(record.text().substr(1)); }
  // What a recovery would make of it.
  static std::map<int, Exchange> replay(const Found& found) {
    std::map<int, Exchange> exchanges;
    for (const Record& record : found.records) {
      Exchange& one = exchanges[exchange_of(record)];
      if (record.kind == Kind::settle || record.kind == Kind::release) {
        one.ended = record.sequence;
        one.end = record.payload;
      } else {
        one.state = record.payload;
      }
    }
    return exchanges;
  }

  std::map<std::pair<std::uint32_t, Sequence>, Written> records_;
  std::map<int, std::set<std::vector<std::byte>>> states_;
};

class Life {
 public:
  Life(std::uint64_t seed, Durability durability) : world_(options(durability), seed), clerk_(0) { start(); }

  void step() {
    const std::int64_t dice = any(1, 1'000);
    if (dice <= 400) {
      begin();
    } else if (dice <= 450) {
      grow();
    } else if (dice <= 800) {
      end();
    } else if (dice <= 880) {
      flush();
    } else if (dice <= 930) {
      commit();
    } else if (dice <= 950) {
      (void)world_.prepare();
    } else if (dice <= 970) {
      world_.folder.write_back();
    } else if (dice <= 990) {
      trouble();
    } else if (dice <= 998) {
      look();
    } else if (dice == 999) {
      clerk_.check_complete(world_.after_kill());
      die();
    } else {
      world_.folder.lose_power();
      world_.kill();
      clerk_.check_after_power_loss(read_all(world_.folder, world_.owner));
      ++power_losses;
      die();
    }
  }
  void close() { clerk_.check_complete(world_.after_kill()); }

  std::int64_t written = 0, refused = 0, power_losses = 0, copied = 0;

 private:
  struct Open {
    OpenRecord record;
    int exchange;
    std::uint32_t worker;
    std::size_t end_bytes;
  };
  static Options options(Durability durability) {
    Options options = small_options();
    options.durability = durability;
    options.carry_above = 2;
    options.segments_max = 5;
    return options;
  }
  std::int64_t any(std::int64_t least, std::int64_t most) { return world_.random.between(least, most); }
  std::size_t some_bytes() { return static_cast<std::size_t>(any(20, any(0, 9) == 0 ? 490 : 250)); }

  void start() {
    open_.clear();
    world_.folder.trouble = {};
    world_.folder.before_write = nullptr;
    world_.start(static_cast<std::uint32_t>(any(1, 3)));
    clerk_ = Clerk(world_.journal->workers());
    settled_.assign(world_.journal->workers(), {});
    // In the middle of preparing a file, and of a commit.
    world_.folder.before_write = [this] {
      if (any(0, 19) == 0) look_after_power_loss();
    };
  }
  void die() {
    world_.kill();
    // Now and then what is left of earlier lives stays for a while.
    if (any(0, 2) > 0) {
      const auto disk = MemoryDisk::open(world_.folder);
      REQUIRE(discard_journals(**disk, world_.owner).has_value());
    }
    start();
  }

  Writer& writer(std::uint32_t worker) { return world_.writer(worker); }
  // What may have been copied forward on the way counts as written.
  void note_last(std::uint32_t worker) { clerk_.last[worker] = writer(worker).health().last; }

  void begin() {
    if (world_.prepare_asked && any(0, 3) > 0) (void)world_.prepare();
    const auto worker = static_cast<std::uint32_t>(any(0, world_.journal->workers() - 1));
    const int exchange = ++exchanges_;
    const auto payload = payload_of(fmt::format("e{}", exchange), some_bytes());
    const std::size_t end_bytes = some_bytes();
    const Sequence number = writer(worker).health().last + 1;
    auto record = writer(worker).reserve(payload, end_bytes);
    note_last(worker);
    ++(record ? written : refused);
    if (!record) return;
    clerk_.wrote(worker, Kind::reserve, number, exchange, payload);
    open_.push_back({std::move(*record), exchange, worker, end_bytes});
  }
  // Mostly the newest: some stay open for long.
  Open& some_open() {
    const auto count = static_cast<std::int64_t>(open_.size());
    std::swap(open_[static_cast<std::size_t>(any(std::max<std::int64_t>(0, count - any(1, 40)), count - 1))],
              open_.back());
    return open_.back();
  }
  void grow() {
    if (open_.empty()) return;
    Open& open = some_open();
    const auto payload = payload_of(fmt::format("e{}", open.exchange), some_bytes());
    const std::size_t end_bytes = some_bytes();
    const Sequence number = writer(open.worker).health().last + 1;
    const auto extended = writer(open.worker).extend(open.record, payload, end_bytes);
    note_last(open.worker);
    if (!extended) return;
    clerk_.wrote(open.worker, Kind::extend, number, open.exchange, payload);
    open.end_bytes = end_bytes;
  }
  void end() {
    if (open_.empty()) return;
    Open open = std::move(some_open());
    open_.pop_back();
    const auto bytes = static_cast<std::size_t>(any(16, static_cast<std::int64_t>(open.end_bytes)));
    auto payload = payload_of(fmt::format("e{}", open.exchange), bytes);
    payload.resize(std::min(payload.size(), open.end_bytes));
    const Sequence number = writer(open.worker).health().last + 1;
    if (any(0, 4) == 0) {
      writer(open.worker).release(std::move(open.record), payload);
      clerk_.wrote(open.worker, Kind::release, number, open.exchange, payload);
    } else {
      REQUIRE(writer(open.worker).settle(std::move(open.record), payload) == number);
      clerk_.wrote(open.worker, Kind::settle, number, open.exchange, payload);
      settled_[open.worker].push_back(number);
    }
    note_last(open.worker);
  }
  // Some of what was settled reaches the store, in order.
  void flush() {
    if (store_is_down_) return;
    for (std::uint32_t worker = 0; worker < settled_.size(); ++worker) {
      auto& waiting = settled_[worker];
      if (waiting.empty()) continue;
      const auto count = any(1, static_cast<std::int64_t>(waiting.size()));
      clerk_.flushed[worker] = waiting[static_cast<std::size_t>(count - 1)];
      writer(worker).flushed_through(clerk_.flushed[worker]);
      waiting.erase(waiting.begin(), waiting.begin() + count);
    }
  }
  void commit() {
    if (world_.options.durability != Durability::power) return;
    const auto worker = static_cast<std::uint32_t>(any(0, world_.journal->workers() - 1));
    (void)world_.journal->commit(worker);
    if (writer(worker).health().failure.empty()) clerk_.durable[worker] = clerk_.last[worker];
  }
  void trouble() {
    world_.folder.trouble.capacity = any(0, 1) == 0 ? static_cast<std::size_t>(any(0, 20)) * 16'384 : SIZE_MAX;
    world_.folder.trouble.failing_writes = any(0, 9) == 0;
    store_is_down_ = any(0, 1) == 0;
  }
  void look() {
    const Found found = world_.after_kill();
    clerk_.check_complete(found);
    copied += std::ranges::count(found.records, Kind::carried, &Record::kind);
    look_after_power_loss();
  }
  void look_after_power_loss() {
    const auto left = world_.folder.after_kill();
    left->lose_power();
    Clerk::check_no_gap(*left, world_.owner);
    clerk_.check_after_power_loss(read_all(*left, world_.owner));
  }

  World world_;
  Clerk clerk_;
  std::vector<Open> open_;
  std::vector<std::vector<Sequence>> settled_;  // by worker: what is not flushed
  int exchanges_ = 0;
  bool store_is_down_ = false;
};

void live(Durability durability) {
  std::int64_t written = 0, refused = 0, power_losses = 0, copied = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Life life(seed, durability);
    for (int step = 0; step < 1'500; ++step) {
      CAPTURE(step);
      life.step();
    }
    life.close();
    written += life.written;
    refused += life.refused;
    power_losses += life.power_losses;
    copied += life.copied;
  }
  CHECK(written > 10'000);
  CHECK(refused > 25);
  CHECK(power_losses > 25);
  CHECK(copied > 100);
}

}  // namespace

TEST_CASE("whatever happens to a process, its journal says what it wrote, and nothing else") {
  live(Durability::process);
}

TEST_CASE("whatever happens to a machine, what was durable and is needed is there") { live(Durability::power); }
