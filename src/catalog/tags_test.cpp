#include "catalog/tags.h"

#include <doctest/doctest.h>

#include <string>

using namespace catalog;

TEST_CASE("tags are kept in the order of their names, whatever the order they come in") {
  CHECK(parse_tags("team=search , env=prod,a.b-c_9=X:/@+_-.9", "tags") == "a.b-c_9=X:/@+_-.9,env=prod,team=search");
  CHECK(parse_tags("  ", "tags") == "");
  CHECK(parse_tag("team=search", "tag") == "team=search");
}

TEST_CASE("what is no list of tags is refused, and the error names the field and the tag") {
  struct Row {
    std::string text, part;
  };
  for (const Row& row :
       {Row{"team", "write name=value"}, Row{"team=search,", "missing after the last ','"},
        Row{",team=search", "write name=value"}, Row{"team=", "'' is not the value"},
        Row{"=search", "'' is not the name"}, Row{"Team=search", "'Team' is not the name"},
        Row{"9=a", "'9' is not the name"}, Row{"team=a b", "'a b' is not the value"},
        Row{"team=a=b", "'a=b' is not the value"}, Row{"team=\"a\"", "is not the value"},
        Row{"team=\xC3\xA4", "is not the value"}, Row{"team=a,team=b", "'team' is there twice"},
        Row{std::string(33, 'a') + "=b", "is not the name"}, Row{"a=" + std::string(65, 'b'), "is not the value"},
        Row{"a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1", "more than 8 tags"}}) {
    CAPTURE(row.text);
    const auto refused = parse_tags(row.text, "X-Metergate-Tags");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().type == base::ErrorType::invalid_request);
    CHECK(refused.error().field == "X-Metergate-Tags");
    CHECK(refused.error().message.contains(row.part));
  }
  CHECK(parse_tags("a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1", "tags").has_value());
  CHECK(parse_tags(std::string(32, 'a') + "=" + std::string(64, 'b'), "tags").has_value());
  CHECK_FALSE(parse_tag("a=1,b=2", "tag").has_value());
  CHECK_FALSE(parse_tag("", "tag").has_value());
}

TEST_CASE("a request adds to its key's tags and does not change them") {
  CHECK(join_tags("", "b=1", "tags") == "b=1");
  CHECK(join_tags("team=search", "", "tags") == "team=search");
  CHECK(join_tags("team=search", "env=prod,zone=1", "tags") == "env=prod,team=search,zone=1");
  CHECK(join_tags("team=search", "team=search", "tags") == "team=search");
  const auto refused = join_tags("env=prod,team=search", "a=1,team=ads", "X-Metergate-Tags");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().field == "X-Metergate-Tags");
  CHECK(refused.error().message.contains("'team' is 'search'"));
}

TEST_CASE("a tag is found by its whole name and value") {
  const std::string tags = "env=prod,team=search";
  CHECK(find_tag(tags, "env") == "prod");
  CHECK(find_tag(tags, "team") == "search");
  CHECK_FALSE(find_tag(tags, "tea").has_value());
  CHECK_FALSE(find_tag(tags, "prod").has_value());
  CHECK_FALSE(find_tag("", "team").has_value());
  CHECK(has_tag(tags, "team=search"));
  CHECK(has_tag(tags, "env=prod"));
  CHECK_FALSE(has_tag(tags, "team=sear"));
  CHECK_FALSE(has_tag(tags, "m=search"));
  CHECK_FALSE(has_tag("", "team=search"));
}
