#pragma once
// For the tests of what a limit finds spent when it comes into force.
#include "quota/counting.h"
#include "quota/doctor.h"
#include "tests/conformance/stores.h"

namespace tests {

template <class Store>
struct Opener : Bench<Store> {
  catalog::Account child = this->account;
  catalog::Key childs_key = this->key;
  catalog::Account stranger = this->account;

  Opener() {
    child.id = this->template id<base::AccountId>();
    child.parent = this->account.id;
    childs_key.id = this->template id<base::KeyId>();
    childs_key.account = child.id;
    childs_key.hash = base::sha256("the child's");
    stranger.id = this->template id<base::AccountId>();
    REQUIRE(this->on.store->put(child).has_value());
    REQUIRE(this->on.store->put(childs_key).has_value());
    REQUIRE(this->on.store->put(stranger).has_value());
    this->now.ms += 1'000;
  }

  catalog::Limit wanted(catalog::LimitUnit unit = catalog::LimitUnit::usd, std::string_view window = "day") {
    return {.id = this->template id<base::LimitId>(),
            .subject = this->account.id,
            .name = "limit",
            .unit = unit,
            .window = *base::parse_window(window),
            .amount = 1'000'000,
            .created = this->now};
  }
  quota::CounterState open(const catalog::Limit& limit) {
    REQUIRE(this->on.store->look_ahead({.opened = {limit}}, this->now).has_value());
    const base::Status opened = this->on.store->open(limit, this->now);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string() : opened.error().message));
    return state_of(limit);
  }
  quota::CounterState state_of(const catalog::Limit& limit) {
    return this->state(quota::query_of(limit.id, limit.window, base::window_at(limit.window, this->now), this->now));
  }
  // An exchange of 30 tokens of input and 5 of output, of an account's first key.
  events::UsageRecord spent(std::int64_t cost, const catalog::Account& by, base::WallTime at,
                            std::string model = "gpt-4o-mini") {
    events::UsageRecord record = this->exchange(cost, {});
    record.started = at;
    record.account = by.id;
    record.key = by.id == child.id ? childs_key.id : this->key.id;
    record.model = std::move(model);
    record.route = "openai";
    record.usage = meter::Usage{.input_tokens = 30, .output_tokens = 5};
    return record;
  }
  std::vector<quota::Discrepancy> wrong() {
    const auto snapshot = catalog::Snapshot::build(*this->on.store->load());
    REQUIRE(snapshot.has_value());
    const auto found = quota::examine(*this->on.store, **snapshot, this->now);
    REQUIRE(found.has_value());
    CHECK(found->unreadable.empty());
    return found->wrong;
  }
};

}  // namespace tests
