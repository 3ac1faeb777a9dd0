#include "journal/committer.h"

#include <thread>

#include "journal/world_test.h"

using namespace journal;
using namespace journal::testing;

namespace {

Options power_options() {
  Options options = small_options();
  options.durability = Durability::power;
  return options;
}

// What a process finds after the power failed now.
Found after_power_loss(World& world) {
  const auto left = world.folder.after_kill();
  left->lose_power();
  return read_all(*left, world.owner);
}

}  // namespace

TEST_CASE("what is committed survives a power loss, whatever becomes of the pages") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    World world(power_options(), seed);
    world.start();
    std::vector<std::string> durable;
    for (int i = 0; i < 120; ++i) {
      const std::string text = "r" + std::to_string(i);
      const auto open = world.reserve(text);
      CHECK_FALSE(world.writer().durable(open.position()));
      if (world.random.between(0, 3) > 0) continue;
      CHECK(world.journal->commit(0));
      CHECK(world.writer().durable(open.position()));
      while (static_cast<int>(durable.size()) <= i) durable.push_back("r" + std::to_string(durable.size()));
    }
    const auto texts = after_power_loss(world).texts();
    for (const std::string& text : durable) CHECK(std::ranges::count(texts, text) == 1);
  }
}

TEST_CASE("whoever waits is told on the worker's thread, when the commit has been made") {
  World world(power_options());
  world.start();
  std::vector<int> told;
  const auto wait = [&](Position position, int who) {
    world.writer().when_durable(position, [&told, who](const base::Status& status) {
      CHECK(status.has_value());
      told.push_back(who);
    });
  };
  const auto first = world.reserve("first");
  wait(first.position(), 1);
  CHECK(world.commits_asked[0] == 1);
  const auto second = world.reserve("second");
  wait(second.position(), 2);
  CHECK(world.commits_asked[0] == 1);  // asked for already
  CHECK(world.journal->commit(0));
  CHECK(world.told_durable[0] == 1);
  CHECK(told.empty());
  world.writer().resume();
  CHECK(told == std::vector{1, 2});
  CHECK_FALSE(world.journal->commit(0));
  CHECK(world.told_durable[0] == 1);

  const auto third = world.reserve("third");
  wait(third.position(), 3);
  CHECK(world.commits_asked[0] == 2);
}

// The commit for an earlier call may have covered this one before it got round to asking: there is nothing to write
// then, and it was never woken.
TEST_CASE("whoever asks for what is durable already is told too") {
  World world(power_options());
  world.start();
  const auto open = world.reserve("r");
  CHECK(world.journal->commit(0));
  bool told = false;
  world.writer().when_durable(open.position(), [&](const base::Status&) { told = true; });
  CHECK_FALSE(world.journal->commit(0));
  CHECK(world.told_durable[0] == 2);
  world.writer().resume();
  CHECK(told);
}

TEST_CASE("a commit goes over as many segments as it must") {
  World world(power_options());
  world.start();
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    texts.push_back("r" + std::to_string(i));
    (void)world.reserve(texts.back(), 16 + static_cast<std::size_t>(i), 30);
  }
  CHECK(world.writer().health().segments > 4);
  CHECK(world.journal->commit(0));
  CHECK(after_power_loss(world).texts() == texts);
}

TEST_CASE("a write that fails stops reservations for good, and nothing else") {
  World world(power_options());
  world.start();
  auto open = world.reserve("open");
  CHECK(world.journal->commit(0));
  const auto lost = world.reserve("not on the disk");
  std::vector<std::string> told;
  world.writer().when_durable(lost.position(), [&](const base::Status& status) {
    told.push_back(status ? std::string() : status.error().message);
  });
  world.folder.trouble.failing_writes = true;
  CHECK(world.journal->commit(0));
  world.writer().resume();
  REQUIRE(told.size() == 1);
  CHECK(told[0].find("the journal has failed and takes no more reservations: writing") == 0);
  CHECK(told[0].find("Input/output error") != std::string::npos);

  world.folder.trouble.failing_writes = false;
  CHECK_FALSE(world.journal->commit(0));
  CHECK_FALSE(world.writer().durable(lost.position()));
  const auto refused = world.try_reserve("more");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message == told[0]);
  CHECK(refused.error().type == base::ErrorType::unavailable);
  CHECK(world.writer().health().failure == told[0]);
  CHECK_FALSE(world.writer().extend(open, payload_of("more", 20), 300).has_value());

  // What is open still ends, and a kill still leaves everything.
  world.settle(std::move(open), "end");
  const Found found = world.after_kill();
  CHECK(found.texts() == std::vector<std::string>{"open", "not on the disk", "end"});
  CHECK(found.doubt() == "");
}

TEST_CASE("a file is used again only when what replaces its records is on the disk") {
  World world(power_options());
  world.start();
  (void)world.reserve("stream");
  CHECK(world.journal->commit(0));
  for (int i = 0; i < 40; ++i) {
    world.fill_segments(1);
    const auto texts = after_power_loss(world).texts();
    CHECK(std::ranges::count(texts, "stream") >= 1);
    if (i % 5 == 4) CHECK(world.journal->commit(0));
  }
  CHECK(world.writer().health().segments < 15);
}

TEST_CASE("a process that is killed leaves what was not committed as well") {
  World world(power_options());
  world.start();
  auto open = world.reserve("r");
  CHECK(world.journal->commit(0));
  world.settle(std::move(open), "s");
  const Found found = world.after_kill();
  CHECK(found.texts() == std::vector<std::string>{"r", "s"});
  CHECK(found.doubt() == "");
}

TEST_CASE("a writer and its committer work side by side") {
  World world(power_options());
  std::atomic<bool> asked = false, done = false;
  ++world.owner.incarnation;
  world.disk = std::move(*MemoryDisk::open(world.folder));
  // Prepared on the writer's thread, for this test.
  world.options.ready_segments = 4;
  auto made = Journal::open(*world.disk, world.owner, 1, world.options,
                            {.prepare = [&] { world.prepare_asked = true; },
                             .commit = [&](std::uint32_t) { asked.store(true), asked.notify_one(); },
                             .durable = [&](std::uint32_t) { done.store(true), done.notify_one(); }});
  REQUIRE(made.has_value());
  world.journal = std::move(*made);
  std::atomic<bool> ending = false;
  std::thread committing([&] {
    while (!ending.load()) {
      asked.wait(false);
      asked.store(false);
      world.journal->commit(0);
    }
  });
  int told = 0;
  for (int i = 0; i < 2'000; ++i) {
    auto open = world.reserve("r" + std::to_string(i));
    const Position position = open.position();
    if (i % 3 == 0) {
      world.writer().when_durable(position, [&](const base::Status& status) {
        CHECK(status.has_value());
        ++told;
      });
      const int before = told;
      while (told == before) {
        done.wait(false);
        done.store(false);
        world.writer().resume();
      }
      CHECK(world.writer().durable(position));
    }
    world.writer().flushed_through(world.settle(std::move(open), "s"));
  }
  ending.store(true);
  asked.store(true), asked.notify_one();
  committing.join();
  CHECK(told == 667);
  CHECK(world.after_kill().defects() == "");
}
