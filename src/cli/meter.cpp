#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <ostream>

#include "cli/price_files.h"
#include "cli/verbs.h"
#include "meter/bill.h"
#include "meter/book_provider.h"
#include "meter/exchange_bill.h"
#include "meter/recorded_exchange.h"
#include "meter/request_reader.h"
#include "meter/worst_cost.h"

namespace cli {
namespace {

namespace json = boost::json;

template <class Value>
json::value value_or_null(const std::optional<Value>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}
json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(json::string(text));
}
json::value stated(const std::optional<std::string>& text) {
  return text ? json::value(json::string(*text)) : json::value(nullptr);
}
json::value usd_or_null(const std::optional<base::Money>& money) {
  return money ? json::value(json::string(money->to_usd())) : json::value(nullptr);
}

json::object usage_json(const meter::Usage& usage) {
  json::object out;
  for (const auto& [name, count] : meter::usage_counts) out[name] = value_or_null(usage.*count);
  // What is left of the input where the parts fit into it.
  const std::int64_t parts = usage.cached_input_tokens.value_or(0) + usage.cache_write_tokens.value_or(0);
  const bool fits = usage.input_tokens && parts <= *usage.input_tokens;
  out["uncached_input_tokens"] = fits ? json::value(*usage.input_tokens - parts) : json::value(nullptr);
  return out;
}

// All tokens; where the classes are not known, what the provider says.
std::optional<std::int64_t> total_of(const meter::Reply& reply) {
  if (!reply.usage || !reply.usage->input_tokens) return reply.provider_total_tokens;
  return *reply.usage->input_tokens + reply.usage->output_tokens.value_or(0);
}

json::array names(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.push_back(json::string(text));
  return out;
}

json::object reply_json(const meter::Reply& reply) {
  json::object out = usage_json(reply.usage.value_or(meter::Usage{}));
  out["usage_present"] = reply.names_usage;
  out["total_tokens"] = value_or_null(total_of(reply));
  out["provider_input_tokens"] = value_or_null(reply.provider_input_tokens);
  out["provider_output_tokens"] = value_or_null(reply.provider_output_tokens);
  out["provider_total_tokens"] = value_or_null(reply.provider_total_tokens);
  out["provider_cost_usd"] = stated(reply.provider_cost_usd);
  out["counted_tokens"] = value_or_null(reply.counted_tokens);
  out["choices"] = value_or_null(reply.choices);
  out["stop_reason"] = stated(reply.stop_reason);
  out["service_tier"] = stated(reply.service_tier);
  out["error_type"] = stated(reply.error_type);
  json::array others;
  for (const auto& other : reply.other_models) {
    json::object item = usage_json(other.usage);
    item["model"] = text_or_null(other.model);
    item["type"] = text_or_null(other.kind);
    others.push_back(std::move(item));
  }
  out["extra_model_usage"] = others.empty() ? json::value(nullptr) : json::value(std::move(others));
  return out;
}

// By which prices: of a book, as they are at a moment.
struct Pricing {
  const meter::PriceBook& book;
  base::WallTime at;
};

// What a gateway reserves before such a request leaves. nullopt: its cost cannot be bounded, or part of what it may use
// has no price.
std::optional<base::Money> estimate_of(const meter::RecordedExchange& exchange, const meter::Endpoint& endpoint,
                                       const Pricing& pricing) {
  const std::string_view provider = meter::book_provider(endpoint.provider);
  if (exchange.request_body.empty() || provider.empty()) return std::nullopt;
  const auto request = meter::read_copied_request(endpoint, exchange.request_body, meter::InputBound::counted);
  if (!request) return std::nullopt;
  if (request->billing == meter::Billing::free) return base::Money::zero();
  const auto* row = meter::row_of(pricing.book, pricing.at, provider, request->model, meter::service_of(*request));
  if (row == nullptr) return std::nullopt;
  const auto output = meter::most_output(*row, *request);
  if (!output) return std::nullopt;
  const auto worst = meter::worst_cost(*row, *request, *output);
  return worst ? std::optional(*worst) : std::nullopt;
}

// nullopt: part of it has no price, or is not understood.
std::optional<base::Money> cost_of(const meter::RecordedExchange& exchange, const meter::Endpoint& endpoint,
                                   const meter::Reply& reply, const Pricing& pricing) {
  if (!reply.usage) return std::nullopt;
  const std::string_view provider = meter::book_provider(endpoint.provider);
  const meter::BilledCall call{
      .book = pricing.book,
      .at = pricing.at,
      .provider = endpoint.provider,
      .asked = meter::row_of(pricing.book, pricing.at, provider, exchange.request_model(), meter::Service()),
      .stated = meter::StatedCost::trusted};
  const meter::ExchangeBill bill = meter::bill_exchange(call, reply, *reply.usage);
  return bill.priced ? std::optional(bill.cost) : std::nullopt;
}

json::object metered(const std::string& file, const meter::RecordedExchange& exchange, const Pricing& pricing) {
  const meter::Endpoint endpoint = exchange.endpoint();
  const meter::Reply reply = meter::read_reply(exchange);
  const auto cost = cost_of(exchange, endpoint, reply, pricing);
  const bool exact = reply.usage && reply.usage->certainty == meter::Certainty::exact;
  return {{"file", file},
          {"provider", endpoint.provider},
          {"endpoint", endpoint.name},
          {"model", text_or_null(reply.model)},
          {"request_model", text_or_null(exchange.request_model())},
          {"usage", reply_json(reply)},
          {"certainty", !reply.names_usage ? "unknown"
                        : exact            ? "exact"
                                           : "at_least"},
          {"estimate_usd", usd_or_null(estimate_of(exchange, endpoint, pricing))},
          {"cost_usd", usd_or_null(cost)},
          {"book", cost && !reply.usage->provider_cost ? text_or_null(pricing.book.version()) : json::value(nullptr)},
          {"unknown_fields", names(reply.unknown_fields)},
          {"alarms", names(reply.alarms)}};
}

int meter_files(const std::vector<std::string>& files, const BookChoice& choice, const std::string& at,
                std::ostream& out, std::ostream& err) {
  const auto book = read_price_book(choice);
  const auto moment = read_moment(at);
  if (!book || !moment) {
    err << (book ? moment.error() : book.error()).message << "\n";
    return 1;
  }
  int code = 0;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) {
      err << fmt::format("{}: cannot be read\n", file);
      code = 1;
      continue;
    }
    const auto exchange = meter::read_recorded_exchange(text);
    if (!exchange) {
      err << fmt::format("{}: {}\n", file, exchange.error().message);
      code = 1;
      continue;
    }
    out << json::serialize(metered(file, *exchange, {**book, *moment})) << "\n";
  }
  return code;
}

}  // namespace

void add_meter(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
  CLI::App& verb =
      *app.add_subcommand("meter", "Read recorded exchanges and print what each used and cost, a JSON line each");
  const auto files = std::make_shared<std::vector<std::string>>();
  verb.add_option("FILE", *files, "Recorded exchanges: JSON with a request and a response")->required();
  const auto book = std::make_shared<BookChoice>();
  book->add_options(verb);
  const auto at = std::make_shared<std::string>();
  verb.add_option("--at", *at, "When the calls are taken to start, a date or time; now unless told");
  verb.callback([files, book, at, &out, &err, &exit_code] { exit_code = meter_files(*files, *book, *at, out, err); });
}

}  // namespace cli
