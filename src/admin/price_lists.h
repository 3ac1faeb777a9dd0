#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meter/price_book.h"

namespace admin {

// A price book that the configuration has, by the name that accounts choose it by.
struct PriceList {
  std::string name;  // catalog::default_book for that of accounts that choose none
  std::shared_ptr<const meter::PriceBook> book;
};
using PriceLists = std::vector<PriceList>;

// The book whose version a usage record names; nullptr: it is not at hand any more.
const meter::PriceBook* find_version(const PriceLists& lists, std::string_view version);

}  // namespace admin
