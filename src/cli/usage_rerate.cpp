// `metergate usage rerate`: reads usage records, and nothing else; what they would have cost is reckoned here.
#include "cli/usage_rerate.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <map>
#include <tuple>

#include "app/config.h"
#include "app/gateway_settings.h"
#include "base/time_text.h"
#include "cli/list_query.h"
#include "cli/price_files.h"
#include "cli/table.h"
#include "meter/rerate.h"

namespace cli {
namespace {

using base::Json;
using base::Money;
using Book = std::shared_ptr<const meter::PriceBook>;

base::Result<Money> sum_of(Money a, Money b) {
  std::int64_t nanos = 0;
  if (__builtin_add_overflow(a.nanos(), b.nanos(), &nanos))
    return base::invalid("the sum is larger than an amount can be: ask for a shorter time with --from and --to");
  return Money::from_nanos(nanos);
}

struct Sum {
  std::int64_t calls = 0;
  std::int64_t at_least = 0;  // of them, those whose usage may be more than their records say
  Money booked, least, most;

  base::Status add(Money booked_now, const meter::Rerated& rerated) {
    ++calls;
    TRY(booked, sum_of(booked, booked_now));
    TRY(least, sum_of(least, rerated.least));
    TRY(most, sum_of(most, rerated.most));
    return {};
  }
};

struct Report {
  std::string book;                                          // its version
  std::string kept_from;                                     // what was asked for reaches back to before it; ""
  std::map<std::string, Sum> models;                         // what was priced anew
  Sum total;                                                 // of them
  std::map<std::tuple<std::string, std::string>, Sum> gaps;  // by model and reason: what was not
};

std::string reason_of(meter::RerateGap gap) {
  switch (gap) {
    case meter::RerateGap::none: break;
    case meter::RerateGap::no_price: return "the book does not price the model, or something that was used";
    case meter::RerateGap::service_tier:
      return "it depends on the tier, speed or place of service, which records do not keep";
    case meter::RerateGap::image_size: return "it depends on the size of images, which records do not keep";
    case meter::RerateGap::not_its_prices:
      return "what was booked is not the price of what the record says: another model's tokens, or a stated cost";
  }
  return {};
}

base::Result<meter::Usage> usage_of(const Json& record) {
  meter::Usage usage;
  for (const auto& [name, value] : record.members()) {
    if (value.is_null()) continue;
    if (name == "certainty") {
      usage.certainty = value.text() == "exact" ? meter::Certainty::exact : meter::Certainty::at_least;
    } else if (name == "provider_cost") {
      TRY(usage.provider_cost, base::Money::parse_usd(value.text()));
    } else {
      const auto known = std::ranges::find(meter::usage_counts, name, &meter::NamedCount::name);
      if (known == meter::usage_counts.end())
        return base::invalid(
            fmt::format("a usage record has '{}', which this version cannot price: use the server's version", name),
            name);
      std::int64_t count = 0;
      const auto [end, error] = std::from_chars(value.text().data(), value.text().data() + value.text().size(), count);
      if (error != std::errc() || end != value.text().data() + value.text().size())
        return base::invalid(fmt::format("a usage record's '{}' is '{}': no count", name, value.text()), name);
      usage.*known->count = count;
    }
  }
  return usage;
}

class Rerater {
 public:
  Rerater(Book book, std::vector<Book> known, std::map<std::string, std::string> providers)
      : book_(std::move(book)), known_(std::move(known)), providers_(std::move(providers)) {
    report_.book = book_->version();
  }

  base::Status add(const Json& record) {
    const std::string outcome = text_of(record, "outcome");
    if (outcome == "refused" || outcome == "opened") return {};  // no call was made
    if (outcome == "deferred") return {};  // what it cost is in its correction
    TRY(const Money booked, Money::parse_usd(text_of(record, "cost")));
    const Json* usage_json = record.find("usage");
    if (outcome == "corrected" && usage_json == nullptr)
      return gap(record, booked, "a correction of money that was unresolved: it has no usage");
    if (outcome == "unaccounted") return gap(record, booked, "it stands for records that a crash took");
    const Json* const model = record.find("model");
    if (booked.is_zero() && (model == nullptr || model->text().empty())) return {};  // a list or a question: free
    if (record.find("price_version") == nullptr) return gap(record, booked, "its route sets its price, and no book");
    if (usage_json == nullptr) {
      // The provider's refusal is definite where nothing was booked and it was the provider that refused.
      if (booked.is_zero() && text_of(record, "fault") == "upstream_refusal") return count(record, booked, {}, {});
      return gap(record, booked, "its usage is not known");
    }
    const auto provider = providers_.find(text_of(record, "upstream"));
    if (provider == providers_.end())
      return gap(record, booked, "its upstream is not configured any more, so its provider is not known");
    TRY(const meter::Usage usage, usage_of(*usage_json));
    TRY(const base::WallTime started, base::parse_time(text_of(record, "started")));
    const Json* served = record.find("served_model");
    const meter::RecordedCall call{.started = started,
                                   .provider = provider->second,
                                   .model = record.find("model")->text(),
                                   .served_model = served == nullptr ? std::string_view() : served->text(),
                                   .usage = usage,
                                   .booked = booked};
    const meter::Rerated rerated = meter::rerate(call, *book_, known_book(text_of(record, "price_version")));
    if (rerated.gap != meter::RerateGap::none) return gap(record, booked, reason_of(rerated.gap), rerated);
    return count(record, booked, rerated, usage.certainty);
  }

