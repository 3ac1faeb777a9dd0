#include "cli/genai_prices.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "base/json.h"
#include "base/money.h"
#include "base/sha256.h"
#include "base/time_text.h"

namespace cli {
namespace {

using base::Json;
using base::Result;
using base::Status;

constexpr std::size_t version_digits = 12;
constexpr std::int64_t per_million = 1'000'000;
constexpr std::int64_t per_thousand = 1'000;

// What its price is called here; `per`: for how many units it is stated.
struct Named {
  std::string_view theirs;
  std::int64_t per;
  std::string_view ours;
};
constexpr auto names =
    std::to_array<Named>({{"input_mtok", per_million, "input_cost_per_token"},
                          {"output_mtok", per_million, "output_cost_per_token"},
                          {"cache_read_mtok", per_million, "cache_read_input_token_cost"},
                          {"cache_write_mtok", per_million, "cache_creation_input_token_cost"},
                          {"cache_write_1h_mtok", per_million, "cache_creation_input_token_cost_above_1hr"},
                          {"input_audio_mtok", per_million, "input_cost_per_audio_token"},
                          {"cache_audio_read_mtok", per_million, "cache_read_input_audio_token_cost"},
                          {"output_audio_mtok", per_million, "output_cost_per_audio_token"},
                          {"input_image_mtok", per_million, "input_cost_per_image_token"},
                          {"output_image_mtok", per_million, "output_cost_per_image_token"},
                          {"output_video_mtok", per_million, "output_cost_per_video_token"},
                          {"output_reasoning_mtok", per_million, "output_cost_per_reasoning_token"},
                          {"output_citation_mtok", per_million, "citation_cost_per_token"},
                          {"requests_kcount", per_thousand, "input_cost_per_request"},
                          {"storage_searches_kcount", 1, "file_search_cost_per_1k_calls"},
                          {"web_searches_kcount", per_thousand, "search_context_cost_per_query"}});

// Our book's names of a provider; those of the same name are not here.
struct Renamed {
  std::string_view theirs, ours, also = {};
};
constexpr auto providers = std::to_array<Renamed>({{"aws", "bedrock"},
                                                   {"fireworks", "fireworks_ai"},
                                                   {"google", "gemini", "vertex_ai"},
                                                   {"moonshotai", "moonshot"},
                                                   {"together", "together_ai"},
                                                   {"voyageai", "voyage"},
                                                   {"x-ai", "xai"}});

// Dollars for one unit, exactly, as a number of JSON.
Result<std::string> unit_price(const Json& number, std::int64_t per) {
  if (number.kind() != Json::Kind::number) return base::invalid("is no number");
  // Most have no exponent; one in front of another number would be none.
  const bool plain = number.text().find_first_of("eE") == std::string::npos;
  if (plain && per == per_million) {
    TRY(const auto price, base::FinePrice::parse_usd(number.text() + "e-6"));
    return price.to_usd();
  }
  TRY(const auto price, base::Price::parse_usd(number.text(), per));
  return base::FinePrice::from(price).to_usd();
}

// The prices of one moment, as fields of a row: the text of each is a number.
using Fields = std::map<std::string, std::string>;

class PricesReader {
 public:
  // `left` takes what is dropped and makes nothing cheaper.
  PricesReader(std::string place, std::vector<std::string>& left) : place_(std::move(place)), left_(left) {}

  Result<Fields> read(const Json& prices) {
    if (!prices.is_object()) return base::invalid("its prices are no object");
    TRY_STATUS(collect_thresholds(prices));
    for (const auto& [name, value] : prices.members()) {
      const auto known = std::ranges::find(names, name, &Named::theirs);
      if (value.is_null()) continue;
      if (known == names.end()) {
        // Tokens and units without a name here are billed as input or output, or refuse the bill: never for nothing.
        left_.push_back(fmt::format("{}: '{}' is no price that is known here", place_, name));
        continue;
      }
      TRY_STATUS(add(*known, value));
    }
    return std::move(fields_);
  }

