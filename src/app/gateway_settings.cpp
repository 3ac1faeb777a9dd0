#include "app/gateway_settings.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "app/limiter_settings.h"

namespace app {
namespace {

base::Result<meter::PriceBook> read_list(const BookSettings& settings) {
  if (settings.file.empty()) return meter::PriceBook::built_in();
  std::ifstream file(settings.file, std::ios::binary);
  if (!file) return base::invalid(fmt::format("cannot read the price book {}", settings.file), "prices.file");
  std::ostringstream text;
  text << file.rdbuf();
  auto book = meter::PriceBook::parse(text.str());
  if (!book) return std::unexpected(std::move(book).error().in(settings.file));
  return book;
}

}  // namespace

base::Result<std::shared_ptr<const meter::PriceBook>> read_book(const BookSettings& settings) {
  TRY(meter::PriceBook book, read_list(settings));
  std::string version = settings.name.empty() ? book.version() : fmt::format("{}@{}", settings.name, book.version());
  if (!settings.overrides_file.empty()) version += "+" + settings.overrides.version;
  if (version != book.version()) book = std::move(book).with(settings.overrides.models, std::move(version));
  return std::make_shared<const meter::PriceBook>(std::move(book));
}

std::vector<std::string> names_of(const std::vector<BookSettings>& books) {
  std::vector<std::string> names;
  for (const BookSettings& book : books) names.push_back(book.name);
  return names;
}

base::Status check_books(const catalog::Snapshot& snapshot, const std::vector<BookSettings>& books) {
  const std::vector<std::string> names = names_of(books);
  std::size_t count = 0;
  const catalog::Account* first = nullptr;
  for (const catalog::Account& account : snapshot.accounts()) {
    const std::string_view book = account.book.text();
    if (book.empty() || book == catalog::default_book || std::ranges::find(names, book) != names.end()) continue;
    if (count++ == 0) first = &account;
  }
  if (first == nullptr) return {};
  return base::invalid(
      fmt::format(
          "the account '{}' ({}) is priced by the book '{}'{}, and 'prices.books' has no such book: declare it, "
          "or choose another one with 'metergate accounts edit {} --book' while no server runs",
          first->name, first->id.to_string(), first->book.text(),
          count == 1 ? "" : fmt::format(", and {} more by that or others", count - 1), first->id.to_string()),
      "prices.books");
}

base::Result<gateway::Settings> gateway_settings(const Config& config) {
  gateway::Settings settings;
  settings.upstreams = config.upstreams;
  settings.routes = config.routes;
  TRY(settings.prices, read_book(config.prices.standard));
  for (const BookSettings& book : config.prices.books) {
    gateway::NamedBook& named = settings.books.emplace_back(catalog::BookName::of(book.name), nullptr);
    TRY(named.prices, read_book(book));
  }
  settings.limiter_addresses = limiter_addresses(config);
  settings.trusted_proxies = config.trusted_proxies;
  settings.unknown_model = config.prices.unknown_model;
  settings.admission_wait_ms = config.admission.wait_ms;
  settings.store_deadline_ms = config.admission.store_deadline_ms;
  settings.clamp_min_output_tokens = config.admission.clamp_min_output_tokens;
  return settings;
}

}  // namespace app
