#pragma once
// For the tests of this room: a world with a catalog in memory, and usage and numbers that the test sets; and scenarios
// that read as a conversation.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api.h"
#include "admin/authorize.h"
#include "base/assert.h"
#include "base/json.h"
#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

namespace admin::testing {

// A catalog store that forgets, and fails on request.
class ForgetfulStore final : public catalog::Store {
 public:
  int failing_after = INT32_MAX;  // writes that still succeed

  base::Result<catalog::Contents> load() override { return catalog::Contents{}; }
  base::Result<std::vector<catalog::Grant>> load_grants(std::optional<base::AccountId>) override {
    return std::vector<catalog::Grant>{};
  }
  base::Status apply(const catalog::Changes&, base::WallTime) override { return write(); }
  base::Status look_ahead(const catalog::Changes&, base::WallTime) override { return {}; }

 private:
  base::Status write() {
    if (failing_after-- > 0) return {};
    return base::fail(base::ErrorType::unavailable, "the disk is full", {}, base::Source::store);
  }
};

// Answers with what the test put in, and remembers what it was asked.
class SetUsageLog final : public events::UsageLog {
 public:
  events::SeriesQuery asked_series;
  std::vector<events::UsageRow> rows;
  std::vector<events::UsageLatency> latencies_by_group;
  std::vector<events::UsageRecord> all;
  std::vector<events::UsageSum> sums_by_group;
  events::UsageFilter asked;
  events::UsageGroup asked_group = events::UsageGroup::total;
  std::string asked_tag;
  std::optional<base::WallTime> all_from;

  base::Result<std::vector<events::UsageRecord>> records(const events::UsageFilter& filter) override {
    asked = filter;
    return std::vector(all.begin(), all.begin() + std::min<long>(filter.limit, static_cast<long>(all.size())));
  }
  base::Result<std::optional<events::UsageRecord>> record(base::ExchangeId id) override {
    const auto found = std::ranges::find(all, id, &events::UsageRecord::id);
    return found == all.end() ? std::nullopt : std::optional(*found);
  }
  base::Result<std::optional<base::WallTime>> kept_from() override { return all_from; }
  base::Result<std::vector<events::UsageRow>> series(const events::SeriesQuery& query) override {
    asked_series = query;
    return rows;
  }
  base::Result<std::vector<events::UsageLatency>> latencies(const events::UsageFilter& filter,
                                                            events::UsageGroup group) override {
    asked = filter;
    asked_group = group;
    return latencies_by_group;
  }
  using events::UsageLog::sums;
  base::Result<std::vector<events::UsageSum>> sums(const events::UsageFilter& filter, events::UsageGroup group,
                                                   std::string_view tag_name) override {
    asked = filter;
    asked_group = group;
    asked_tag = tag_name;
    return sums_by_group;
  }
};

class SetLimitEvents final : public events::LimitEventLog {
 public:
  std::vector<events::LimitEvent> all;
  events::LimitEventFilter asked;

  base::Result<std::vector<events::LimitEvent>> limit_events(const events::LimitEventFilter& filter) override {
    asked = filter;
    return std::vector(all.begin(), all.begin() + std::min<long>(filter.limit_to, static_cast<long>(all.size())));
  }
  std::int64_t limit_events_written(catalog::ThresholdAction) const override { return 0; }
};

// Every limit has a quarter reserved, a quarter spent and one unit unresolved.
class QuarterInspector final : public quota::Inspector {
 public:
  bool failing = false;

  base::Result<std::vector<quota::FiveNumbers>> numbers(const std::vector<catalog::Limit>& limits) override {
    if (failing) return base::fail(base::ErrorType::unavailable, "the store does not answer");
    std::vector<quota::FiveNumbers> out;
    for (const catalog::Limit& limit : limits) {
      quota::FiveNumbers numbers{.amount = limit.amount, .window = base::window_at(limit.window, {1'700'000'000'000})};
      numbers.resets_at = numbers.window.end;
      numbers.reserved = limit.amount / 4;
      numbers.spent = limit.amount / 4;
      numbers.unresolved = 1;
      numbers.available = limit.amount - numbers.reserved - numbers.spent - numbers.unresolved;
      out.push_back(numbers);
    }
    return out;
  }
};

// Says what the test put in, and remembers what it was asked.
class SetExplainer final : public quota::Explainer {
 public:
  base::Result<quota::Explanation> answer;
  std::vector<quota::ImaginedCall> asked;

