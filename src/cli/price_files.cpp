#include "cli/price_files.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <ostream>

#include "app/config.h"
#include "app/gateway_settings.h"
#include "base/json.h"
#include "base/rfc3339.h"
#include "base/time_text.h"
#include "cli/genai_prices.h"
#include "cli/table.h"

namespace cli {
namespace {

using meter::PriceBook;
using meter::PricedModel;
using meter::PriceName;

base::Result<std::string> read_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad()) return base::invalid(fmt::format("the price book '{}' cannot be read", file), "book");
  return text;
}

using Book = std::shared_ptr<const PriceBook>;

// What the configuration says of the book; nullopt: it has none of that name, and it is taken for a file.
base::Result<std::optional<app::BookSettings>> declared_book(const BookChoice& choice) {
  const auto file = choice.config.empty() ? app::default_config_file() : choice.config;
  // A path is no name; and where a book is a file, what else a configuration says is no matter.
  if (!file || choice.book.contains('/')) return std::nullopt;
  const app::ConfigReport report = app::check_config(file, app::process_environment());
  const app::PriceSettings& prices = report.config.prices;
  const auto named = std::ranges::find(prices.books, choice.book, &app::BookSettings::name);
  if (named == prices.books.end() && choice.book != catalog::default_book) {
    std::error_code error;
    if (std::filesystem::exists(choice.book, error)) return std::nullopt;
    std::vector<std::string> names{std::string(catalog::default_book)};
    for (const app::BookSettings& book : prices.books) names.push_back(book.name);
    return base::invalid(fmt::format("'{}' is neither a price book of {}, which has {}, nor a file", choice.book, *file,
                                     fmt::join(names, ", ")),
                         "book");
  }
  for (const app::Finding& finding : report.findings)
    if (finding.message.starts_with("'prices")) return base::invalid(finding.to_string(), "book");
  return named == prices.books.end() ? prices.standard : *named;
}

