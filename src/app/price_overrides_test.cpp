#include "app/price_overrides.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "app/gateway_settings.h"
#include "meter/bill.h"
#include "meter/worst_cost.h"
#include "tests/support/temporary_folder.h"

namespace {

// Only what a file says counts here.
std::optional<std::string> no_variables(std::string_view) { return std::nullopt; }

// A configuration that names a file with these prices.
class Overridden {
 public:
  explicit Overridden(std::string_view prices)
      : prices_file_(folder_.path() / "pricing.yaml"), config_file_(folder_.path() / "m.yaml") {
    std::ofstream(prices_file_) << prices;
    std::ofstream(config_file_) << "upstreams: { a: { url: \"https://a.example/v1\" } }\n"
                                << "prices: { overrides: " << prices_file_ << " }\n";
  }

  std::shared_ptr<const meter::PriceBook> book() const {
    const auto config = app::load_config(config_file_, no_variables);
    if (!config) FAIL(config.error().message);
    const auto settings = app::gateway_settings(*config);
    if (!settings) FAIL(settings.error().message);
    return settings->prices;
  }
  // The first finding, behind the name of the file.
  std::string finding() const {
    const auto report = app::check_config(config_file_, no_variables);
    REQUIRE(!report.findings.empty());
    const std::string text = report.findings[0].to_string();
    const std::string before = "'prices.overrides' names a file with an error: " + prices_file_ + ":";
    const auto at = text.find(before);
    REQUIRE(at != std::string::npos);
    return text.substr(at + before.size());
  }

 private:
  tests::TemporaryFolder folder_;
  std::string prices_file_;
  std::string config_file_;
};

std::string cost(const meter::PricedModel& price, const meter::Usage& usage) {
  const auto bill = meter::bill(price, {.usage = usage}, meter::Service());
  REQUIRE(bill.has_value());
  return bill->cost.to_usd();
}

constexpr std::string_view own_prices =
    "models:\n"
    "  gpt-4o: { inputPer1k: 0.0025, outputPer1k: 0.01, cachedInputPer1k: 0.00125, maxOutputTokens: 16000 }\n"
    "  house-model: { inputPer1k: 0.001, outputPer1k: 0.002, maxOutputTokens: 100 }\n";

}  // namespace

