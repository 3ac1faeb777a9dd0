#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <ostream>

#include "cli/price_files.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "meter/bill_request.h"

namespace cli {
namespace {

struct CostArguments {
  std::string model, usage, options = "{}", at;
  BookChoice book;
  bool json = false;
};

base::Result<base::Json> read_json(const std::string& text, std::string_view option) {
  auto json = base::Json::parse(text);
  if (!json) return base::fail(std::move(json.error()).in(option));
  if (!json->is_object())
    return base::invalid(fmt::format("{} must be a JSON object, such as {{\"input_tokens\": 1000}}", option),
                         std::string(option));
  return std::move(*json);
}

std::string quantity_of(const meter::BillLine& line) {
  if (line.parts == 1) return fmt::format("{}", line.quantity);
  std::string text =
      fmt::format("{}.{:06}", line.quantity / line.parts, line.quantity % line.parts * 1'000'000 / line.parts);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string key_of(const meter::BillLine& line) { return line.price_key() + (line.halves == 1 ? " / 2" : ""); }

std::string factor_of(meter::Factor factor) { return base::Money::from_nanos(factor.thousandths * 1'000'000).to_usd(); }

std::string text_of(const meter::Bill& bill) {
  Table table({{"WHAT"}, {"QUANTITY", Align::right}, {"PRICE (USD)", Align::right}, {"PRICE KEY"}});
  for (const meter::BillLine& line : bill.lines)
    table.add({std::string(line.what), quantity_of(line), line.price.to_usd(), key_of(line)});
  std::string out = bill.lines.empty() ? std::string() : table.to_string();
  for (const meter::Factor factor : bill.factors) out += fmt::format("tokens × {}\n", factor_of(factor));
  return out + fmt::format("{}: {} USD\n", bill.model, bill.cost.to_usd());
}

std::string json_of(const meter::Bill& bill) {
  boost::json::array lines;
  for (const meter::BillLine& line : bill.lines)
    lines.push_back(boost::json::object{{"what", line.what},
                                        {"quantity", quantity_of(line)},
                                        {"price_key", key_of(line)},
                                        {"price", line.price.to_usd()}});
  boost::json::array factors;
  for (const meter::Factor factor : bill.factors) factors.push_back(boost::json::string(factor_of(factor)));
  boost::json::object out{{"cost_usd", bill.cost.to_usd()}, {"model", bill.model}, {"components", std::move(lines)}};
  if (!factors.empty()) out["token_factors"] = std::move(factors);
  return boost::json::serialize(out) + "\n";
}

base::Status print_cost(const CostArguments& arguments, std::ostream& out) {
  TRY(const base::Json usage, read_json(arguments.usage, "--usage"));
  TRY(const base::Json options, read_json(arguments.options, "--options"));
  TRY(const meter::Quantities quantities, meter::read_quantities(usage));
  TRY(const meter::Service service, meter::read_service(options));
  TRY(const auto book, read_price_book(arguments.book));
  TRY(const base::WallTime at, read_moment(arguments.at));
  TRY(const meter::Bill bill, meter::bill(*book, at, arguments.model, quantities, service));
  out << (arguments.json ? json_of(bill) : text_of(bill));
  return {};
}

void add_cost(CLI::App& noun, std::ostream& out, const PrintError& print_error) {
  CLI::App& verb = *noun.add_subcommand("cost", "Say what a usage of a model costs, line by line");
  const auto arguments = std::make_shared<CostArguments>();
  verb.add_option("--model", arguments->model, "A model of the book")->required();
  verb.add_option("--usage", arguments->usage,
                  "What was used, as JSON: {\"input_tokens\": 1000, \"output_tokens\": 50}")
      ->required();
  verb.add_option("--options", arguments->options, "How it was served, as JSON: {\"service_tier\": \"flex\"}");
  arguments->book.add_options(verb);
  verb.add_option("--at", arguments->at, "When the call starts, a date or time; now unless told");
  verb.add_flag("--json", arguments->json, "Print it as JSON: cost_usd, model, components");
  verb.callback([arguments, &out, print_error] {
    if (const auto done = print_cost(*arguments, out); !done) print_error(done.error());
  });
}

}  // namespace

void add_prices(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
  CLI::App& noun = *app.add_subcommand("prices", "What models cost");
  noun.require_subcommand(1);
  const PrintError print_error = [&err, &exit_code](const base::Error& error) {
    err << fmt::format("metergate: {}\n", error.message);
    exit_code = 1;
  };
  add_cost(noun, out, print_error);
  add_price_files(noun, out, print_error);
}

}  // namespace cli