 private:
  // A threshold of one price is one of all: it is found by the input's.
  Status collect_thresholds(const Json& prices) {
    for (const auto& [name, value] : prices.members()) {
      const Json* const tiers = value.is_object() ? value.find("tiers") : nullptr;
      if (value.is_object() && tiers == nullptr) return base::invalid(fmt::format("'{}' has no tiers", name));
      if (tiers == nullptr) continue;
      for (const Json& tier : tiers->items()) {
        TRY(const std::int64_t start, start_of(tier));
        if (start % per_thousand != 0 || start == 0)
          return base::invalid(
              fmt::format("'{}' changes at {} tokens, and thresholds are whole thousands", name, start));
        thresholds_.insert(start / per_thousand);
      }
    }
    return {};
  }
  static Result<std::int64_t> start_of(const Json& tier) {
    const Json* const start = tier.is_object() ? tier.find("start") : nullptr;
    std::int64_t count = -1;
    if (start != nullptr) std::from_chars(start->text().data(), start->text().data() + start->text().size(), count);
    if (count < 0 || count > 1'000'000'000) return base::invalid("a tier has no 'start' that is a count");
    return count;
  }

  Status add(const Named& named, const Json& value) {
    const bool tiered = value.is_object();
    const Json* const base_price = tiered ? value.find("base") : &value;
    if (base_price == nullptr) return base::invalid(fmt::format("'{}' has no base", named.theirs));
    TRY_STATUS(put(named, *base_price, 0));
    if (named.per != per_million) {
      if (tiered) return base::invalid(fmt::format("'{}' has tiers, and is no price of tokens", named.theirs));
      return {};
    }
    for (const std::int64_t threshold : thresholds_) {
      const Json* holds = base_price;
      std::int64_t highest = 0;
      if (tiered)
        for (const Json& tier : value.find("tiers")->items()) {
          TRY(const std::int64_t start, start_of(tier));
          if (start > threshold * per_thousand || start < highest) continue;
          highest = start;
          holds = tier.find("price");
          if (holds == nullptr) return base::invalid(fmt::format("a tier of '{}' has no price", named.theirs));
        }
      TRY_STATUS(put(named, *holds, threshold));
    }
    return {};
  }

  Status put(const Named& named, const Json& number, std::int64_t above) {
    auto price = unit_price(number, named.per);
    if (!price) return base::invalid(fmt::format("'{}': {}", named.theirs, price.error().message));
    if (named.theirs == "web_searches_kcount") {
      fields_[std::string(named.ours)] = fmt::format(
          R"({{"search_context_size_low": {0}, "search_context_size_medium": {0}, "search_context_size_high": {0}}})",
          *price);
      return {};
    }
    fields_[above == 0 ? std::string(named.ours) : fmt::format("{}_above_{}k_tokens", named.ours, above)] = *price;
    return {};
  }

  const std::string place_;
  std::vector<std::string>& left_;
  std::set<std::int64_t> thresholds_;  // in thousands
  Fields fields_;
};

std::string text_of_fields(const Fields& fields) {
  std::string out;
  for (const auto& [name, text] : fields)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", boost::json::serialize(boost::json::string(name)), text);
  return out;
}

// A name that a clause says for certain: exactly, or as a beginning, which is matched itself.
enum class NameKind : std::uint8_t { exact, beginning };

class Importer {
 public:
  Status read(const Json& list) {
    for (const Json& provider : list.items()) {
      const Json* const id = provider.is_object() ? provider.find("id") : nullptr;
      const Json* const models = provider.is_object() ? provider.find("models") : nullptr;
      if (id == nullptr || models == nullptr || models->kind() != Json::Kind::array)
        return base::invalid("a provider has no 'id', or no list of 'models'");
      TRY_STATUS(read_provider(id->text(), *models));
      if (provider.find("fallback_model_providers") != nullptr)
        left_.push_back(
            fmt::format("{}: models that it serves of other providers have no rows of its own", id->text()));
    }
    return {};
  }

  ImportedPrices result(std::string_view text) && {
    std::string book = fmt::format(R"({{"version": "genai-prices:{}", "models": {{)",
                                   base::to_hex(base::sha256(text)).substr(0, version_digits));
    const char* between = "\n";
    for (const auto& [name, row] : rows_) {
      book += fmt::format("{}{}: {{{}}}", between, boost::json::serialize(boost::json::string(name)), row);
      between = ",\n";
    }
    return {.book = book + "\n}}\n", .left = std::move(left_)};
  }

 private:
  Status read_provider(const std::string& provider, const Json& models) {
    std::vector<std::pair<const Json*, std::string>> carried;  // with what stands in their rows
    for (const Json& model : models.items()) {
      const Json* const id = model.is_object() ? model.find("id") : nullptr;
      const Json* const prices = model.is_object() ? model.find("prices") : nullptr;
      if (id == nullptr || id->text().empty() || prices == nullptr)
        return base::invalid(fmt::format("a model of '{}' has no 'id', or no 'prices'", provider), provider);
      const std::string place = fmt::format("{}/{}", provider, id->text());
      if (model.find("price_variants") != nullptr)
        left_.push_back(place +
                        ": its price_variants, by tier, batch or place of service: such calls cost other prices "
                        "than its row has");
      auto row = row_of(place, model, *prices);
      if (!row) {
        left_.push_back(fmt::format("{}: the model, for {}", place, row.error().message));
      } else {
        add(provider, id->text(), *row, place);
        carried.emplace_back(&model, std::move(*row));
      }
    }
    for (const NameKind kind : {NameKind::exact, NameKind::beginning})
      for (const auto& [model, row] : carried) add_matches(provider, *model, row, kind);
    return {};
  }

