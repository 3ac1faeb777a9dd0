// Lists of batches and files: what the account itself began, page by page.
#include <doctest/doctest.h>

#include "gateway/deferred_world_test.h"

using namespace gateway;
using namespace gateway::testing;
using quota::DeferredKind;

namespace {

class ListWorld : public DeferredWorld {
 public:
  ListWorld() {
    settings.upstreams.front().provider = "openai";
    open_with_neighbour();
  }

  // Written down, each a millisecond after the one before.
  void add(const std::string& object, DeferredKind kind = DeferredKind::batch, bool of_neighbour = false) {
    REQUIRE(store
                .keep_deferred({.upstream = "up",
                                .object = object,
                                .kind = kind,
                                .exchange = base::ExchangeId::create(clock.wall_now(), random),
                                .account = of_neighbour ? neighbour_account : account.id,
                                .key = {},
                                .begun = {clock.wall_now().ms + ++added}})
                .has_value());
  }
  void shows(const std::string& object) { answers(fmt::format(R"({{"id":"{}","n":1}})", object)); }
  void has_lost() { answers(R"({"error":{"message":"no such object"}})", "404 Not Found"); }
  // "GET /api/batches/b2", for each call upstream since the last time.
  std::vector<std::string> asked() {
    std::vector<std::string> lines;
    for (const auto& request : std::exchange(upstream.requests, {})) lines.push_back(request.line);
    return lines;
  }

 private:
  std::int64_t added = 0;
};

std::string page(std::string_view data, std::string_view first, std::string_view last, bool more) {
  return fmt::format(R"({{"object":"list","data":[{}],"first_id":{},"last_id":{},"has_more":{}}})", data, first, last,
                     more);
}
const std::string empty_page = page("", "null", "null", false);

}  // namespace

TEST_CASE("a list shows what the account began, newest first, each as the upstream shows it, and of no neighbour") {
  ListWorld world;
  world.add("b1");
  world.add("theirs", DeferredKind::batch, true);
  world.add("b2");
  world.add("f1", DeferredKind::file);
  world.shows("b2");
  world.shows("b1");
  const Reply reply = world.send("GET /v1/batches?api-version=7&limit=10");
  CHECK(reply.status() == 200);
  CHECK(reply.field("Content-Type") == "application/json");
  CHECK(reply.body == page(R"({"id":"b2","n":1},{"id":"b1","n":1})", R"("b2")", R"("b1")", false));
  CHECK(world.asked() ==
        std::vector<std::string>{"GET /api/batches/b2?api-version=7", "GET /api/batches/b1?api-version=7"});
  world.shows("theirs");
  CHECK(world.send("GET /v1/batches", {}, world.neighbour).body ==
        page(R"({"id":"theirs","n":1})", R"("theirs")", R"("theirs")", false));
  CHECK(world.send("GET /v1/files", {}, world.neighbour).body == empty_page);
  CHECK(world.records().size() == 2);  // of the two lists that asked somebody
}

TEST_CASE("pages follow each other by the last one's id, to the end") {
  ListWorld world;
  for (int i = 10; i < 35; ++i) world.add(fmt::format("b{}", i));
  std::vector<std::string> seen;
  std::string after;
  for (const int size : {20, 4, 1}) {
    for (int i = 0; i < size; ++i) world.shows(fmt::format("b{}", 34 - std::ssize(seen) - i));
    const std::string limit = size == 4 ? "limit=4" : "limit=100";
    const Reply reply = world.send(fmt::format("GET /v1/batches?{}{}{}", limit, after.empty() ? "" : "&after=", after));
    REQUIRE(reply.status() == 200);
    const base::Json shown = *base::Json::parse(reply.body);
    for (const base::Json& object : shown.find("data")->items()) seen.push_back(object.find("id")->text());
    after = shown.find("last_id")->text();
    CHECK(after == seen.back());
    CHECK(reply.body.contains(fmt::format(R"("has_more":{})", size != 1)));
  }
  CHECK(seen.size() == 25);
  CHECK(after == "b10");
  CHECK(world.send("GET /v1/batches?after=b10").body == empty_page);
}

TEST_CASE("what is gone at the provider is left out, and a page of nothing else is none") {
  ListWorld world;
  for (const char* object : {"b1", "b2", "b3", "b4"}) world.add(object);
  world.has_lost();
  world.has_lost();
  world.has_lost();
  world.shows("b1");
  CHECK(world.send("GET /v1/batches?limit=2").body == page(R"({"id":"b1","n":1})", R"("b1")", R"("b1")", false));
  world.has_lost();
  CHECK(world.send("GET /v1/batches?after=b2").body == empty_page);
}

TEST_CASE("a list goes on behind what was deleted meanwhile, and behind nothing of a neighbour") {
  ListWorld world;
  for (const char* object : {"f1", "f2", "f3"}) world.add(object, DeferredKind::file);
  world.add("theirs", DeferredKind::file, true);
  world.answers(R"({"id":"f2","object":"file","deleted":true})");
  CHECK(world.send("DELETE /v1/files/f2").status() == 200);
  (void)world.asked();
  world.shows("f1");
  CHECK(world.send("GET /v1/files?after=f2").body == page(R"({"id":"f1","n":1})", R"("f1")", R"("f1")", false));
  CHECK(world.asked().size() == 1);
  for (const char* after : {"theirs", "never"}) {
    const Reply reply = world.send(fmt::format("GET /v1/files?after={}", after));
    CHECK(reply.status() == 404);
    CHECK(reply.error("code") == "not_found");
  }
  CHECK(world.asked().empty());
}

TEST_CASE("files are listed by their purpose, and in the order that is asked for") {
  ListWorld world;
  world.add("f1", DeferredKind::file);
  world.add("out", DeferredKind::output);
  world.add("err", DeferredKind::errors);
  world.add("f2", DeferredKind::file);
  const auto listed = [&](std::string_view query, const std::vector<std::string>& expected) {
    for (const std::string& object : expected) world.shows(object);
    const Reply reply = world.send(fmt::format("GET /v1/files?{}", query));
    REQUIRE(reply.status() == 200);
    std::vector<std::string> ids;
    const base::Json shown = *base::Json::parse(reply.body);
    for (const base::Json& object : shown.find("data")->items()) ids.push_back(object.find("id")->text());
    CHECK(ids == expected);
  };
  listed("", {"f2", "err", "out", "f1"});
  listed("order=asc", {"f1", "out", "err", "f2"});
  listed("purpose=batch&order=asc", {"f1", "f2"});
  listed("purpose=batch_output&order=desc", {"err", "out"});
  listed("purpose=assistants", {});
  listed("order=asc&after=out&limit=1", {"err"});
  for (const char* query : {"order=up", "limit=0", "limit=x", "limit=10001"})
    CHECK(world.send(fmt::format("GET /v1/files?{}", query)).status() == 400);
}

TEST_CASE("a list that an upstream does not answer is no list") {
  ListWorld world;
  world.add("b1");
  world.add("b2");
  world.shows("b2");
  world.answers(R"({"error":{"message":"slow down"}})", "429 Too Many Requests");
  const Reply refused = world.send("GET /v1/batches");
  CHECK(refused.status() == 429);
  CHECK(refused.body.contains("slow down"));
  world.shows("b2");
  world.shows("theirs");  // not what was asked for
  const Reply wrong = world.send("GET /v1/batches");
  CHECK(wrong.status() == 502);
  CHECK(!wrong.body.contains("theirs"));
}