TEST_CASE("an operator's own prices are exact, in place of the list's and beside it") {
  const auto book = Overridden(own_prices).book();
  const auto* const listed = book->find("gpt-4o");
  REQUIRE(listed != nullptr);
  CHECK(cost(*listed, {.input_tokens = 1000, .output_tokens = 1000}) == "0.0125");
  CHECK(cost(*listed, {.input_tokens = 1000, .output_tokens = 0, .cached_input_tokens = 1000}) == "0.00125");
  CHECK(listed->max_output_tokens == 16'000);
  CHECK(listed->prices.size() == 3);
  const auto* const own = book->find("house-model");
  REQUIRE(own != nullptr);
  CHECK(cost(*own, {.input_tokens = 1000, .output_tokens = 0, .cached_input_tokens = 1000}) == "0.001");
  CHECK(book->find("gpt-4o-mini") != nullptr);
}

TEST_CASE("an own price holds for snapshots that cost what the model does, and for no others") {
  // A reply names its snapshot and is billed by that name: a price for the model alone would never be billed.
  const auto book = Overridden(own_prices).book();
  CHECK(book->find("gpt-4o-2024-08-06")->name == "gpt-4o");
  CHECK(book->find("gpt-4o-2024-05-13")->name == "gpt-4o-2024-05-13");
}

TEST_CASE("a price of zero is one where the operator wrote it") {
  const auto book = Overridden("models: { own: { inputPer1k: 0, outputPer1k: 0, maxOutputTokens: 9 } }").book();
  const auto* const own = book->find("own");
  REQUIRE(own != nullptr);
  CHECK(cost(*own, {.input_tokens = 1000, .output_tokens = 1000}) == "0");
  meter::Request request;
  request.input_bound = 1000;
  CHECK(meter::worst_cost(*own, request, 9).value() == base::Money::zero());
}

TEST_CASE("every edit of the own prices changes the version that records keep") {
  const auto before = Overridden(own_prices).book();
  const auto edited = Overridden("models: { gpt-4o: { inputPer1k: 1, outputPer1k: 2, maxOutputTokens: 9 } }").book();
  CHECK(before->version().starts_with(meter::PriceBook::built_in().version() + "+"));
  CHECK(edited->version().starts_with(meter::PriceBook::built_in().version() + "+"));
  CHECK(edited->version() != before->version());
  CHECK(Overridden(own_prices).book()->version() == before->version());
  CHECK(edited->find("house-model") == nullptr);
}

TEST_CASE("own prices are read strictly") {
  const auto finding = [](std::string_view prices) { return Overridden(prices).finding(); };
  CHECK(finding("models: { m: { outputPer1k: 1, maxOutputTokens: 1 } }") ==
        "1: 'models.m.inputPer1k' is missing: no price is not a price of zero");
  CHECK(finding("models: { m: { inputPer1k: 1, outputPer1k: 1 } }") ==
        "1: 'models.m.maxOutputTokens' is missing: nothing else bounds what a call costs");
  CHECK(finding("models: { m: { inputPer1k: -1, outputPer1k: 1, maxOutputTokens: 1 } }") ==
        "1: 'models.m.inputPer1k' must be USD per 1,000 tokens, zero or more, such as 0.0025");
  CHECK(finding("models: { m: { inputPer1k: 1, outputPer1k: 1, maxOutputTokens: 1, cachedInput: 1 } }")
            .find("'models.m.cachedInput' is not a known key") != std::string::npos);
  CHECK(finding("version: 3").find("'models' is missing") != std::string::npos);
  CHECK(finding("models: { m: { inputPer1k: \"${PRICE}\", outputPer1k: 1, maxOutputTokens: 1 } }").find("PRICE") !=
        std::string::npos);
}

TEST_CASE("an operator's own prices may change on a date") {
  const auto book =
      Overridden(
          "models:\n"
          "  own:\n"
          "    inputPer1k: 1\n"
          "    outputPer1k: 2\n"
          "    maxOutputTokens: 9\n"
          "    effective:\n"
          "      - { from: 2026-12-01, inputPer1k: 0, outputPer1k: 4 }\n"
          "      - { from: \"2027-01-01T06:00:00Z\", inputPer1k: 5, outputPer1k: 6, maxOutputTokens: 3 }\n")
          .book();
  const meter::PricedModel& own = *book->find("openai", "own");
  const auto input = [&own](std::int64_t at) { return cost(own.at({at}), {.input_tokens = 1000, .output_tokens = 0}); };
  CHECK(input(1'796'083'199'999) == "1");
  CHECK(input(1'796'083'200'000) == "0");
  CHECK(input(1'798'783'200'000) == "5");
  CHECK(own.at({1'796'083'200'000}).max_output_tokens == 9);
  CHECK(own.at({1'798'783'200'000}).max_output_tokens == 3);

  const auto finding = [](std::string_view later) {
    return Overridden(
               fmt::format("models: {{ m: {{ inputPer1k: 1, outputPer1k: 1, maxOutputTokens: 1, effective: {} }} }}",
                           later))
        .finding();
  };
  CHECK(finding("[{ inputPer1k: 1, outputPer1k: 1 }]").contains("effective[0].from' is missing"));
  CHECK(finding("[{ from: 2026-12-01, inputPer1k: 1 }]").contains("effective[0].outputPer1k' is missing"));
  CHECK(finding("[{ from: soon, inputPer1k: 1, outputPer1k: 1 }]").contains("must be a date or time"));
  CHECK(finding("[{ from: 2026-12-01, inputPer1k: 1, outputPer1k: 1, until: 2027-01-01 }]").contains("until"));
  CHECK(finding("[{ from: 2026-12-02, inputPer1k: 1, outputPer1k: 1 }, { from: 2026-12-01, inputPer1k: 1, "
                "outputPer1k: 1 }]")
            .contains("the dates must rise"));
}

TEST_CASE("books have names, lists and overrides of their own") {
  const tests::TemporaryFolder folder;
  const auto write = [&folder](const std::string& name, std::string_view text) {
    const std::string file = folder.path() / name;
    std::ofstream(file) << text;
    return file;
  };
  const auto config = [&](std::string_view books) {
    const std::string standard = write("standard.json", R"({"version": "s", "models": {"m": {"input_cost_per_token": 1},
                                                            "n": {"input_cost_per_token": 2}}})");
    const std::string own = write("own.yaml", "models: { m: { inputPer1k: 3, outputPer1k: 4, maxOutputTokens: 5 } }");
    const std::string list = write("list.json", R"({"version": "l", "models": {"m": {"input_cost_per_token": 6}}})");
    return write("m.yaml", fmt::format("upstreams: {{ a: {{ url: \"https://a.example/v1\" }} }}\n"
                                       "prices: {{ file: {}, overrides: {}, books: {} }}\n",
                                       standard, own,
                                       fmt::format(fmt::runtime(books), fmt::arg("list", list), fmt::arg("own", own))));
  };
  const auto loaded = app::load_config(config("{{ bare: {{}}, listed: {{ file: {list} }}, "
                                              "both: {{ file: {list}, overrides: {own} }} }}"),
                                       no_variables);
  if (!loaded) FAIL(loaded.error().message);
  const auto settings = app::gateway_settings(*loaded);
  REQUIRE(settings.has_value());
  const auto input = [&](std::string_view book) {
    const meter::PriceBook* found = settings->find_book(catalog::BookName::of(book));
    REQUIRE(found != nullptr);
    return found->row("m")->prices.find(meter::PriceName::input_cost_per_token)->to_usd();
  };
  CHECK(input("") == "0.003");
  CHECK(input("default") == "0.003");
  CHECK(input("bare") == "1");
  CHECK(input("listed") == "6");
  CHECK(input("both") == "0.003");
  const auto version = [&](std::string_view book) {
    return settings->find_book(catalog::BookName::of(book))->version();
  };
  CHECK(version("bare") == "bare@s");
  CHECK(version("listed") == "listed@l");
  CHECK(version("both").starts_with("both@l+"));
  CHECK(settings->find_book(catalog::BookName::of("Both")) == nullptr);

  const auto finding = [&](std::string_view books) {
    const auto report = app::check_config(config(books), no_variables);
    return report.findings.empty() ? "none" : report.findings[0].to_string();
  };
  CHECK(finding("{{ default: {{}} }}").contains("cannot be a book's name"));
  CHECK(finding("{{ inherit: {{}} }}").contains("cannot be a book's name"));
  CHECK(finding("{{ \"a@b\": {{}} }}").contains("is no name of a book"));
  CHECK(finding("{{ a: {{ fiel: x }} }}").contains("fiel"));
  CHECK(finding("{{ a: {{ file: /nowhere }} }}").contains("books.a.file' names a file that cannot be read"));
  CHECK(finding("{{ a: {{ file: {own} }} }}").contains("names a price book with an error"));
}

TEST_CASE("a start is refused where an account names a book that the configuration has no more") {
  catalog::Account account{
      .id = base::AccountId{base::Uuid{{1}}}, .parent = {}, .name = "acme", .external_id = {}, .created = {}};
  account.book = catalog::BookName::of("contract");
  const auto snapshot = *catalog::Snapshot::build({.accounts = {account}, .keys = {}, .limits = {}});
  const app::BookSettings declared{.name = "contract", .file = {}, .overrides_file = {}, .overrides = {}};
  CHECK(app::check_books(*snapshot, {declared}).has_value());
  const auto refused = app::check_books(*snapshot, {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.starts_with("the account 'acme' (01000000-"));
  CHECK(refused.error().message.contains("the book 'contract', and 'prices.books' has no such book"));
}
