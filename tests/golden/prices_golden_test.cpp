// Bills against worked examples that were made apart from this code, with decimal arithmetic (README.md of the
// recordings, "Prices").
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/json.h"
#include "meter/bill.h"
#include "meter/bill_request.h"
#include "meter/price_book.h"

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// An exact number of dollars, rounded up to the nano-dollar.
base::Money rounded_up(const std::string& usd) {
  const auto price = base::Price::parse_usd(usd);
  REQUIRE(price.has_value());
  base::CostSum sum;
  sum.add(1, *price);
  return sum.ceil();
}

void check_example(const base::Json& example, const meter::PriceBook& book) {
  const auto quantities = meter::read_quantities(*example.find("usage"));
  if (!quantities) FAIL(quantities.error().message);
  const auto service = meter::read_service(*example.find("options"));
  if (!service) FAIL(service.error().message);
  const auto bill = meter::bill(book, {}, example.find("model")->text(), *quantities, *service);
  if (!bill) FAIL(bill.error().message);
  CHECK(bill->cost.to_usd() == rounded_up(example.find("expected_usd_exact")->text()).to_usd());
}

}  // namespace

TEST_CASE("worked examples cost what they were worked out to cost, by the table and by the built-in book") {
  const char* traffic = std::getenv("METERGATE_TRAFFIC");
  if (traffic == nullptr || *traffic == '\0') {
    fmt::print("golden: skipped, METERGATE_TRAFFIC is not set\n");
    return;
  }
  const auto examples = base::Json::parse(read_file(std::filesystem::path(traffic) / "price_examples.json"));
  if (!examples) FAIL(examples.error().message);
  const auto table = meter::PriceBook::parse(read_file(std::filesystem::path(traffic) / "model_prices.json"));
  if (!table) FAIL(table.error().message);
  const meter::PriceBook built_in = meter::PriceBook::built_in();
  const auto all = examples->find("examples")->items();
  REQUIRE(!all.empty());
  for (const base::Json& example : all) {
    CAPTURE(example.find("id")->text());
    CAPTURE(example.find("rule")->text());
    check_example(example, *table);
    check_example(example, built_in);
  }
  // The book is the table without what no bill needs.
  CHECK(std::ranges::equal(built_in.models(), table->models()));
  fmt::print("golden: {} worked examples of prices\n", all.size());
}