  void records_are_kept_from(std::string time) { report_.kept_from = std::move(time); }
  const Report& report() const { return report_; }

 private:
  base::Status gap(const Json& record, Money booked, std::string reason, const meter::Rerated& rerated = {}) {
    return report_.gaps[{text_of(record, "model"), std::move(reason)}].add(booked, rerated);
  }
  base::Status count(const Json& record, Money booked, const meter::Rerated& rerated, meter::Certainty certainty) {
    for (Sum* sum : {&report_.models[text_of(record, "model")], &report_.total}) {
      sum->at_least += certainty == meter::Certainty::at_least ? 1 : 0;
      TRY_STATUS(sum->add(booked, rerated));
    }
    return {};
  }
  const meter::PriceBook* known_book(std::string_view version) const {
    const auto found =
        std::ranges::find(known_, version, [](const Book& book) { return std::string_view(book->version()); });
    return found == known_.end() ? nullptr : found->get();
  }

  Book book_;
  std::vector<Book> known_;  // by which records may have been booked
  std::map<std::string, std::string> providers_;
  Report report_;
};

std::string difference_of(const Sum& sum) {
  const Money difference = sum.least - sum.booked;
  return (difference > Money::zero() ? "+" : "") + difference.to_usd();
}

std::string range_of(const Sum& sum) {
  return sum.most.is_zero() ? std::string("-") : fmt::format("{} to {}", sum.least.to_usd(), sum.most.to_usd());
}

std::string table_of(const Report& report) {
  Table table({{"MODEL"},
               {"CALLS", Align::right},
               {"BOOKED (USD)", Align::right},
               {"BY THE BOOK (USD)", Align::right},
               {"DIFFERENCE", Align::right}});
  const auto add = [&table](const std::string& name, const Sum& sum) {
    table.add({name, std::to_string(sum.calls), sum.booked.to_usd(), sum.least.to_usd(), difference_of(sum)});
  };
  for (const auto& [model, sum] : report.models) add(model, sum);
  add("in all", report.total);
  std::string out = table.to_string();
  if (report.total.at_least > 0)
    out += fmt::format("of {} calls the usage is at least what their records say, and so is their cost\n",
                       report.total.at_least);
  if (!report.kept_from.empty())
    out += fmt::format("records from before {} are no longer kept (usage.keep_days): they are not among these\n",
                       report.kept_from);
  if (report.gaps.empty()) return out;
  Table gaps({{"NOT PRICED ANEW"},
              {"CALLS", Align::right},
              {"BOOKED (USD)", Align::right},
              {"BY THE BOOK (USD)", Align::right},
              {"WHY"}});
  for (const auto& [key, sum] : report.gaps)
    gaps.add({std::get<0>(key), std::to_string(sum.calls), sum.booked.to_usd(), range_of(sum), std::get<1>(key)});
  return out + "\n" + gaps.to_string();
}

boost::json::object json_of(const Sum& sum) {
  return {{"calls", sum.calls},
          {"at_least", sum.at_least},
          {"booked", sum.booked.to_usd()},
          {"rerated", sum.least.to_usd()},
          {"difference", (sum.least - sum.booked).to_usd()}};
}

boost::json::object json_of(const Report& report) {
  boost::json::array models, gaps;
  for (const auto& [model, sum] : report.models) {
    boost::json::object row = json_of(sum);
    row["model"] = model;
    models.push_back(std::move(row));
  }
  for (const auto& [key, sum] : report.gaps) {
    boost::json::object row{
        {"model", std::get<0>(key)}, {"why", std::get<1>(key)}, {"calls", sum.calls}, {"booked", sum.booked.to_usd()}};
    row["least"] =
        sum.most.is_zero() ? boost::json::value(nullptr) : boost::json::value(boost::json::string(sum.least.to_usd()));
    row["most"] =
        sum.most.is_zero() ? boost::json::value(nullptr) : boost::json::value(boost::json::string(sum.most.to_usd()));
    gaps.push_back(std::move(row));
  }
  return {{"book", report.book},
          {"models", std::move(models)},
          {"total", json_of(report.total)},
          {"kept_from", report.kept_from.empty() ? boost::json::value(nullptr) : boost::json::value(report.kept_from)},
          {"not_priced", std::move(gaps)}};
}

// The books of the configuration; one that cannot be read tells nothing, and `check` says what is wrong with it.
std::vector<Book> configured_books(const std::string& config_file) {
  std::vector<Book> books;
  const auto file = config_file.empty() ? app::default_config_file() : std::optional(config_file);
  if (!file) return books;
  const app::PriceSettings prices = app::check_config(file, app::process_environment()).config.prices;
  std::vector<app::BookSettings> declared = prices.books;
  declared.push_back(prices.standard);
  for (const app::BookSettings& one : declared)
    if (auto book = app::read_book(one)) books.push_back(std::move(*book));
  return books;
}

base::Result<std::map<std::string, std::string>> providers_of(Session& session) {
  TRY(const auto reply, session.get("/api/v1/upstreams"));
  std::map<std::string, std::string> providers;
  for (const Json& upstream : reply.json.find("data")->items())
    providers[text_of(upstream, "name")] = text_of(upstream, "provider");
  return providers;
}

// From when on records are kept, if some of what `filter` asks for are not; else "".
base::Result<std::string> missing_before(Session& session, const Parameters& filter) {
  TRY(const auto settings, session.get("/api/v1/settings"));
  const Json* const told = settings.json.find("usage_kept_from");
  const std::string kept_from = told == nullptr ? std::string() : told->text();
  if (kept_from.empty()) return kept_from;  // all are kept
  const auto from = std::ranges::find(filter, "from", &Parameters::value_type::first);
  if (from == filter.end()) return kept_from;
  TRY(const base::WallTime asked, base::parse_time_or_date(from->second));
  TRY(const base::WallTime kept, base::parse_time(kept_from));
  return asked < kept ? kept_from : std::string();
}

base::Status rerate(Session& session, const std::string& book_name, const std::string& config_file,
                    const Parameters& filter) {
  TRY(const Book book, read_price_book({.book = book_name, .config = config_file}));
  // By which records here may have been booked.
  std::vector<Book> known = configured_books(config_file);
  known.push_back(book);
  known.push_back(std::make_shared<const meter::PriceBook>(meter::PriceBook::built_in()));
  TRY(auto providers, providers_of(session));
  Rerater rerater(book, std::move(known), std::move(providers));
  std::string cursor;
  do {
    Parameters query = filter;
    query.emplace_back("limit", "1000");
    if (!cursor.empty()) query.emplace_back("cursor", cursor);
    TRY(const auto page, session.get("/api/v1/usage/records", query));
    for (const Json& record : page.json.find("data")->items()) TRY_STATUS(rerater.add(record));
    const Json* next = page.json.find("next");
    cursor = next == nullptr ? std::string() : next->text();
  } while (!cursor.empty());
  TRY(auto kept_from, missing_before(session, filter));
  rerater.records_are_kept_from(std::move(kept_from));
  const Report& report = rerater.report();
  const std::string json = boost::json::serialize(json_of(report)) + "\n";
  session.print({json, {}}, [&report](const Json&) { return table_of(report); });
  return {};
}

}  // namespace

void add_usage_rerate(CLI::App& usage, Session& session) {
  CLI::App& verb = *usage.add_subcommand(
      "rerate", "Say what recorded usage would have cost by another price book; nothing is changed");
  session.add_options(verb);
  struct Arguments {
    std::string book;
    ListQuery filter;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("--book", arguments->book,
                  "A name under prices.books in the configuration, 'default' for its standard one, or a file")
      ->required();
  arguments->filter.add(verb, "--account", "Only of this account");
  arguments->filter.add(verb, "--key", "Only of this key");
  arguments->filter.add(verb, "--model", "Only of calls that asked for this model");
  arguments->filter.add(verb, "--tag", "Only of calls with this tag, such as team=search");
  arguments->filter.add(verb, "--from", "From this date or time on, such as 2026-11-01");
  arguments->filter.add(verb, "--to", "Before this date or time");
  session.on(verb, [arguments, &verb, &session] {
    const auto config_file = verb.get_option("--config")->as<std::string>();
    return rerate(session, arguments->book, config_file, arguments->filter.parameters());
  });
}

}  // namespace cli
