#include "meter/batch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "meter/json_document.h"
#include "meter/model_name.h"
#include "meter/reply_reader.h"
#include "meter/request_reader.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

constexpr std::string_view field = "file";
// A line of results is no longer: more than that is not kept in memory.
constexpr std::size_t longest_line_bytes = 16UL << 20;

// With and without the version, as OpenAI's clients and Azure's write them.
constexpr std::array urls{std::string_view("/v1/chat/completions"), std::string_view("/chat/completions"),
                          std::string_view("/v1/completions"),      std::string_view("/completions"),
                          std::string_view("/v1/responses"),        std::string_view("/responses"),
                          std::string_view("/v1/embeddings"),       std::string_view("/embeddings")};

// Returned by name: a copy would have no room behind its text.
std::string padded(std::string_view text) {
  std::string out;
  out.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  out = text;
  return out;
}

// Ends of lines to some: NEL, and the separators of Unicode, each raw.
bool may_be_two_lines(std::string_view line) {
  for (const std::string_view mark : {"\r", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"})
    if (line.contains(mark)) return true;
  return false;
}

struct Line {
  std::string url;
  std::string body;
};

// The members that a line has, each once and no other: another reader may take another one.
base::Result<Line> read_line(std::string_view text) {
  if (may_be_two_lines(text)) return invalid("has a line separator inside it; write it as an escape");
  const std::string copy = padded(text);
  const JsonDocument document(copy);
  const auto object = document.object();
  if (!object) return invalid("is no JSON object");
  Line line;
  std::array<bool, 4> seen{};
  for (const auto& member : *object) {
    constexpr std::array names{std::string_view("custom_id"), std::string_view("method"), std::string_view("url"),
                               std::string_view("body")};
    const auto* const known = std::ranges::find(names, member.key);
    if (known == names.end() || std::exchange(seen[static_cast<std::size_t>(known - names.begin())], true))
      return invalid(fmt::format("has {:?} twice, or it is none of custom_id, method, url and body", member.key));
    const auto string = get_if<std::string_view>(member.value);
    const bool is_body = known == &names[3];
    if (is_body ? !member.value.is_object() : !string) return invalid(fmt::format("has no proper {:?}", member.key));
    if (known == &names[1] && *string != "POST") return invalid("has another method than POST");
    if (known == &names[2]) line.url = *string;
    if (is_body) line.body = simdjson::minify(member.value);
  }
  if (!std::ranges::all_of(seen, std::identity())) return invalid("needs custom_id, method, url and body");
  if (std::ranges::find(urls, line.url) == urls.end())
    return invalid(
        fmt::format("asks for {:?}: batches are served of {}", line.url.substr(0, 100), fmt::join(urls, ", ")));
  return line;
}

// What a batch's usage, one sum of tokens, would not show.
Status check_line(const Request& request) {
  const auto refuse = [](std::string_view what) {
    return invalid(fmt::format("{}, which the usage of a batch does not show", what));
  };
  if (request.stream || request.background) return invalid("has 'stream' or 'background', which no batch has");
  if (request.tier != ServiceTier::standard) return refuse("asks for a service tier");
  if (request.web_searches > 0 || always_searches(request.model)) return refuse("may search the web");
  if (request.audio) return refuse("has audio");
  if (request.billing != Billing::metered) return invalid("costs nothing, and needs no batch");
  return {};
}

base::Result<Request> read_request_in(std::string_view provider, std::string_view text, const Line& line) {
  TRY(Request request, read_copied_request(batch_endpoint(provider, line.url), line.body));
  TRY_STATUS(check_line(request));
  // The bound is by the bytes as they are sent.
  request.input_bound += std::max<std::int64_t>(0, std::ssize(text) - std::ssize(line.body));
  request.delivery = Delivery::batch;
  return request;
}

Status add_line(std::string_view provider, std::string_view text, BatchFile& file,
                const std::function<Status(const Request&)>& each) {
  TRY(const Line line, read_line(text));
  TRY(const Request request, read_request_in(provider, text, line));
  if (file.lines == 0) {
    file.url = line.url;
    file.model = request.model;
  }
  if (line.url != file.url)
    return invalid(fmt::format("asks for '{}', and the first one for '{}'", line.url, file.url));
  if (request.model != file.model)
    return invalid(fmt::format("asks for the model '{}', and the first one for '{}': a batch has one",
                               request.model.substr(0, 100), file.model.substr(0, 100)));
  if (++file.lines > most_batch_lines) return invalid(fmt::format("is more than {}", most_batch_lines));
  return each(request);
}

}  // namespace

Endpoint batch_endpoint(std::string_view provider, std::string_view url) { return endpoint_at(provider, "POST", url); }

base::Result<BatchFile> read_batch_file(std::string_view provider, std::string_view content,
                                        const std::function<Status(const Request&)>& each) {
  BatchFile file;
  for (std::int64_t number = 1; !content.empty(); ++number) {
    std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(content.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (auto added = add_line(provider, line, file, each); !added) {
      base::Error error = std::move(added).error();
      error.message = fmt::format("line {} {}{}", number, error.field.empty() ? "" : fmt::format("({}) ", error.field),
                                  error.message);
      error.field = field;
      return base::fail(std::move(error));
    }
  }
  if (file.lines == 0) return invalid("'file' has no request in it", std::string(field));
  return file;
}

void BatchResults::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() > longest_line_bytes) {
      understood_ = false;
      line_.clear();
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    read_line();
    line_.clear();
  }
}

bool BatchResults::finish() {
  read_line();
  line_.clear();
  return understood_;
}

// {"custom_id", "response": {"status_code", "body"}, "error"}: what was not served is not billed.
void BatchResults::read_line() {
  if (line_.find_first_not_of(" \t\r") == std::string::npos) return;
  std::string body;
  std::int64_t status = 0;
  {
    const std::string copy = padded(line_);
    const JsonDocument document(copy);
    const auto object = document.object();
    if (!object) {
      understood_ = false;
      return;
    }
    dom::object response;
    if (object->at_key("response").get(response) != simdjson::SUCCESS) {
      dom::object error;
      if (object->at_key("error").get(error) != simdjson::SUCCESS) understood_ = false;
      return;
    }
    dom::element served;
    if (response.at_key("status_code").get(status) != simdjson::SUCCESS ||
        response.at_key("body").get(served) != simdjson::SUCCESS) {
      understood_ = false;
      return;
    }
    body = simdjson::minify(served);
  }
  if (status >= 400) return;
  const Reply reply = read_reply(dialect_, {}, padded(body));
  if (!reply.usage) understood_ = false;
  each_(reply);
}

}  // namespace meter