  Result<std::string> row_of(const std::string& place, const Json& model, const Json& prices) {
    std::string more;
    if (const Json* const window = model.find("context_window");
        window != nullptr && window->kind() == Json::Kind::number)
      more = fmt::format(R"(, "max_input_tokens": {})", window->text());
    if (prices.kind() != Json::Kind::array) {
      TRY(const Fields fields, PricesReader(place, left_).read(prices));
      return text_of_fields(fields) + more;
    }
    std::string first, effective, before;
    for (const Json& conditional : prices.items()) {
      const Json* const its = conditional.is_object() ? conditional.find("prices") : nullptr;
      if (its == nullptr) return base::invalid("a price without 'prices'");
      TRY(const std::string from, start_of(conditional.find("constraint")));
      TRY(const Fields fields, PricesReader(place, left_).read(*its));
      // The first holds where no other one does, whatever its date.
      if (&conditional == prices.items().data()) {
        first = text_of_fields(fields);
        continue;
      }
      if (from.empty() || from <= before) return base::invalid("prices whose dates do not rise");
      before = from;
      effective += fmt::format(R"({}{{"from": "{}"{}{}}})", effective.empty() ? "" : ", ", from,
                               fields.empty() ? "" : ", ", text_of_fields(fields));
    }
    if (!effective.empty()) more += fmt::format(R"(, "effective": [{}])", effective);
    return first + more;
  }

  // "2026-03-13"; empty without a constraint.
  static Result<std::string> start_of(const Json* constraint) {
    if (constraint == nullptr) return std::string();
    const Json* const date = constraint->is_object() ? constraint->find("start_date") : nullptr;
    if (date == nullptr || constraint->members().size() != 1)
      return base::invalid("a price by the time of day, or by another condition than a date");
    if (date->text().size() != 10 || !base::parse_time_or_date(date->text()))
      return base::invalid(fmt::format("'{}' is no date", date->text()));
    return date->text();
  }

  void add(const std::string& provider, const std::string& name, const std::string& row, const std::string& place) {
    const auto renamed = std::ranges::find(providers, provider, &Renamed::theirs);
    std::vector<std::string> ours{renamed == providers.end() ? provider : std::string(renamed->ours)};
    if (renamed != providers.end() && !renamed->also.empty()) ours.emplace_back(renamed->also);
    for (const std::string& one : ours) {
      const std::string full = fmt::format("{}/{}", one, name);
      const auto whose = owners_.try_emplace(full, place).first;
      if (whose->second != place) {
        left_.push_back(fmt::format("{}: the name '{}', which is of {}", place, name, whose->second));
        return;
      }
      const std::string its =
          fmt::format(R"("litellm_provider": {})", boost::json::serialize(boost::json::string(one)));
      rows_[full] = row.empty() ? its : its + (row.starts_with(',') ? "" : ", ") + row;
    }
  }

  void add_matches(const std::string& provider, const Json& model, const std::string& row, NameKind kind) {
    const std::string place = fmt::format("{}/{}", provider, model.find("id")->text());
    const Json* const match = model.find("match");
    if (match == nullptr || !match->is_object()) return;
    const Json* const any = match->find("or");
    std::vector<const Json*> clauses;
    if (any == nullptr) clauses.push_back(match);
    if (any != nullptr)
      for (const Json& clause : any->items()) clauses.push_back(&clause);
    for (const Json* const clause : clauses) {
      const Json* const equals = clause->is_object() ? clause->find("equals") : nullptr;
      const Json* const begins = clause->is_object() ? clause->find("starts_with") : nullptr;
      if (equals != nullptr) {
        if (kind == NameKind::exact) add(provider, equals->text(), row, place);
        continue;
      }
      if (kind == NameKind::exact) continue;
      if (begins != nullptr && !begins->text().empty()) {
        add(provider, begins->text(), row, place);
        left_.push_back(
            fmt::format("{}: names that begin with '{}' and go on with more than a date", place, begins->text()));
      } else {
        left_.push_back(fmt::format("{}: names by a clause that is looser than their beginning", place));
      }
    }
  }

  std::map<std::string, std::string> rows_;
  std::map<std::string, std::string> owners_;  // of the names of rows
  std::vector<std::string> left_;
};

}  // namespace

bool is_genai_prices(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '[';
}

Result<ImportedPrices> import_genai_prices(std::string_view text) {
  TRY(const Json list, Json::parse(text));
  if (list.kind() != Json::Kind::array) return base::invalid("genai-prices' data is a list of providers");
  Importer importer;
  TRY_STATUS(importer.read(list));
  return std::move(importer).result(text);
}

}  // namespace cli
