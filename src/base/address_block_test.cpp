#include "base/address_block.h"

#include <doctest/doctest.h>

using base::AddressBlock;

TEST_CASE("a block holds its addresses, and no others") {
  struct Row {
    std::string block, address;
    bool holds;
  };
  for (const Row& row :
       {Row{"10.0.0.0/8", "10.255.0.1", true}, Row{"10.0.0.0/8", "11.0.0.1", false},
        Row{"10.1.2.3/12", "10.15.0.1", true}, Row{"10.1.2.3/12", "10.16.0.1", false},
        Row{"203.0.113.7", "203.0.113.7", true}, Row{"203.0.113.7", "203.0.113.8", false},
        Row{"0.0.0.0/0", "198.51.100.1", true}, Row{"0.0.0.0/0", "::1", false}, Row{"::/0", "2001:db8::1", true},
        Row{"::/0", "198.51.100.1", false}, Row{"2001:db8::/33", "2001:db8:7fff::1", true},
        Row{"2001:db8::/33", "2001:db8:8000::1", false}, Row{"10.0.0.0/8", "::ffff:10.0.0.1", true},
        Row{"::ffff:10.0.0.1", "10.0.0.1", true}, Row{"10.0.0.0/8", "", false}, Row{"10.0.0.0/8", "10.0.0", false},
        Row{"10.0.0.0/8", "example.org", false}}) {
    CAPTURE(row.block);
    CAPTURE(row.address);
    REQUIRE(AddressBlock::parse(row.block).has_value());
    CHECK(AddressBlock::parse(row.block)->holds(row.address) == row.holds);
  }
}

TEST_CASE("what is neither an address nor a block of them is refused") {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "2001:db8::/129", "10.0.0", "host", "10.0.0.0/8/8", "/8"}) {
    CAPTURE(text);
    CHECK_FALSE(AddressBlock::parse(text).has_value());
  }
}
