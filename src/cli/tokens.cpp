#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>
#include <ostream>

#include "cli/verbs.h"
#include "tokens/tokenizer.h"

namespace cli {
namespace {

struct Arguments {
  std::string encoding;
  std::string file;  // empty: standard input
  bool ids = false;
  bool json = false;
};

base::Result<tokens::Encoding> encoding_of(const std::string& name) {
  if (const auto found = tokens::encoding_named(name)) return *found;
  return base::invalid(fmt::format("'--encoding {}' is not known: use o200k_base or cl100k_base", name), "encoding");
}

base::Result<std::string> read_text(const Arguments& arguments, std::istream& input) {
  std::ifstream file;
  if (!arguments.file.empty()) file.open(arguments.file, std::ios::binary);
  std::istream& in = arguments.file.empty() ? input : file;
  const std::string name = arguments.file.empty() ? "standard input" : fmt::format("'{}'", arguments.file);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!arguments.file.empty() && !file.is_open())
    return base::invalid(fmt::format("{} cannot be read: name a file, or none for standard input", name), "file");
  if (in.bad()) return base::invalid(fmt::format("{} could not be read to its end", name), "file");
  if (text.size() > tokens::Tokenizer::longest_text)
    return base::invalid(fmt::format("{} has {} bytes: a text has at most {}, count it in parts", name, text.size(),
                                     tokens::Tokenizer::longest_text),
                         "file");
  if (!simdjson::validate_utf8(text))
    return base::invalid(fmt::format("{} is not UTF-8: convert it, for instance with iconv", name), "file");
  return text;
}

base::Status print_tokens(const Arguments& arguments, std::istream& input, std::ostream& out) {
  TRY(const tokens::Encoding encoding, encoding_of(arguments.encoding));
  TRY(const std::string text, read_text(arguments, input));
  tokens::Tokenizer tokenizer(encoding);
  std::vector<tokens::TokenId> ids;
  std::int64_t count = 0;
  if (arguments.ids) {
    tokenizer.encode(text, ids);
    count = static_cast<std::int64_t>(ids.size());
  } else {
    count = tokenizer.count(text);
  }
  if (arguments.json) {
    boost::json::object reply{{"encoding", tokens::to_string(encoding)}, {"count", count}};
    if (arguments.ids) reply["ids"] = boost::json::array(ids.begin(), ids.end());
    out << boost::json::serialize(reply) << "\n";
  } else if (arguments.ids) {
    out << fmt::format("{}\n", fmt::join(ids, " "));
  } else {
    out << count << "\n";
  }
  return {};
}

}  // namespace

void add_tokens(CLI::App& app, std::istream& input, std::ostream& out, std::ostream& err, int& exit_code) {
  CLI::App& verb = *app.add_subcommand("tokens", "Count the tokens of a text, exactly");
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("--encoding", arguments->encoding, "o200k_base (gpt-4o and later) or cl100k_base (gpt-4, gpt-3.5)")
      ->required();
  verb.add_flag("--ids", arguments->ids, "Print the tokens' ids, in one line, instead of their count");
  verb.add_flag("--json", arguments->json, "Print a JSON object: encoding, count, and with --ids the ids");
  verb.add_option("FILE", arguments->file, "UTF-8 text; standard input, if none is named");
  verb.footer("The text alone is counted: no overhead of messages, and special tokens' names are ordinary text.");
  verb.callback([arguments, &input, &out, &err, &exit_code] {
    if (const auto done = print_tokens(*arguments, input, out); !done) {
      err << fmt::format("metergate: {}\n", done.error().message);
      exit_code = 1;
    }
  });
}

}  // namespace cli
