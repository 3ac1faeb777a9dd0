#include "net/query.h"

#include <doctest/doctest.h>

using net::query_parameter;
using net::without_query_parameter;

TEST_CASE("a parameter is found by its whole name") {
  CHECK(query_parameter("/a?alt=sse&key=k1", "key") == "k1");
  CHECK(query_parameter("/a?key=k1&key=k2", "key") == "k1");
  CHECK(query_parameter("/a?keys=k1&xkey=k2", "key").empty());
  CHECK(query_parameter("/a?key", "key").empty());
  CHECK(query_parameter("/a/key=k1", "key").empty());
  CHECK(query_parameter("", "key").empty());
}

TEST_CASE("a parameter goes, however often it stands there, and all else stays as it is") {
  CHECK(without_query_parameter("/a?key=1&b=%2F&key=2&c", "key") == "/a?b=%2F&c");
  CHECK(without_query_parameter("/a?key=1", "key") == "/a");
  CHECK(without_query_parameter("/a?b=1", "key") == "/a?b=1");
  CHECK(without_query_parameter("/a", "key") == "/a");
  CHECK(without_query_parameter("", "key").empty());
}
