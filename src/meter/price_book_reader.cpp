#include "meter/price_book_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/rfc3339.h"
#include "base/time_text.h"

namespace meter {
namespace {

namespace od = simdjson::ondemand;
using base::Result;
using base::Status;

// Keys of LiteLLM's table that are no models.
constexpr std::string_view not_models[] = {"sample_spec", "fallback_generalizations"};
constexpr std::string_view uplift = "regional_processing_uplift_multiplier_";
constexpr std::string_view search_prices = "search_context_cost_per_query";
constexpr std::string_view successors = "effective";
constexpr std::int64_t largest_count = 1'000'000'000'000;

bool speaks_of_a_cost(std::string_view field) {
  return field.find("cost") != std::string_view::npos || field.find("pricing") != std::string_view::npos ||
         field.find("multiplier") != std::string_view::npos;
}

std::unexpected<base::Error> not_json() { return base::invalid("not valid JSON"); }

struct Member {
  std::string_view name;
  od::value value;
};

Result<Member> member_of(simdjson::simdjson_result<od::field> field) {
  Member out;
  if (field.unescaped_key().get(out.name) != simdjson::SUCCESS || field.value().get(out.value) != simdjson::SUCCESS)
    return not_json();
  return out;
}

od::json_type type_of(od::value& value) {
  od::json_type type{};
  return value.type().get(type) == simdjson::SUCCESS ? type : od::json_type::null;
}

// A number as it is written, or what a string says. nullopt: it is neither.
std::optional<std::string_view> text_of(od::value& value) {
  const od::json_type type = type_of(value);
  if (type == od::json_type::number) {
    std::string_view text = value.raw_json_token();
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
      text.remove_suffix(1);
    return text;
  }
  std::string_view text;
  if (type != od::json_type::string || value.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

// A row of LiteLLM's table has many fields that are no prices; a successor is written for us, and says nothing in vain.
enum class RowKind : std::uint8_t { model, successor };

class RowReader {
 public:
  // `path`: what errors call the row.
  RowReader(PricedModel& row, std::string path, RowKind kind) : row_(row), path_(std::move(path)), kind_(kind) {}

  Status read(od::value row) {
    od::object fields;
    if (type_of(row) != od::json_type::object || row.get_object().get(fields) != simdjson::SUCCESS)
      return base::invalid(fmt::format("'{}' must be an object of prices", path_), path_);
    boost::container::small_vector<std::string_view, 48> seen;
    for (auto field : fields) {
      TRY(Member member, member_of(field));
      if (std::ranges::find(seen, member.name) != seen.end()) return twice(member.name);
      seen.push_back(member.name);
      if (type_of(member.value) != od::json_type::null) TRY_STATUS(read_field(member.name, member.value));
    }
    row_.prices.shrink_to_fit();
    std::ranges::sort(row_.factors, {}, &NamedFactor::name);
    std::ranges::sort(row_.not_billed, {}, &FieldNotBilled::name);
    if (kind_ == RowKind::successor && !has_from_)
      return wrong("from", "is missing: it is the date from which on these prices hold");
    for (PricedModel& successor : row_.successors) inherit(successor);
    return {};
  }

 private:
  std::string path(std::string_view field) const { return fmt::format("{}.{}", path_, field); }
  std::unexpected<base::Error> wrong(std::string_view field, std::string_view what) const {
    return base::invalid(fmt::format("'{}' {}", path(field), what), path(field));
  }
  std::unexpected<base::Error> twice(std::string_view field) const { return wrong(field, "is given twice; keep one"); }

  Status read_field(std::string_view name, od::value& value) {
    if (kind_ == RowKind::successor) {
      if (name == "from") return read_from(value);
      const bool is_size = name == "max_input_tokens" || name == "max_output_tokens";
      if (is_size) TRY_STATUS(read_count(name, value));
      if (name == successors || (!is_size && name != "provider_specific_entry" && !speaks_of_a_cost(name)))
        return wrong(name, "is not known here: a later row has 'from', prices, max_input_tokens and max_output_tokens");
    } else if (name.starts_with(successors)) {
      if (name != successors) return wrong(name, "is not known: later prices stand in 'effective'");
      return read_successors(value);
    }
    if (name == "litellm_provider") row_.provider = text_of(value).value_or("");
    if (name == "mode") row_.mode = text_of(value).value_or("");
    if (name == "max_input_tokens" || name == "max_output_tokens") {
      // A few rows have words or fractions there; a count that is not one is not known.
      const auto count = read_count(name, value);
      (name == "max_input_tokens" ? row_.max_input_tokens : row_.max_output_tokens) = count.value_or(0);
    }
    if (name == "provider_specific_entry") return read_factors(value);
    if (name == search_prices) return read_search(value);
    if (name == "tiered_pricing") return read_tiers(value);
    if (!speaks_of_a_cost(name)) return {};
    if (name.starts_with(uplift)) return add_factor(name, name, value);
    return read_price(row_.prices, name, name, value);
  }

  // What is no price that is known goes where a person sees it.
  Status read_price(Prices& prices, std::string_view name, std::string_view field, od::value& value) {
    const auto key = PriceKey::parse(name);
    const auto text = text_of(value);
    if (!key) {
      const auto price = text ? base::FinePrice::parse_usd(*text) : base::Result<base::FinePrice>(not_json());
      row_.not_billed.push_back({std::string(field), price ? std::optional(*price) : std::nullopt});
      return {};
    }
    if (!text) return wrong(field, "must be a number of dollars");
    auto price = base::FinePrice::parse_usd(*text);
    if (!price) return base::invalid(fmt::format("{}: {}", path(field), price.error().message), path(field));
    if (!prices.add(*key, *price)) return twice(field);
    return {};
  }

  Status read_successors(od::value& value) {
    od::array rows;
    if (type_of(value) != od::json_type::array || value.get_array().get(rows) != simdjson::SUCCESS)
      return wrong(successors, "must be a list of later prices, each with its 'from'");
    for (auto one : rows) {
      od::value row;
      if (one.get(row) != simdjson::SUCCESS) return not_json();
      const std::string place = fmt::format("{}.{}[{}]", path_, successors, row_.successors.size());
      PricedModel later;
      TRY_STATUS(RowReader(later, place, RowKind::successor).read(row));
      if (!row_.successors.empty() && later.from <= row_.successors.back().from)
        return base::invalid(fmt::format("'{}.from' is {}, which is not after the one before it: the dates must rise",
                                         place, base::to_rfc3339(later.from)),
                             place + ".from");
      row_.successors.push_back(std::move(later));
    }
    return {};
  }

  // What a later row does not say that is no price.
  void inherit(PricedModel& successor) const {
    successor.name = row_.name;
    successor.provider = row_.provider;
    successor.mode = row_.mode;
    if (successor.max_input_tokens == 0) successor.max_input_tokens = row_.max_input_tokens;
    if (successor.max_output_tokens == 0) successor.max_output_tokens = row_.max_output_tokens;
  }

  Status read_from(od::value& value) {
    const auto text = text_of(value).value_or("");
    auto from = base::parse_time_or_date(text);
    if (!from) return wrong("from", fmt::format("is '{}': it {}", text, from.error().message));
    row_.from = *from;
    has_from_ = true;
    return {};
  }

  Status add_factor(std::string_view name, std::string_view field, od::value& value) {
    // A factor has the form of a price: a decimal that is not negative.
    constexpr std::int64_t attos_per_thousandth = 1'000'000'000'000'000;
    const std::string_view text = text_of(value).value_or("no number");
    const auto number = base::Price::parse_usd(text);
    if (!number || number->attos() < attos_per_thousandth || number->attos() % attos_per_thousandth != 0)
      return wrong(
          field, fmt::format("is {}: a factor is a decimal above 0 with at most three digits behind the point", text));
    if (row_.factor(name)) return twice(field);
    row_.factors.push_back({std::string(name), {number->attos() / attos_per_thousandth}});
    return {};
  }

  Status read_factors(od::value& value) {
    od::object factors;
    if (type_of(value) != od::json_type::object || value.get_object().get(factors) != simdjson::SUCCESS)
      return wrong("provider_specific_entry", "must be an object");
    for (auto field : factors) {
      TRY(Member member, member_of(field));
      if (type_of(member.value) != od::json_type::number) continue;  // how a provider is called, not what it costs
      TRY_STATUS(add_factor(member.name, fmt::format("provider_specific_entry.{}", member.name), member.value));
    }
    return {};
  }

  Status read_search(od::value& value) {
    od::object sizes;
    if (type_of(value) != od::json_type::object || value.get_object().get(sizes) != simdjson::SUCCESS)
      return wrong(search_prices, "must be an object of prices by size");
    for (auto field : sizes) {
      TRY(Member member, member_of(field));
      if (type_of(member.value) == od::json_type::null) continue;
      const std::string name = fmt::format("{}.{}", search_prices, member.name);
      TRY_STATUS(read_price(row_.prices, name, name, member.value));
    }
    return {};
  }

  // A count of the table: some are written as floats ("256000.0").
  Result<std::int64_t> read_count(std::string_view field, od::value& value) {
    const auto all = text_of(value).value_or("");
    std::string_view text = all;
    if (const auto point = text.find('.');
        point != std::string_view::npos && text.find_first_not_of("0", point + 1) == std::string_view::npos)
      text = text.substr(0, point);
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count < 0 || count > largest_count)
      return wrong(field, fmt::format("is '{}': it must be a whole number, 0 or more", all));
    return count;
  }

  Status read_tiers(od::value& value) {
    od::array tiers;
    if (type_of(value) != od::json_type::array || value.get_array().get(tiers) != simdjson::SUCCESS)
      return wrong("tiered_pricing", "must be a list of tiers");
    for (auto one : tiers) {
      od::value tier;
      if (one.get(tier) != simdjson::SUCCESS) return not_json();
      TRY(PriceTier read, read_tier(fmt::format("tiered_pricing[{}]", row_.tiers.size()), tier));
      if (read.up_to <= read.above || (!row_.tiers.empty() && read.above < row_.tiers.back().up_to))
        return base::invalid(fmt::format("'{}': the ranges of tiered_pricing must rise", path_), path_);
      row_.tiers.push_back(std::move(read));
    }
    return {};
  }

  Result<PriceTier> read_tier(const std::string& field, od::value& value) {
    od::object members;
    if (type_of(value) != od::json_type::object || value.get_object().get(members) != simdjson::SUCCESS)
      return wrong(field, "must be an object");
    PriceTier tier;
    bool has_range = false;
    for (auto one : members) {
      TRY(Member member, member_of(one));
      if (type_of(member.value) == od::json_type::null) continue;
      if (member.name == "range" || member.name == "max_results_range") {
        if (std::exchange(has_range, true)) return twice(field);
        tier.by = member.name == "range" ? PriceTier::By::input_tokens : PriceTier::By::results;
        TRY_STATUS(read_range(field, member.value, tier));
      } else {
        TRY_STATUS(read_price(tier.prices, member.name, fmt::format("{}.{}", field, member.name), member.value));
      }
    }
    if (!has_range) return wrong(field, "must have a 'range' of two numbers");
    tier.prices.shrink_to_fit();
    return tier;
  }

  Status read_range(const std::string& field, od::value& value, PriceTier& tier) {
    boost::container::small_vector<std::int64_t, 2> ends;
    od::array range;
    if (type_of(value) != od::json_type::array || value.get_array().get(range) != simdjson::SUCCESS)
      return wrong(field, "must have a 'range' of two numbers");
    for (auto one : range) {
      od::value end;
      if (one.get(end) != simdjson::SUCCESS) return not_json();
      TRY(ends.emplace_back(), read_count(field, end));
    }
    if (ends.size() != 2) return wrong(field, "must have a 'range' of two numbers");
    // A range of tokens begins behind its first number, one of results with it.
    tier.above = tier.by == PriceTier::By::results && ends[0] > 0 ? ends[0] - 1 : ends[0];
    tier.up_to = ends[1];
    return {};
  }

  PricedModel& row_;
  const std::string path_;
  const RowKind kind_;
  bool has_from_ = false;
};

Status read_model(std::string_view name, od::value value, std::vector<PricedModel>& into) {
  if (std::ranges::find(not_models, name) != std::ranges::end(not_models)) return {};
  PricedModel& row = into.emplace_back();
  row.name = name;
  return RowReader(row, row.name, RowKind::model).read(value);
}

Status read_models(od::value value, std::vector<PricedModel>& into) {
  od::object models;
  if (type_of(value) != od::json_type::object || value.get_object().get(models) != simdjson::SUCCESS)
    return base::invalid("'models' must be an object of prices by model", "models");
  for (auto field : models) {
    TRY(const Member member, member_of(field));
    TRY_STATUS(read_model(member.name, member.value, into));
  }
  return {};
}

// The outermost object: rows, or a version and "models" around them.
Result<PriceBookContents> read_contents(od::object object) {
  PriceBookContents out;
  bool has_version = false;
  bool has_models = false;
  std::optional<std::string> bare;  // the first row that stands in it
  for (auto field : object) {
    TRY(Member member, member_of(field));
    if (member.name == "models") {
      if (std::exchange(has_models, true)) return base::invalid("'models' is given twice; keep one", "models");
      TRY_STATUS(read_models(member.value, out.models));
    } else if (member.name == "version") {
      if (std::exchange(has_version, true)) return base::invalid("'version' is given twice; keep one", "version");
      const auto version = text_of(member.value);
      if (!version || version->empty())
        return base::invalid("'version' must be a text, such as the day of the prices", "version");
      out.version = *version;
    } else {
      if (!bare) bare = member.name;
      TRY_STATUS(read_model(member.name, member.value, out.models));
    }
  }
  if (!has_models && !has_version) return out;
  if (bare)
    return base::invalid(fmt::format("'{}' stands beside 'version' and 'models': put it into 'models'", *bare), *bare);
  if (!has_models) return base::invalid("'models' is missing: it has the prices by model", "models");
  if (!has_version) return base::invalid("'version' is missing: every usage record names it", "version");
  return out;
}

}  // namespace

Result<PriceBookContents> read_price_book(std::string_view padded, BookText text) {
  if (text == BookText::foreign) {
    // The walk below passes over what it does not need; this looks at all of it.
    simdjson::dom::parser checker(simdjson::SIMDJSON_MAXSIZE_BYTES);
    if (const auto error = checker.parse(padded.data(), padded.size(), false).error(); error != simdjson::SUCCESS)
      return base::invalid(fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  }
  od::parser parser;
  od::document document;
  const simdjson::padded_string_view view(padded, padded.size() + simdjson::SIMDJSON_PADDING);
  if (parser.iterate(view).get(document) != simdjson::SUCCESS) return not_json();
  od::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS)
    return base::invalid("a price book is an object of models");
  return read_contents(object);
}

}  // namespace meter
