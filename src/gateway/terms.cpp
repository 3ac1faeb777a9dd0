#include "gateway/terms.h"

#include <fmt/format.h>

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/assert.h"
#include "base/json.h"
#include "gateway/price_row.h"
#include "meter/model_name.h"
#include "meter/worst_cost.h"

namespace gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view tier_name(meter::ServiceTier tier) {
  switch (tier) {
    case meter::ServiceTier::standard: return "standard";
    case meter::ServiceTier::flex: return "flex";
    case meter::ServiceTier::priority: return "priority";
  }
  return "priority";
}

// The row, and those of its snapshots.
std::vector<const meter::PricedModel*> rows_of(const meter::BilledCall& call) {
  std::vector<const meter::PricedModel*> rows{&call.asked->at(call.at)};
  for (const meter::PricedModel& row : call.book.models()) {
    const bool is_snapshot = row.name != call.asked->name && row.name.starts_with(call.asked->name) &&
                             meter::without_date(row.name) == call.asked->name;
    if (is_snapshot) rows.push_back(&row.at(call.at));
  }
  return rows;
}

// A zero that an operator meant is not in a book's text.
base::Result<meter::PriceBook> book_from(const std::string& text, const std::vector<std::string>& zeros) {
  TRY(auto book, meter::PriceBook::parse(text));
  std::vector<meter::PricedModel> meant;
  for (const std::string& name : zeros) {
    const meter::PricedModel* const row = book.row(name);
    if (row == nullptr) return base::invalid(fmt::format("'prices' has no row '{}'", name), "zeros");
    meant.push_back(*row);
    meant.back().zeros_count = true;
  }
  if (meant.empty()) return book;
  std::string version = book.version();
  return std::move(book).with(meant, std::move(version));
}

base::Result<Terms> read_members(std::string_view text) {
  TRY(const base::Json parsed, base::Json::parse(text));
  TRY(base::JsonFields fields, base::JsonFields::of(parsed));
  TRY(auto provider, fields.required_string("provider"));
  TRY(auto asked, fields.required_string("asked"));
  const auto flag = [&fields](std::string_view name) -> base::Result<bool> {
    TRY(const auto said, fields.boolean(name));
    return said.value_or(false);
  };
  TRY(const bool trusts, flag("trusts_stated_cost"));
  meter::Request request;
  TRY(request.model, fields.required_string("model"));
  TRY(const auto tier, fields.required_string("service_tier"));
  request.tier = meter::service_tier_from(tier);
  TRY(request.audio, flag("audio"));
  TRY(const bool no_text, flag("no_text"));
  if (no_text) request.output_cap = 0;
  TRY(const auto url, fields.string("url"));
  TRY(const bool batch, flag("batch"));
  if (batch) request.delivery = meter::Delivery::batch;
  TRY(const auto prices, fields.required_string("prices"));
  TRY(const auto zeros, fields.strings("zeros"));
  TRY_STATUS(fields.finish());
  TRY(auto book, book_from(prices, zeros.value_or(std::vector<std::string>())));
  if (book.row(asked) == nullptr) return base::invalid(fmt::format("'prices' has no row '{}'", asked), "asked");
  return Terms{std::move(provider), std::move(asked), trusts, std::move(request), url.value_or(""), std::move(book)};
}

}  // namespace

std::string write_terms(const meter::BilledCall& call, std::string_view url) {
  ASSERT(call.asked != nullptr && call.request != nullptr);
  json::object rows;
  json::array zeros;
  for (const meter::PricedModel* const row : rows_of(call)) {
    rows[row->name] = price_row_json(*row);
    if (row->zeros_count) zeros.emplace_back(row->name);
  }
  const json::object book{{"version", call.book.version()}, {"models", std::move(rows)}};
  json::object terms{{"provider", call.provider},
                     {"asked", call.asked->name},
                     {"trusts_stated_cost", call.stated == meter::StatedCost::trusted},
                     {"model", call.request->model},
                     {"service_tier", tier_name(call.request->tier)},
                     {"audio", call.request->audio},
                     {"batch", call.request->delivery == meter::Delivery::batch},
                     {"prices", json::serialize(book)}};
  if (call.request->output_cap == 0) terms["no_text"] = true;
  if (!url.empty()) terms["url"] = url;
  if (!zeros.empty()) terms["zeros"] = std::move(zeros);
  return json::serialize(terms);
}

base::Result<Terms> read_terms(std::string_view text) {
  auto read = read_members(text);
  if (read) return read;
  return base::fail(
      base::ErrorType::unavailable,
      fmt::format("the prices that were written down for work that goes on cannot be read: {}", read.error().message));
}

meter::ExchangeBill Terms::bill(const meter::Reply& reply, const meter::Usage& usage) const {
  const meter::BilledCall call{.book = book,
                               .at = {},  // the rows are those of the call's moment
                               .provider = provider,
                               .asked = book.row(asked),
                               .request = &request,
                               .stated = trusts_stated_cost ? meter::StatedCost::trusted : meter::StatedCost::ignored};
  return meter::bill_exchange(call, reply, usage);
}

bool Terms::prices_by_size(std::int64_t input_tokens) const {
  return std::ranges::any_of(book.models(), [&](const meter::PricedModel& row) {
    const auto thresholds = row.thresholds();
    const bool above = !thresholds.empty() && input_tokens > thresholds.front();
    return above || (!row.tiers.empty() && input_tokens > row.tiers.front().up_to);
  });
}

}  // namespace gateway
