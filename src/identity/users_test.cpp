#include "identity/users.h"

#include <doctest/doctest.h>

#include "identity/sessions.h"
#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

using base::ErrorType;
using base::Secret;
using identity::LoggedIn;
using identity::Role;
using identity::Session;
using identity::User;

namespace {

constexpr const char* password = "a horse, a staple";
constexpr std::int64_t day_ms = 86'400'000;

class World {
 public:
  store::MemoryStore store;
  tests::FakeClock clock;
  tests::SeededRandom random{1};
  base::Sha256 admin_key = base::sha256("mg_admin");
  bool key_is_good = true;
  identity::Users users{store, clock, random};
  identity::Sessions sessions{store,  identity::SigningKeys::random(random),
                              day_ms, [this](const base::Sha256& hash) { return key_is_good && hash == admin_key; },
                              clock,  random};

  User create(std::string name, Role role = Role::viewer, std::optional<base::AccountId> account = {}) {
    auto user = users.create({.name = std::move(name), .password = Secret(password), .role = role, .account = account});
    REQUIRE_MESSAGE(user.has_value(), (user ? "" : user.error().message));
    return *user;
  }
  base::Result<LoggedIn> log_in(std::string_view name, std::string text = password) {
    return sessions.log_in(name, Secret(std::move(text)), "192.0.2.1");
  }
  ErrorType refusal(const auto& result) {
    REQUIRE_FALSE(result.has_value());
    return result.error().type;
  }
};

}  // namespace

TEST_CASE("the link makes the first user, an admin, once") {
  World world;
  const auto link = *world.users.setup_link();
  REQUIRE(link.has_value());
  CHECK(link->reveal().size() == 48);
  CHECK(world.refusal(world.users.set_up(Secret("guessed"), "alice", Secret(password))) == ErrorType::unauthorized);
  CHECK(world.refusal(world.users.set_up(*link, "alice", Secret("short"))) == ErrorType::invalid_request);
  const auto alice = world.users.set_up(*link, "Alice", Secret(password));
  REQUIRE(alice.has_value());
  CHECK(alice->role == Role::admin);
  CHECK(alice->name == "alice");
  CHECK(alice->password != password);
  CHECK_FALSE(world.users.setup_link()->has_value());
  CHECK(world.refusal(world.users.set_up(*link, "mallory", Secret(password))) == ErrorType::conflict);
  // Another program start has another link.
  CHECK(identity::Users(world.store, world.clock, world.random).setup_link()->has_value() == false);
  world.store.remove_user(alice->id).value();
  CHECK((*identity::Users(world.store, world.clock, world.random).setup_link())->reveal() != link->reveal());
}

TEST_CASE("names are unique whatever their case, and roles make sense") {
  World world;
  world.create("alice");
  CHECK(world.refusal(world.users.create({.name = "ALICE", .password = Secret(password)})) == ErrorType::conflict);
  for (const char* name : {"", "-alice", "al ice", "alice\"", "älice"}) {
    CAPTURE(name);
    CHECK(world.refusal(world.users.create({.name = name, .password = Secret(password)})) ==
          ErrorType::invalid_request);
  }
  catalog::Account team;
  team.id = base::AccountId::create(world.clock.wall_now(), world.random);
  team.name = "team";
  REQUIRE(world.store.put(team).has_value());
  const base::AccountId account = team.id;
  CHECK(world.refusal(world.users.create(
            {.name = "bob", .password = Secret(password), .role = Role::admin, .account = account})) ==
        ErrorType::invalid_request);
  CHECK(world.create("bob", Role::operates, account).account == account);
  CHECK(world.users.all()->size() == 2);
}

TEST_CASE("the last admin who may come in is neither removed, disabled nor made less") {
  World world;
  const User alice = world.create("alice", Role::admin);
  const User bob = world.create("bob", Role::admin);
  REQUIRE(world.users.edit(bob.id, {.status = identity::UserStatus::disabled}).has_value());
  CHECK(world.refusal(world.users.remove(alice.id)) == ErrorType::conflict);
  CHECK(world.refusal(world.users.edit(alice.id, {.status = identity::UserStatus::disabled})) == ErrorType::conflict);
  CHECK(world.refusal(world.users.edit(alice.id, {.role = Role::operates})) == ErrorType::conflict);
  CHECK(world.users.edit(alice.id, {.password = Secret("another, longer one")}).has_value());
  REQUIRE(world.users.edit(bob.id, {.status = identity::UserStatus::active}).has_value());
  CHECK(world.users.remove(alice.id).has_value());
  CHECK(world.refusal(world.users.remove(bob.id)) == ErrorType::conflict);
  CHECK(world.refusal(world.users.remove(alice.id)) == ErrorType::not_found);
}