// A price of the row, or of its first tier.
std::optional<base::FinePrice> price_of(const PricedModel& model, meter::PriceName name) {
  const auto* found = model.prices.find(name);
  if (found == nullptr && !model.tiers.empty()) found = model.tiers.front().prices.find(name);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

// Dollars per million: how people compare models. "-" for no price.
std::string per_million(const PricedModel& model, meter::PriceName name) {
  const auto price = price_of(model, name);
  if (!price) return "-";
  // What is finer than a nano-dollar a million is rounded up.
  constexpr std::int64_t per_nano = base::FinePrice::yoctos_per_nano / 1'000'000;
  return base::Money::from_nanos(static_cast<std::int64_t>((price->yoctos() + per_nano - 1) / per_nano)).to_usd();
}

struct ListArguments {
  BookChoice book;
  std::string pattern, provider, at;
  bool json = false;
};

// Since when, and until when, the prices hold that hold at a moment; nullopt: always, or for ever.
struct Span {
  std::optional<base::WallTime> from = {}, until = {};
};

Span span_at(const PricedModel& model, base::WallTime at) {
  Span span;
  for (const PricedModel& later : model.successors) {
    if (later.from > at) {
      span.until = later.from;
      break;
    }
    span.from = later.from;
  }
  return span;
}

std::string date_of(std::optional<base::WallTime> at) { return at ? base::to_date_or_rfc3339(*at) : std::string(); }

boost::json::object json_of(const PricedModel& model, const Span& span) {
  boost::json::object out{{"model", model.name}, {"provider", model.provider}, {"mode", model.mode}};
  if (span.from) out["from"] = date_of(span.from);
  if (span.until) out["until"] = date_of(span.until);
  if (const auto text = per_million(model, PriceName::input_cost_per_token); text != "-")
    out["input_usd_per_million_tokens"] = text;
  if (const auto text = per_million(model, PriceName::output_cost_per_token); text != "-")
    out["output_usd_per_million_tokens"] = text;
  out["priced"] = model.has_a_price();
  boost::json::array not_billed;
  for (const meter::FieldNotBilled& field : model.not_billed) not_billed.push_back(boost::json::string(field.name));
  if (!not_billed.empty()) out["not_billed"] = std::move(not_billed);
  return out;
}

base::Status list(const ListArguments& arguments, std::ostream& out) {
  TRY(const Book book, read_price_book(arguments.book));
  TRY(const base::WallTime at, read_moment(arguments.at));
  std::vector<const PricedModel*> found;
  for (const PricedModel& row : book->models())
    if (row.name.find(arguments.pattern) != std::string::npos &&
        (arguments.provider.empty() || row.provider == arguments.provider))
      found.push_back(&row);
  const bool dated = std::ranges::any_of(found, [](const PricedModel* row) { return !row->successors.empty(); });
  std::vector<Table::Column> columns{
      {"MODEL"}, {"PROVIDER"}, {"MODE"}, {"INPUT/M", Align::right}, {"OUTPUT/M", Align::right}};
  if (dated) columns.insert(columns.end(), {{"FROM"}, {"UNTIL"}});
  Table text(columns);
  boost::json::array rows;
  for (const PricedModel* const row : found) {
    const PricedModel& model = row->at(at);
    const Span span = span_at(*row, at);
    rows.push_back(json_of(model, span));
    std::vector<std::string> cells{model.name, model.provider, model.mode};
    cells.push_back(per_million(model, PriceName::input_cost_per_token));
    cells.push_back(model.has_a_price() ? per_million(model, PriceName::output_cost_per_token) : "no price");
    if (dated) cells.insert(cells.end(), {date_of(span.from), date_of(span.until)});
    text.add(cells);
  }
  if (arguments.json)
    out << boost::json::serialize(boost::json::object{{"models", std::move(rows)}}) << "\n";
  else
    out << text.to_string();
  return {};
}

// Everything of a row that is or may be a price, in dollars, by the book's name of it.
using PriceTexts = std::map<std::string, std::string>;

PriceTexts all_prices(const PricedModel& model) {
  PriceTexts all;
  for (const auto& [key, price] : model.prices) all[key.text()] = price.to_usd();
  for (const meter::PriceTier& tier : model.tiers)
    for (const auto& [key, price] : tier.prices)
      all[fmt::format("tiered_pricing[up to {}].{}", tier.up_to, key.text())] = price.to_usd();
  for (const auto& [name, factor] : model.factors)
    all["factor." + name] = base::Money::from_nanos(factor.thousandths * 1'000'000).to_usd();
  for (const meter::FieldNotBilled& field : model.not_billed)
    all[field.name] = field.price ? field.price->to_usd() : "no price";
  for (const PricedModel& later : model.successors) {
    const std::string since = fmt::format("effective[{}]", date_of(later.from));
    all[since] = "there";
    for (auto& [name, price] : all_prices(later)) all[fmt::format("{}.{}", since, name)] = price;
  }
  return all;
}

// What a row has that a person should look at, its successors apart.
std::vector<std::string> findings_of_prices(const PricedModel& model) {
  std::vector<std::string> found;
  const auto price = [&model](PriceName name) {
    const auto* const listed = model.prices.find(name);
    return listed == nullptr ? std::nullopt : std::optional(*listed);
  };
  for (const meter::FieldNotBilled& field : model.not_billed)
    found.push_back(fmt::format("'{}' is no price that is known here, and is not billed", field.name));
  const auto input = price(PriceName::input_cost_per_token);
  const auto output = price(PriceName::output_cost_per_token);
  const bool talks = model.mode == "chat" || model.mode == "completion" || model.mode == "responses";
  if (talks && input && output && (input->is_zero()) != (output->is_zero()))
    found.emplace_back("either input or output costs nothing");
  if (const auto cached = price(PriceName::cache_read_input_token_cost); input && cached && *cached > *input)
    found.emplace_back("cached input costs more than input");
  constexpr auto a_cent = base::FinePrice::from(base::Price::from_attos(10'000'000'000'000'000));
  for (const auto& value : {input, output})
    if (value && *value > a_cent) found.emplace_back("a token costs more than a cent");
  return found;
}

// What a row has that a person should look at. None of it keeps the book from being used: what has no price is
// refused.
std::vector<std::string> findings_of(const PricedModel& row) {
  std::vector<std::string> found;
  if (!row.has_a_price())
    found.push_back(row.successors.empty()
                        ? "no price above zero: calls to it are refused"
                        : fmt::format("no price above zero before {}: calls to it are refused until then",
                                      date_of(row.successors.front().from)));
  for (std::string& finding : findings_of_prices(row)) found.push_back(std::move(finding));
  const PricedModel* before = &row;
  for (const PricedModel& later : row.successors) {
    const std::string since = fmt::format("from {} on: ", date_of(later.from));
    const auto until = span_at(row, later.from).until;
    if (!later.has_a_price())
      found.push_back(fmt::format("{}no price above zero{}: calls to it are refused", since,
                                  until ? " until " + date_of(until) : std::string()));
    if (all_prices(later) == all_prices(*before)) found.push_back(since + "the same prices as before");
    for (const std::string& finding : findings_of_prices(later)) found.push_back(since + finding);
    before = &later;
  }
  return found;
}

base::Status check(const std::string& file, std::ostream& out) {
  TRY(const Book book, read_price_book({.book = file, .config = {}}));
  std::size_t priced = 0;
  for (const PricedModel& model : book->models()) {
    priced += model.is_ever_priced() ? 1 : 0;
    for (const std::string& finding : findings_of(model)) out << fmt::format("{}: {}\n", model.name, finding);
  }
  out << fmt::format("{} models, {} with a price\n", book->models().size(), priced);
  return {};
}

std::string text_of(const PriceTexts& prices, const std::string& name) {
  const auto found = prices.find(name);
  return found == prices.end() ? "none" : found->second;
}

std::string changes_of(const PricedModel& before, const PricedModel& now) {
  const PriceTexts old_prices = all_prices(before);
  const PriceTexts new_prices = all_prices(now);
  PriceTexts names = old_prices;
  names.insert(new_prices.begin(), new_prices.end());
  std::string out;
  for (const auto& [name, price] : names)
    if (const auto a = text_of(old_prices, name), b = text_of(new_prices, name); a != b)
      out += fmt::format("~ {}  {}  {} -> {}\n", now.name, name, a, b);
  return out;
}

struct Difference {
  std::string lines = {};
  std::size_t added = 0, removed = 0, changed = 0;

  std::string sum() const {
    return fmt::format("{} models added, {} removed, {} with other prices\n", added, removed, changed);
  }
};

Difference difference(const PriceBook& before, const PriceBook& now) {
  Difference out;
  for (const PricedModel& model : before.models()) {
    if (now.row(model.name) != nullptr) continue;
    ++out.removed;
    out.lines += fmt::format("- {}\n", model.name);
  }
  for (const PricedModel& model : now.models()) {
    const PricedModel* const old = before.row(model.name);
    if (old == nullptr) {
      ++out.added;
      out.lines += fmt::format("+ {}\n", model.name);
    } else if (const std::string changes = changes_of(*old, model); !changes.empty()) {
      ++out.changed;
      out.lines += changes;
    }
  }
  return out;
}

base::Status print_difference(const std::string& before, const std::string& now, std::ostream& out) {
  TRY(const Book old_book, read_price_book({.book = now.empty() ? "" : before, .config = {}}));
  TRY(const Book new_book, read_price_book({.book = now.empty() ? before : now, .config = {}}));
  const Difference found = difference(*old_book, *new_book);
  out << found.lines << found.sum();
  return {};
}

// The file as a book; of genai-prices, says what is not in it.
base::Result<std::string> read_table(const std::string& file, std::ostream& out) {
  TRY(std::string text, read_file(file));
  if (!is_genai_prices(text)) return text;
  auto imported = import_genai_prices(text);
  if (!imported) return base::fail(std::move(imported.error()).in(file));
  for (const std::string& left : imported->left) out << fmt::format("not carried over: {}\n", left);
  out << "not carried over: the most that a model answers, which is not in the file: calls need a cap of their own\n";
  return std::move(imported->book);
}

// Takes a table over as the book `to`: read and checked whole first, and put in its place at once.
base::Status import(const std::string& file, const std::string& to, std::ostream& out) {
  TRY(const std::string text, read_table(file, out));
  auto book = PriceBook::parse(text);
  if (!book) return base::fail(std::move(book.error()).in(file));
  if (book->models().empty()) return base::invalid(fmt::format("'{}' has no models", file), "file");
  Difference found{.added = book->models().size()};
  if (std::filesystem::exists(to)) {
    TRY(const std::string old_text, read_file(to));
    auto before = PriceBook::parse(old_text);
    if (!before) return base::fail(std::move(before.error()).in(to));
    found = difference(*before, *book);
  }
  const std::string beside = to + ".new";
  std::ofstream written(beside, std::ios::binary | std::ios::trunc);
  written << text;
  std::error_code error;
  if (written.flush()) std::filesystem::rename(beside, to, error);
  if (!written || error) return base::invalid(fmt::format("the price book '{}' cannot be written", to), "to");
  out << found.lines << found.sum();
  return {};
}

}  // namespace

void BookChoice::add_options(CLI::App& verb) {
  verb.add_option("--book", book,
                  "A price book: a name under prices.books in the configuration, 'default' for its standard one, or a "
                  "file, ours or LiteLLM's table; the built-in one unless told");
  verb.add_option("--config", config, "Configuration that names books; metergate.yaml here, if there is one");
}

base::Result<Book> read_price_book(const BookChoice& choice) {
  if (choice.book.empty()) return std::make_shared<const PriceBook>(PriceBook::built_in());
  TRY(const auto declared, declared_book(choice));
  if (declared) return app::read_book(*declared);
  TRY(const std::string text, read_file(choice.book));
  auto book = PriceBook::parse(text);
  if (!book) return base::fail(std::move(book.error()).in(choice.book));
  return std::make_shared<const PriceBook>(std::move(*book));
}

base::Result<base::WallTime> read_moment(const std::string& at) {
  if (at.empty()) return base::system_clock().wall_now();
  auto moment = base::parse_time_or_date(at);
  if (!moment) return base::invalid(fmt::format("--at is '{}': it {}", at, moment.error().message), "at");
  return moment;
}

void add_price_files(CLI::App& noun, std::ostream& out, const PrintError& print_error) {
  const auto on = [&print_error](CLI::App& verb, std::function<base::Status()> work) {
    verb.callback([work = std::move(work), print_error] {
      if (const auto done = work(); !done) print_error(done.error());
    });
  };
  CLI::App& list_verb = *noun.add_subcommand("list", "List the models of a book");
  const auto wanted = std::make_shared<ListArguments>();
  list_verb.add_option("PATTERN", wanted->pattern, "Only names that hold this text");
  list_verb.add_option("--provider", wanted->provider, "Only models of this provider");
  wanted->book.add_options(list_verb);
  list_verb.add_option("--at", wanted->at, "The prices of calls that start at this date or time; now unless told");
  list_verb.add_flag("--json", wanted->json, "Print it as JSON");
  on(list_verb, [wanted, &out] { return list(*wanted, out); });

  CLI::App& check_verb = *noun.add_subcommand("check", "Read a book, and list what a person should look at");
  const auto checked = std::make_shared<std::string>();
  check_verb.add_option("FILE", *checked, "A price book, or LiteLLM's table; the built-in one unless told");
  on(check_verb, [checked, &out] { return check(*checked, out); });

  CLI::App& diff_verb = *noun.add_subcommand("diff", "Say how two books differ, price by price");
  const auto both = std::make_shared<std::pair<std::string, std::string>>();
  diff_verb.add_option("OLD", both->first, "A book; if it is the only one, it is compared with the built-in one")
      ->required();
  diff_verb.add_option("NEW", both->second, "Another book");
  on(diff_verb, [both, &out] { return print_difference(both->first, both->second, out); });

  CLI::App& import_verb =
      *noun.add_subcommand("import", "Take LiteLLM's or genai-prices' table over as a book, and say what changes");
  const auto files = std::make_shared<std::pair<std::string, std::string>>();
  import_verb
      .add_option("FILE", files->first, "LiteLLM's model_prices_and_context_window.json, or genai-prices' data.json")
      ->required();
  import_verb.add_option("--to", files->second, "The book to write")->required();
  on(import_verb, [files, &out] { return import(files->first, files->second, out); });
}

}  // namespace cli
