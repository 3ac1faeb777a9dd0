#include "catalog/snapshot.h"

#include <doctest/doctest.h>

#include <functional>

#include "catalog/contents_test.h"

using catalog::Contents;
using catalog::Snapshot;
using catalog::testing::id_of;
using catalog::testing::sound;

TEST_CASE("contents that hold together make a snapshot") {
  const auto snapshot = Snapshot::build(sound());
  REQUIRE(snapshot.has_value());
  CHECK((*snapshot)->find_key(id_of<base::KeyId>(3))->limits.size() == 2);
  CHECK_FALSE((*snapshot)->find_key(id_of<base::KeyId>(9)).has_value());
  CHECK((*snapshot)->find_account(id_of<base::AccountId>(9)) == nullptr);
  CHECK((*snapshot)->find_limit(id_of<base::LimitId>(9)) == nullptr);
}

TEST_CASE("contents that contradict each other make none") {
  struct Row {
    const char* name;
    std::function<void(Contents&)> spoil;
  };
  const Row rows[] = {
      {"a parent that does not exist", [](Contents& c) { c.accounts.edit(0).parent = id_of<base::AccountId>(9); }},
      {"a cycle of two", [](Contents& c) { c.accounts.edit(0).parent = c.accounts[1].id; }},
      {"an account above itself", [](Contents& c) { c.accounts.edit(0).parent = c.accounts[0].id; }},
      {"an account that is there twice", [](Contents& c) { c.accounts.push_back(c.accounts[0]); }},
      {"a key of no account", [](Contents& c) { c.keys.edit(0).account = {}; }},
      {"a key of an account that does not exist",
       [](Contents& c) { c.keys.edit(0).account = id_of<base::AccountId>(9); }},
      {"two keys with one hash",
       [](Contents& c) {
         c.keys.push_back(c.keys[0]);
         c.keys.edit(1).id = id_of<base::KeyId>(9);
       }},
      {"a limit that is there twice", [](Contents& c) { c.limits.push_back(c.limits[0]); }},
      {"a limit on no account", [](Contents& c) { c.limits.edit(0).subject = id_of<base::AccountId>(9); }},
      {"a limit on no key", [](Contents& c) { c.limits.edit(1).subject = id_of<base::KeyId>(9); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Contents contents = sound();
    row.spoil(contents);
    const auto snapshot = Snapshot::build(std::move(contents));
    REQUIRE_FALSE(snapshot.has_value());
    CHECK(snapshot.error().source == base::Source::store);
  }
}
