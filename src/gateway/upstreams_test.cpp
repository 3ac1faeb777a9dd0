#include "gateway/upstreams.h"

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;
using net::testing::send;

namespace {

const std::string question = R"({"model":"m","messages":[],"max_tokens":10})";
const std::string answer = R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5}})";

Task<void> change_the_secret(World& world) {
  for (int i = 0; i < 3; ++i) world.answers(answer);
  net::Stream client = world.connect();
  co_await send(client, world.call(question));
  while (world.upstream.requests.empty()) co_await world.yield();
  world.worker->use_secret("up", base::Secret(std::string("another-secret")));
  CHECK((co_await read_reply(client)).body == answer);

  co_await send(client, world.call(question));
  CHECK((co_await read_reply(client)).body == answer);
  world.worker->use_secret("up", base::Secret());
  co_await send(client, world.call(question));
  CHECK((co_await read_reply(client)).body == answer);

  const auto& sent = world.upstream.requests;
  REQUIRE(sent.size() == 3);
  CHECK(*sent[0].find("authorization") == "Bearer upstream-secret");
  CHECK(*sent[1].find("authorization") == "Bearer another-secret");
  CHECK(sent[2].find("authorization") == nullptr);
  CHECK(world.upstream_server.connections() == 1);
}

}  // namespace

TEST_CASE("a changed secret goes with the next call, also on a connection that is kept") {
  World world;
  world.open();
  world.run(change_the_secret(world));
}
