#pragma once
// For the tests of work that goes on after its reply: a world with a neighbour, and an upstream that has one response.

#include <fmt/format.h>

#include "gateway/world_test.h"

namespace gateway::testing {

inline net::Task<void> ask_it(World& world, Reply& reply, std::string request) {
  reply = co_await ask(world, std::move(request));
}

inline constexpr std::string_view question = R"({"model":"m","input":"hi","max_output_tokens":100,"background":true})";

// What a dollar and two dollars a million tokens cost for 10 and 20 of them.
inline constexpr std::int64_t cost_of_end = 10 * 1'000 + 20 * 2'000;

class DeferredWorld : public World {
 public:
  base::AccountId neighbour_account;
  std::string neighbour = catalog::new_secret(catalog::KeyRole::data, random);

  // As open(), with a key of another account beside.
  void open_with_neighbour() {
    open();
    const catalog::Account other{
        .id = base::AccountId::create({1}, random), .parent = {}, .name = "other", .external_id = {}, .created = {}};
    neighbour_account = other.id;
    const auto key_of = [this](const catalog::Account& owner, std::string_view of) {
      return catalog::Key{.id = base::KeyId::create({1}, random),
                          .account = owner.id,
                          .name = "key",
                          .hash = base::sha256(of),
                          .hint = {},
                          .created = {},
                          .expires = {}};
    };
    const auto built = catalog::Snapshot::build(
        {.accounts = {account, other}, .keys = {key_of(account, secret), key_of(other, neighbour)}, .limits = limits});
    REQUIRE(built.has_value());
    worker->use(*built);
  }

  Reply send(std::string_view line, std::string_view body = {}, std::string_view by = {}) {
    Reply reply;
    run(ask_it(*this, reply,
               fmt::format("{} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\n{}\r\n{}", line,
                           by.empty() ? std::string_view(secret) : by,
                           body.empty() ? std::string() : fmt::format("Content-Length: {}\r\n", body.size()), body)));
    return reply;
  }
  Reply begin() { return send("POST /v1/responses", question); }
  Reply fetch() { return send("GET /v1/responses/resp_1"); }

  void answers_status(std::string_view status, std::string_view more = {}) {
    answers(fmt::format(R"({{"id":"resp_1","object":"response","model":"m","status":"{}"{}}})", status,
                        more.empty() ? std::string(R"(,"usage":null)") : std::string(more)));
  }
  void answers_end(std::string_view status = "completed") {
    answers_status(status, R"(,"usage":{"input_tokens":10,"output_tokens":20,"total_tokens":30})");
  }
  std::vector<quota::UnresolvedItem> items() {
    (void)records();
    return *store.open_items({});
  }
};

}  // namespace gateway::testing
