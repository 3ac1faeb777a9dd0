#include <fmt/format.h>

#include <algorithm>

#include "admin/handlers.h"
#include "admin/price_lists.h"
#include "admin/reply.h"
#include "base/json.h"
#include "catalog/book_name.h"

namespace admin {
namespace {

namespace json = boost::json;
using meter::PricedModel;

base::Result<const PriceList*> read_book(Services& services, Query& query) {
  TRY(const auto name, query.text("book"));
  const std::string_view wanted = name ? std::string_view(*name) : catalog::default_book;
  std::vector<std::string_view> known;
  for (const PriceList& list : services.options.price_lists) {
    if (list.name == wanted) return &list;
    known.push_back(list.name);
  }
  return base::fail(base::ErrorType::not_found,
                    fmt::format("there is no price book '{}'; there are: {}", wanted.substr(0, 64),
                                known.empty() ? std::string("none") : fmt::format("{}", fmt::join(known, ", "))),
                    "book", base::Source::client);
}

json::object prices_json(const meter::Prices& prices) {
  json::object out;
  for (const auto& [key, price] : prices) out[key.text()] = price.to_usd();
  return out;
}

json::array tiers_json(const std::vector<meter::PriceTier>& tiers) {
  json::array out;
  for (const meter::PriceTier& tier : tiers)
    out.push_back(json::object{{"by", tier.by == meter::PriceTier::By::results ? "results" : "input_tokens"},
                               {"above", tier.above},
                               {"up_to", tier.up_to},
                               {"prices", prices_json(tier.prices)}});
  return out;
}

json::value count_or_null(std::int64_t count) { return count > 0 ? json::value(count) : json::value(nullptr); }

// What holds from a moment on, without the dates behind it.
json::object row_json(const PricedModel& row) {
  json::object factors;
  for (const meter::NamedFactor& one : row.factors) factors[one.name] = factor_text(one.factor);
  json::array not_billed;
  for (const meter::FieldNotBilled& field : row.not_billed) not_billed.push_back(json::string(field.name));
  return {{"prices", prices_json(row.prices)},
          {"tiers", tiers_json(row.tiers)},
          {"factors", std::move(factors)},
          {"max_input_tokens", count_or_null(row.max_input_tokens)},
          {"max_output_tokens", count_or_null(row.max_output_tokens)},
          {"priced", row.has_a_price()},
          {"not_billed", std::move(not_billed)}};
}

json::object model_json(const PricedModel& model) {
  json::object out = row_json(model);
  out["model"] = model.name;
  out["provider"] = text_or_null(model.provider);
  out["mode"] = text_or_null(model.mode);
  json::array later;
  for (const PricedModel& successor : model.successors) {
    json::object row = row_json(successor);
    row["from"] = time_text(successor.from);
    later.push_back(std::move(row));
  }
  out["later"] = std::move(later);
  return out;
}

json::object book_json(const PriceList& list) { return {{"name", list.name}, {"version", list.book->version()}}; }

struct PriceFilter {
  std::optional<std::string> search, provider, mode;
  std::optional<bool> priced;

  bool fits(const PricedModel& model) const {
    return (!search || model.name.find(*search) != std::string::npos) && (!provider || model.provider == *provider) &&
           (!mode || model.mode == *mode) && (!priced || model.is_ever_priced() == *priced);
  }
};

base::Result<PriceFilter> read_filter(Query& query) {
  PriceFilter filter;
  TRY(filter.search, query.text("search"));
  TRY(filter.provider, query.text("provider"));
  TRY(filter.mode, query.text("mode"));
  TRY(const auto priced, query.text("priced"));
  if (priced && *priced != "true" && *priced != "false")
    return base::invalid("the parameter 'priced' must be true or false", "priced");
  if (priced) filter.priced = *priced == "true";
  return filter;
}

}  // namespace

const meter::PriceBook* find_version(const PriceLists& lists, std::string_view version) {
  const auto found =
      std::ranges::find_if(lists, [&](const PriceList& list) { return list.book->version() == version; });
  return found == lists.end() ? nullptr : found->book.get();
}

base::Result<Response> list_prices(Services& services, Call& call) {
  TRY(const PriceList* const list, read_book(services, call.query));
  TRY(const auto limit, read_limit(call.query));
  TRY(const auto after, call.query.text("cursor"));
  TRY(const PriceFilter filter, read_filter(call.query));
  TRY_STATUS(call.query.finish());
  json::array data;
  std::optional<std::string> next;
  for (const PricedModel& model : list->book->models()) {  // by name
    if ((after && model.name <= *after) || !filter.fits(model)) continue;
    if (data.size() == limit) {
      next = std::string(std::string_view(data.back().as_object().at("model").as_string()));
      break;
    }
    data.push_back(model_json(model));
  }
  json::array books;
  for (const PriceList& other : services.options.price_lists) books.push_back(book_json(other));
  return json_reply(200, {{"book", book_json(*list)},
                          {"books", std::move(books)},
                          {"data", std::move(data)},
                          {"next", next ? json::value(json::string(*next)) : json::value(nullptr)}});
}

base::Result<Response> show_price(Services& services, Call& call) {
  TRY(const PriceList* const list, read_book(services, call.query));
  TRY_STATUS(call.query.finish());
  const PricedModel* model = list->book->row(call.id);
  if (model == nullptr) model = list->book->find(call.id);
  if (model == nullptr)
    return base::fail(base::ErrorType::not_found,
                      fmt::format("the price book '{}' ({}) has no model '{}': names are exact; "
                                  "/api/v1/prices?search= lists those that have a text in them",
                                  list->name, list->book->version(), call.id.substr(0, 128)),
                      "model", base::Source::client);
  json::object out = model_json(*model);
  out["book"] = book_json(*list);
  return json_reply(200, out);
}

}  // namespace admin
