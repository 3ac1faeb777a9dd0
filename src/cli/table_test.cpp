#include "cli/table.h"

#include <doctest/doctest.h>

using namespace cli;

TEST_CASE("columns line up, numbers to the right, and no line ends in spaces") {
  Table table({{"NAME"}, {"COST", Align::right}, {"STATUS"}});
  table.add({"alice", "0.5", "active"});
  table.add({"a longer name", "12.25", "-"});
  CHECK(table.to_string() ==
        "NAME            COST  STATUS\n"
        "alice            0.5  active\n"
        "a longer name  12.25  -\n");
}

TEST_CASE("a table without rows has its headings") { CHECK(Table({{"ID"}, {"NAME"}}).to_string() == "ID  NAME\n"); }

TEST_CASE("a character of several bytes takes one column") {
  CHECK(width_of("Ab…wxyz") == 7);
  CHECK(width_of("Zoë") == 3);
  Table table({{"KEY"}, {"ROLE"}});
  table.add({"Ab…wxyz", "data"});
  table.add({"0123456", "admin"});
  CHECK(table.to_string() == "KEY      ROLE\nAb…wxyz  data\n0123456  admin\n");
}

TEST_CASE("names and values stand below each other") {
  CHECK(list_of({{"id", "1"}, {"account", "2"}}) == "id       1\naccount  2\n");
}
