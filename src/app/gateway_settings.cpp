#include "app/gateway_settings.h"

#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace app {
namespace {

base::Result<meter::PriceBook> read_book(const PriceSettings& settings) {
  if (settings.file.empty()) return meter::PriceBook::built_in();
  std::ifstream file(settings.file, std::ios::binary);
  if (!file) return base::invalid(fmt::format("cannot read the price book {}", settings.file), "prices.file");
  std::ostringstream text;
  text << file.rdbuf();
  auto book = meter::PriceBook::parse(text.str());
  if (!book) return std::unexpected(std::move(book).error().in(settings.file));
  return book;
}

base::Result<std::shared_ptr<const meter::PriceBook>> read_prices(const PriceSettings& settings) {
  TRY(meter::PriceBook book, read_book(settings));
  if (!settings.overrides_file.empty()) {
    std::string version = fmt::format("{}+{}", book.version(), settings.overrides.version);
    book = std::move(book).with(settings.overrides.models, std::move(version));
  }
  return std::make_shared<const meter::PriceBook>(std::move(book));
}

}  // namespace

base::Result<gateway::Settings> gateway_settings(const Config& config) {
  gateway::Settings settings;
  settings.upstreams = config.upstreams;
  settings.routes = config.routes;
  TRY(settings.prices, read_prices(config.prices));
  settings.unknown_model = config.prices.unknown_model;
  settings.admission_wait_ms = config.admission.wait_ms;
  settings.store_deadline_ms = config.admission.store_deadline_ms;
  settings.clamp_min_output_tokens = config.admission.clamp_min_output_tokens;
  return settings;
}

}  // namespace app
