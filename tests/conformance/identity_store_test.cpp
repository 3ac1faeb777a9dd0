#include "tests/conformance/stores.h"

using identity::AuditEntry;
using identity::Session;
using identity::User;

namespace {

template <class Store>
struct IdentityBench : tests::Bench<Store> {
  User user(std::string name, identity::Role role = identity::Role::viewer) {
    const auto id = this->template id<identity::UserId>();
    return {.id = id,
            .name = std::move(name),
            .role = role,
            .password = "$argon2id$hash",
            .created = this->now,
            .sessions_from = this->now};
  }
  Session session() {
    const auto id = this->template id<identity::SessionId>();
    return {.id = id, .created = this->now, .expires = {this->now.ms + 1000}};
  }
  AuditEntry entry(std::string actor, std::string subject) {
    const auto id = this->template id<identity::AuditId>();
    return {.id = id,
            .at = this->now,
            .actor = {.kind = identity::ActorKind::user, .id = std::move(actor), .name = "ann", .address = "::1"},
            .action = "PATCH /api/v1/limits/{id}",
            .subject = std::move(subject),
            .asked = R"({"amount":"1"})",
            .before = R"({"amount":"2"})",
            .after = {},
            .status = 0};
  }
  std::vector<identity::AuditId> ids(const identity::AuditFilter& filter) {
    std::vector<identity::AuditId> out;
    const auto found = this->on.store->changes(filter);
    REQUIRE(found.has_value());
    for (const AuditEntry& entry : *found) out.push_back(entry.id);
    return out;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("a user comes back as it was put, by id and by name", Store, EVERY_STORE) {
  IdentityBench<Store> bench;
  User ann = bench.user("ann", identity::Role::operates);
  ann.account = bench.account.id;
  ann.status = identity::UserStatus::disabled;
  ann.provider_subject = "https://id.acme.example 7";
  const User bob = bench.user("bob");
  REQUIRE(bench.on.store->put_user(ann).has_value());
  REQUIRE(bench.on.store->put_user(bob).has_value());
  CHECK(**bench.on.store->find_user(ann.id) == ann);
  CHECK(**bench.on.store->find_user_named("ann") == ann);
  CHECK_FALSE(bench.on.store->find_user_named("Ann")->has_value());
  CHECK(*bench.on.store->users() == std::vector{ann, bob});

  ann.name = "anna";
  ann.account = {};
  REQUIRE(bench.on.store->put_user(ann).has_value());
  CHECK(*bench.on.store->users() == std::vector{ann, bob});
}

TEST_CASE_TEMPLATE("a user's name is taken once, and its account exists", Store, EVERY_STORE) {
  IdentityBench<Store> bench;
  const User ann = bench.user("ann");
  REQUIRE(bench.on.store->put_user(ann).has_value());
  CHECK(bench.on.store->put_user(bench.user("ann")).error().type == base::ErrorType::conflict);
  User bob = bench.user("bob");
  bob.account = bench.template id<base::AccountId>();
  CHECK(bench.on.store->put_user(bob).error().type == base::ErrorType::conflict);
  CHECK(*bench.on.store->users() == std::vector{ann});
}

TEST_CASE_TEMPLATE("whom a provider knows is one user", Store, EVERY_STORE) {
  IdentityBench<Store> bench;
  User ann = bench.user("ann"), bob = bench.user("bob");
  ann.provider_subject = bob.provider_subject = "https://id.acme.example 7";
  REQUIRE(bench.on.store->put_user(ann).has_value());
  CHECK(bench.on.store->put_user(bob).error().type == base::ErrorType::conflict);
  REQUIRE(bench.on.store->put_user(ann).has_value());
  CHECK(*bench.on.store->users() == std::vector{ann});
}

TEST_CASE_TEMPLATE("a session is there until it ends, its time is over, or its user goes", Store, EVERY_STORE) {
  IdentityBench<Store> bench;
  const User ann = bench.user("ann");
  REQUIRE(bench.on.store->put_user(ann).has_value());
  Session of_ann = bench.session(), also_of_ann = bench.session(), of_key = bench.session();
  of_ann.user = also_of_ann.user = ann.id;
  of_key.admin_key = base::sha256("mg_admin_secret");
  for (const Session& session : {of_ann, also_of_ann, of_key})
    REQUIRE(bench.on.store->open_session(session).has_value());
  CHECK(**bench.on.store->find_session(of_ann.id) == of_ann);
  CHECK(**bench.on.store->find_session(of_key.id) == of_key);

  REQUIRE(bench.on.store->end_session(of_ann.id).has_value());
  REQUIRE(bench.on.store->end_session(of_ann.id).has_value());
  CHECK_FALSE(bench.on.store->find_session(of_ann.id)->has_value());
  REQUIRE(bench.on.store->remove_user(ann.id).has_value());
  CHECK_FALSE(bench.on.store->find_session(also_of_ann.id)->has_value());
  CHECK(bench.on.store->remove_user(ann.id).error().type == base::ErrorType::not_found);

  bench.now.ms += 1000;
  Session later = bench.session();
  later.admin_key = of_key.admin_key;
  REQUIRE(bench.on.store->open_session(later).has_value());
  CHECK_FALSE(bench.on.store->find_session(of_key.id)->has_value());
  CHECK(bench.on.store->find_session(later.id)->has_value());
}

TEST_CASE_TEMPLATE("a change is in the log before it is made, and is completed once", Store, EVERY_STORE) {
  IdentityBench<Store> bench;
  AuditEntry entry = bench.entry("1", "a");
  REQUIRE(bench.on.store->begin_change(entry).has_value());
  CHECK(*bench.on.store->changes({}) == std::vector{entry});
  entry.after = R"({"amount":"1"})";
  entry.status = 200;
  REQUIRE(bench.on.store->end_change(entry).has_value());
  CHECK(*bench.on.store->changes({}) == std::vector{entry});
  AuditEntry other = entry;
  other.after = "{}";
  CHECK_FALSE(bench.on.store->end_change(other).has_value());
  CHECK(*bench.on.store->changes({}) == std::vector{entry});
}

TEST_CASE_TEMPLATE("the log is told newest first, by page, actor, subject and time", Store, EVERY_STORE) {
  IdentityBench<Store> bench;
  const AuditEntry first = bench.entry("1", "a"), second = bench.entry("2", "a"), third = bench.entry("1", "b");
  for (const AuditEntry& entry : {first, second, third}) REQUIRE(bench.on.store->begin_change(entry).has_value());
  using Ids = std::vector<identity::AuditId>;
  CHECK(bench.ids({}) == Ids{third.id, second.id, first.id});
  CHECK(bench.ids({.limit = 2}) == Ids{third.id, second.id});
  CHECK(bench.ids({.before = third.id, .limit = 1}) == Ids{second.id});
  CHECK(bench.ids({.actor = "1"}) == Ids{third.id, first.id});
  CHECK(bench.ids({.subject = "a"}) == Ids{second.id, first.id});
  CHECK(bench.ids({.actor = "1", .subject = "a"}) == Ids{first.id});
  CHECK(bench.ids({.from = second.at}) == Ids{third.id, second.id});
  CHECK(bench.ids({.to = second.at}) == Ids{first.id});
}

TEST_CASE("users, sessions and the log survive a restart") {
  IdentityBench<tests::OnSqlite> bench;
  const User ann = bench.user("ann", identity::Role::admin);
  Session session = bench.session();
  session.user = ann.id;
  const AuditEntry entry = bench.entry("1", "a");
  REQUIRE(bench.on.store->put_user(ann).has_value());
  REQUIRE(bench.on.store->open_session(session).has_value());
  REQUIRE(bench.on.store->begin_change(entry).has_value());
  bench.on.reopen();
  CHECK(*bench.on.store->users() == std::vector{ann});
  CHECK(**bench.on.store->find_session(session.id) == session);
  CHECK(*bench.on.store->changes({}) == std::vector{entry});
}