  base::Result<quota::Explanation> explain(const catalog::KeyEntry&, const quota::ImaginedCall& call) override {
    asked.push_back(call);
    return answer;
  }
  std::optional<quota::Quote> quote;  // that it says to have held
  std::int64_t held_for_ms = 0;
  base::Result<quota::HeldCall> hold(const catalog::KeyEntry& key, const quota::ImaginedCall& call,
                                     std::int64_t ttl_ms) override {
    held_for_ms = ttl_ms;
    TRY(auto explanation, explain(key, call));
    return quota::HeldCall{std::move(explanation), quote};
  }
};

// One exchange of a conversation. {name} in the call and the body stands for what an earlier row saved.
struct Row {
  std::string call;  // "GET /api/v1/keys?account=acme"
  std::string body;
  int status = 200;
  std::vector<std::string> contains{};
  std::string save{};  // the reply's id under this name, and its secret under name + "_secret"
  std::vector<std::string> lacks{};
};

// An upstream whose secret the store may hold, and one whose secret the configuration sets.
inline std::vector<catalog::Upstream> test_upstreams() {
  catalog::Upstream openai;
  openai.name = "openai";
  openai.scheme = "https";
  openai.host = "api.openai.com";
  openai.base_path = "/v1";
  catalog::Upstream azure = openai;
  azure.name = "azure";
  azure.host = "azure.test";
  azure.secret = "sk-configured";
  return {openai, azure};
}

class World {
 public:
  ForgetfulStore store;
  store::MemoryStore secret_store;
  std::vector<catalog::Upstream> declared = test_upstreams();
  catalog::UpstreamSecrets upstreams{declared, secret_store};
  SetUsageLog usage;
  SetLimitEvents limit_events;
  QuarterInspector inspector;
  SetExplainer explainer;
  tests::FakeClock clock;
  tests::SeededRandom random{1};
  std::unique_ptr<catalog::Catalog> catalog = *catalog::Catalog::open(store, clock, random);
  identity::Store* identity_store = &secret_store;  // for the audit log
  idempotency::Store* idempotency = &secret_store;
  identity::Users users{secret_store, clock, random};
  identity::Sessions sessions{secret_store,
                              identity::SigningKeys::random(random),
                              86'400'000,
                              [this](const base::Sha256& hash) {
                                return is_admin_key(*catalog, options.environment_admin_key_hash, clock, hash);
                              },
                              clock,
                              random};
  quota::UnresolvedDesk unresolved{secret_store, clock, random, 7 * 86'400'000LL};
  Options options;
  Trust trust = Trust::local;
  std::string credential;
  std::string idempotency_key;
  std::string session_cookie;
  std::string csrf_token;
  std::string address = "192.0.2.1";
  std::string if_match;
  std::map<std::string, std::string> saved;

  Response send(std::string_view call, std::string body = {}) {
    const std::string text = filled(call);
    const auto space = text.find(' ');
    const auto question = text.find('?');
    Request request;
    request.method = text.substr(0, space);
    request.path = text.substr(space + 1, question - std::min(question, space + 1));
    if (question == std::string::npos) request.path = text.substr(space + 1);
    for (auto rest = question == std::string::npos ? std::string() : text.substr(question + 1); !rest.empty();) {
      const auto pair = rest.substr(0, rest.find('&'));
      rest.erase(0, pair.size() + 1);
      const auto equals = pair.find('=');
      request.query.emplace_back(pair.substr(0, equals), equals == std::string::npos ? "" : pair.substr(equals + 1));
    }
    request.body = filled(body);
    request.credential = credential;
    request.idempotency_key = idempotency_key;
    request.session_cookie = session_cookie;
    request.csrf_token = csrf_token;
    request.address = address;
    request.if_match = if_match;
    request.trust = trust;
    return Api(services()).handle(request);
  }

  Services services() {
    return {.catalog = *catalog,
            .upstreams = upstreams,
            .usage = usage,
            .feed = secret_store,
            .limit_events = limit_events,
            .inspector = inspector,
            .explainer = explainer,
            .unresolved = unresolved,
            .books = secret_store,
            .ledger = secret_store,
            .users = users,
            .sessions = sessions,
            .identity = *identity_store,
            .idempotency = idempotency,
            .clock = clock,
            .random = random,
            .options = options};
  }

  // Each row in turn, in this world.
  void play(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      const Response reply = send(row.call, row.body);
      INFO(row.call, " ", row.body, "\n", reply.status, " ", reply.body);
      CHECK(reply.status == row.status);
      CHECK(reply.content_type == (row.status == 204   ? ""
                                   : row.status >= 400 ? "application/problem+json"
                                                       : "application/json"));
      for (const std::string& part : row.contains) {
        INFO("should contain: ", filled(part));
        CHECK(reply.body.contains(filled(part)));
      }
      for (const std::string& part : row.lacks) {
        INFO("should not contain: ", filled(part));
        CHECK_FALSE(reply.body.contains(filled(part)));
      }
      if (!row.save.empty()) save(row.save, reply.body);
    }
  }

 private:
  std::string filled(std::string_view text) const {
    std::string out(text);
    for (const auto& [name, value] : saved) {
      const auto mark = fmt::format("{{{}}}", name);
      for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark)) out.replace(at, mark.size(), value);
    }
    return out;
  }
  void save(const std::string& name, const std::string& body) {
    const auto json = base::Json::parse(body);
    ASSERT(json.has_value());
    for (const auto& [suffix, member] : {std::pair("", "id"), std::pair("_secret", "secret")})
      if (const base::Json* value = json->find(member)) saved[name + suffix] = value->text();
  }
};

}  // namespace admin::testing