TEST_CASE("a login opens a session that ends by its time, by a logout and with its user") {
  World world;
  const User alice = world.create("alice", Role::admin);
  const User bob = world.create("bob", Role::viewer);
  const auto token = [&] { return world.sessions.token_of(*world.log_in("Bob")); };
  std::string text = token();
  const auto found = world.sessions.find(text);
  REQUIRE(found.has_value());
  CHECK(found->user->id == bob.id);
  CHECK(found->role() == Role::viewer);

  SUBCASE("its time is over") {
    world.clock.advance_ms(day_ms - 60'000);
    CHECK(world.sessions.find(text).has_value());
    world.clock.advance_ms(60'000);
    CHECK(world.refusal(world.sessions.find(text)) == ErrorType::unauthorized);
  }
  SUBCASE("it was logged out of, and others go on") {
    const std::string other = token();
    REQUIRE(world.sessions.log_out(found->session.id).has_value());
    CHECK(world.refusal(world.sessions.find(text)) == ErrorType::unauthorized);
    CHECK(world.sessions.find(other).has_value());
  }
  world.clock.advance_ms(1);
  SUBCASE("the user is removed") {
    REQUIRE(world.users.remove(bob.id).has_value());
    CHECK(world.refusal(world.sessions.find(text)) == ErrorType::unauthorized);
  }
  SUBCASE("the user is disabled, and enabled again") {
    REQUIRE(world.users.edit(bob.id, {.status = identity::UserStatus::disabled}).has_value());
    CHECK(world.refusal(world.sessions.find(text)) == ErrorType::unauthorized);
    CHECK(world.refusal(world.log_in("bob")) == ErrorType::unauthorized);
    REQUIRE(world.users.edit(bob.id, {.status = identity::UserStatus::active}).has_value());
    CHECK(world.refusal(world.sessions.find(text)) == ErrorType::unauthorized);
    CHECK(world.sessions.find(token()).has_value());
  }
  SUBCASE("the password is another one") {
    REQUIRE(world.users.edit(bob.id, {.password = Secret("another, longer one")}).has_value());
    CHECK(world.refusal(world.sessions.find(text)) == ErrorType::unauthorized);
    CHECK(world.refusal(world.log_in("bob")) == ErrorType::unauthorized);
    CHECK(world.log_in("bob", "another, longer one").has_value());
  }
  SUBCASE("the role is less, and not when it is more") {
    REQUIRE(world.users.edit(bob.id, {.role = Role::operates}).has_value());
    CHECK(world.sessions.find(text)->role() == Role::operates);
    REQUIRE(world.users.edit(bob.id, {.role = Role::viewer}).has_value());
    CHECK(world.refusal(world.sessions.find(text)) == ErrorType::unauthorized);
  }
  CHECK(world.users.find(alice.id).has_value());
}

TEST_CASE("a wrong name and a wrong password are told in the same words") {
  World world;
  world.create("alice");
  const auto wrong_password = world.log_in("alice", "not hers at all");
  const auto wrong_name = world.log_in("mallory");
  const auto no_name = world.log_in("\"; DROP TABLE users");
  REQUIRE_FALSE(wrong_password.has_value());
  REQUIRE_FALSE(wrong_name.has_value());
  REQUIRE_FALSE(no_name.has_value());
  CHECK(wrong_password.error().message == wrong_name.error().message);
  CHECK(wrong_password.error().message == no_name.error().message);
  CHECK(wrong_password.error().type == ErrorType::unauthorized);
}

TEST_CASE("who guesses waits, and the right password waits with him") {
  World world;
  world.create("alice");
  for (int i = 0; i < identity::LoginAttempts::free_failures; ++i)
    CHECK(world.refusal(world.log_in("alice", "not hers at all")) == ErrorType::unauthorized);
  CHECK(world.refusal(world.log_in("alice")) == ErrorType::rate_limited);
  CHECK(world.sessions.wait_ms("alice", "198.51.100.7") == 1000);
  world.clock.advance_ms(1000);
  CHECK(world.log_in("alice").has_value());
}

TEST_CASE("an admin key opens a session too, for as long as the key is good") {
  World world;
  CHECK(world.refusal(world.sessions.log_in_with_key(Secret("mg_other"), "192.0.2.1")) == ErrorType::unauthorized);
  const auto opened = world.sessions.log_in_with_key(Secret("mg_admin"), "192.0.2.1");
  REQUIRE(opened.has_value());
  CHECK(opened->role() == Role::admin);
  CHECK(opened->name() == "admin key");
  const std::string text = world.sessions.token_of(*opened);
  CHECK(world.sessions.find(text).has_value());
  world.key_is_good = false;
  CHECK(world.refusal(world.sessions.find(text)) == ErrorType::unauthorized);
}

TEST_CASE("who comes with the provider is made where its groups give a role, and known again by his subject") {
  World world;
  const auto made = world.users.come_in({.subject = "https://id 7", .name = "ann@acme", .role = Role::operates});
  REQUIRE(made.has_value());
  CHECK(made->name == "ann@acme");
  CHECK(made->role == Role::operates);
  CHECK(made->password.empty());
  CHECK(world.refusal(world.log_in("ann@acme", "")) == ErrorType::unauthorized);  // no password is no empty one
  // Another name and another role at the provider: the same user.
  const auto again = world.users.come_in({.subject = "https://id 7", .name = "ann.smith@acme", .role = Role::viewer});
  REQUIRE(again.has_value());
  CHECK(again->id == made->id);
  CHECK(again->name == "ann@acme");
  CHECK(again->role == Role::viewer);
  CHECK(world.users.all()->size() == 1);
}

TEST_CASE("without groups only whom an admin has made comes in, once bound for good") {
  World world;
  CHECK(world.refusal(world.users.come_in({.subject = "i 7", .name = "ann"})) == ErrorType::forbidden);
  const User made = *world.users.create({.name = "ann", .role = Role::viewer});
  CHECK(made.password.empty());
  CHECK(world.users.come_in({.subject = "i 7", .name = "ann"})->id == made.id);
  // Somebody else to whom the provider gave the name later.
  CHECK(world.refusal(world.users.come_in({.subject = "i 8", .name = "ann"})) == ErrorType::forbidden);
  CHECK(world.users.come_in({.subject = "i 7", .name = "ann"}).has_value());
  world.users.edit(made.id, {.status = identity::UserStatus::disabled}).value();
  CHECK(world.refusal(world.users.come_in({.subject = "i 7", .name = "ann"})) == ErrorType::forbidden);
}

TEST_CASE("who has a password is never come in as, until an admin says so") {
  World world;
  const User root = world.create("root", Role::admin);
  const User ann = world.create("ann");
  CHECK(world.refusal(world.users.come_in({.subject = "i 7", .name = "ann", .role = Role::admin})) ==
        ErrorType::forbidden);
  const LoggedIn before = *world.log_in("ann");
  world.clock.advance_ms(1);
  CHECK(world.users.edit(ann.id, {.to_provider = true})->password.empty());
  CHECK(world.refusal(world.sessions.find(world.sessions.token_of(before))) == ErrorType::unauthorized);
  CHECK(world.refusal(world.log_in("ann")) == ErrorType::unauthorized);
  CHECK(world.users.come_in({.subject = "i 7", .name = "ann"})->id == ann.id);
  // And back: whom the provider knew as him is nobody any more.
  CHECK(world.users.edit(ann.id, {.password = Secret(password)})->provider_subject.empty());
  CHECK(world.log_in("ann").has_value());
  CHECK(world.refusal(world.users.come_in({.subject = "i 7", .name = "ann"})) == ErrorType::forbidden);
}

TEST_CASE("a provider that takes the last admin's role away lets nobody in as him") {
  World world;
  const User ann = *world.users.come_in({.subject = "i 7", .name = "ann", .role = Role::admin});
  CHECK(world.refusal(world.users.come_in({.subject = "i 7", .name = "ann", .role = Role::viewer})) ==
        ErrorType::conflict);
  CHECK(world.users.find(ann.id)->role == Role::admin);
  world.create("root", Role::admin);
  const LoggedIn before = *world.sessions.open_for(ann);
  world.clock.advance_ms(1);
  CHECK(world.users.come_in({.subject = "i 7", .name = "ann", .role = Role::viewer})->role == Role::viewer);
  CHECK(world.refusal(world.sessions.find(world.sessions.token_of(before))) == ErrorType::unauthorized);
}
