#include "app/yaml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"

namespace app {
namespace {

// yaml-cpp marks what stood in quotes with this tag, whatever the quotes.
constexpr std::string_view quoted_tag = "!";

int line_of(const YAML::Node& node) { return node.Mark().is_null() ? 1 : node.Mark().line + 1; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Plain scalars that YAML 1.1, YAML 1.2 and people read as different things: 010 (8 or 10), 0x1F, 1_000, 12:30 (750
// in base sixty), yes, off.
bool is_ambiguous(std::string_view text) {
  static constexpr std::string_view words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"};
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (std::ranges::find(words, lower) != std::end(words)) return true;
  const auto sign = text.find_first_not_of("+-");
  const auto digits = sign == std::string_view::npos ? std::string_view() : text.substr(sign);
  if (digits.empty() || !is_digit(digits.front())) return false;
  if (digits.front() == '0' && digits.size() > 1 && digits[1] != '.')
    return std::ranges::all_of(digits,
                               [](char c) { return std::string_view("0123456789abcdefABCDEFxo_").contains(c); });
  const bool has_mark = digits.contains('_') || digits.contains(':');
  return has_mark && std::ranges::all_of(digits, [](char c) { return is_digit(c) || c == '_' || c == ':'; });
}

bool is_octal_looking(std::string_view text) {
  const auto start = text.find_first_not_of("+-");
  return start != std::string_view::npos && text.size() > start + 1 && text[start] == '0' && is_digit(text[start + 1]);
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const auto near = base::near_miss(word, candidates);
  return near ? fmt::format("; did you mean '{}'?", *near) : std::string();
}

}  // namespace

std::string Finding::to_string() const {
  if (file.empty()) return message;
  return line > 0 ? fmt::format("{}:{}: {}", file, line, message) : fmt::format("{}: {}", file, message);
}

YamlMap::YamlMap(const YAML::Node& node, std::string path, YamlSource& source)
    : path_(std::move(path)), line_(line_of(node)), source_(&source) {
  if (node.IsMap()) take_members(node);
}

std::optional<YamlMap> YamlMap::parse(std::string_view text, YamlSource& source) {
  YamlMap empty(YAML::Node(), {}, source);
  try {
    const auto documents = YAML::LoadAll(std::string(text));
    if (documents.empty() || (documents.size() == 1 && documents[0].IsNull())) return empty;
    if (documents.size() == 1 && documents[0].IsMap()) return YamlMap(documents[0], {}, source);
    if (documents.size() > 1) {
      empty.report(line_of(documents[1]), "a second YAML document begins here; the file must hold one");
    } else {
      empty.report(line_of(documents[0]), "the file must hold keys and values, such as 'listen: 127.0.0.1:8080'");
    }
  } catch (const YAML::Exception& error) {
    empty.report(error.mark.is_null() ? 0 : error.mark.line + 1, fmt::format("not valid YAML: {}", error.msg));
  }
  return std::nullopt;
}

void YamlMap::take_members(const YAML::Node& node) {
  for (const auto& entry : node) {
    const int line = line_of(entry.first);
    if (!entry.first.IsScalar()) {
      report(line, fmt::format("a key{} must be a word", path_.empty() ? "" : fmt::format(" of '{}'", path_)));
      continue;
    }
    const std::string& key = entry.first.Scalar();
    if (const Member* first = find(key)) {
      report(line, fmt::format("'{}' is given twice, first in line {}; keep one", path_of(key), first->line));
      continue;
    }
    members_.push_back({key, line, entry.second});
  }
}

void YamlMap::report(int line, std::string message) {
  source_->findings.push_back({source_->file, line, std::move(message)});
}

std::string YamlMap::path_of(std::string_view key) const {
  if (path_.empty() || key.empty()) return path_ + std::string(key);
  return fmt::format("{}.{}", path_, key);
}

const YamlMap::Member* YamlMap::find(std::string_view key) const {
  const auto at = std::ranges::find(members_, key, &Member::key);
  return at == members_.end() ? nullptr : &*at;
}

const YamlMap::Member* YamlMap::ask(std::string_view key) {
  known_.push_back(key);
  return find(key);
}

bool YamlMap::has(std::string_view key) const { return find(key) != nullptr; }

void YamlMap::refuse(std::string_view key, std::string_view message) {
  const Member* member = find(key);
  report(member != nullptr ? member->line : line_, fmt::format("'{}' {}", path_of(key), message));
}

std::optional<YamlMap::Scalar> YamlMap::scalar(std::string_view key) {
  const Member* member = ask(key);
  if (member == nullptr) return std::nullopt;
  if (!member->value.IsScalar() && !member->value.IsNull()) {
    refuse(key, "must be a single value");
    return std::nullopt;
  }
  const auto text =
      member->value.IsNull() ? base::Result<std::string>() : substitute(member->value.Scalar(), source_->environment);
  if (!text) {
    const std::string& variable = text.error().field;
    refuse(key, variable.empty() ? text.error().message
                                 : fmt::format("{}; set it or write ${{{}:-default}}", text.error().message, variable));
    return std::nullopt;
  }
  if (text->empty()) {
    refuse(key, "has no value; give it one or leave the key out");
    return std::nullopt;
  }
  return Scalar{*text, member->value.Tag() == quoted_tag};
}

void YamlMap::string(std::string_view key, std::string& into) {
  const auto value = scalar(key);
  if (!value) return;
  if (!value->quoted && is_ambiguous(find(key)->value.Scalar())) {
    refuse(key, "is a number or a truth value to some YAML readers; put it in quotes");
    return;
  }
  into = value->text;
}

void YamlMap::integer(std::string_view key, std::int64_t& into, IntegerRange range) {
  const auto value = scalar(key);
  if (!value) return;
  const std::string& shown = find(key)->value.Scalar();
  if (is_octal_looking(value->text)) {
    refuse(key, fmt::format("looks octal: {}; write it without the leading zero", shown));
    return;
  }
  std::int64_t number = 0;
  const char* end = value->text.data() + value->text.size();
  const auto [stop, error] = std::from_chars(value->text.data(), end, number);
  if (error != std::errc{} || stop != end) {
    refuse(key, fmt::format("must be a whole number in digits, not {}", shown));
  } else if (number < range.least || number > range.most) {
    const auto bounds = range.most == INT64_MAX ? fmt::format("at least {}", range.least)
                                                : fmt::format("between {} and {}", range.least, range.most);
    refuse(key, fmt::format("must be {}, not {}", bounds, shown));
  } else {
    into = number;
  }
}

void YamlMap::decimal(std::string_view key, std::string& into) {
  const auto value = scalar(key);
  if (!value) return;
  const std::string& shown = find(key)->value.Scalar();
  if (is_octal_looking(value->text)) {
    refuse(key, fmt::format("looks octal: {}; write it without the leading zero", shown));
  } else if (!is_digit(value->text.front()) && value->text.front() != '-') {
    refuse(key, fmt::format("must be a decimal number such as \"2.50\", not {}", shown));
  } else {
    into = value->text;
  }
}

std::optional<std::size_t> YamlMap::one_of(std::string_view key, std::span<const std::string_view> words) {
  const auto value = scalar(key);
  if (!value) return std::nullopt;
  const auto at = std::ranges::find(words, value->text);
  if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  refuse(key, fmt::format("must be {}, not {}{}", fmt::join(words, " or "), find(key)->value.Scalar(),
                          did_you_mean(value->text, words)));
  return std::nullopt;
}

bool YamlMap::is_word(std::string_view key, std::string_view word) {
  const Member* member = find(key);
  const bool is = member != nullptr && member->value.IsScalar() && member->value.Scalar() == word;
  if (is) known_.push_back(key);
  return is;
}

std::optional<YamlMap> YamlMap::map(std::string_view key) {
  const Member* member = ask(key);
  if (member == nullptr) return std::nullopt;
  if (!member->value.IsMap()) {
    refuse(key, "must hold keys and values of its own");
    return std::nullopt;
  }
  return YamlMap(member->value, path_of(key), *source_);
}

std::vector<std::pair<std::string, YamlMap>> YamlMap::named_maps(std::string_view key) {
  std::vector<std::pair<std::string, YamlMap>> out;
  const auto outer = map(key);
  if (!outer) return out;
  if (outer->members_.empty()) refuse(key, "is empty");
  for (const Member& member : outer->members_) {
    if (member.value.IsMap()) {
      out.emplace_back(member.key, YamlMap(member.value, outer->path_of(member.key), *source_));
    } else {
      report(member.line, fmt::format("'{}' must hold keys and values of its own", outer->path_of(member.key)));
    }
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> YamlMap::named_strings(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> out;
  auto outer = map(key);
  if (!outer) return out;
  if (outer->members_.empty()) refuse(key, "is empty");
  for (const Member& member : outer->members_) {
    std::string text;
    outer->string(member.key, text);
    if (!text.empty()) out.emplace_back(member.key, std::move(text));
  }
  return out;
}

const YamlMap::Member* YamlMap::list_member(std::string_view key) {
  const Member* member = ask(key);
  if (member == nullptr) return nullptr;
  if (!member->value.IsSequence()) {
    refuse(key, "must be a list; begin each item with '- '");
    return nullptr;
  }
  if (member->value.size() == 0) refuse(key, "is empty");
  return member;
}

std::vector<std::string> YamlMap::strings(std::string_view key) {
  std::vector<std::string> out;
  const Member* member = list_member(key);
  if (member == nullptr) return out;
  for (std::size_t i = 0; i < member->value.size(); ++i) {
    const YAML::Node item = member->value[i];
    if (item.IsScalar() && !item.Scalar().empty())
      out.push_back(item.Scalar());
    else
      report(line_of(item), fmt::format("'{}[{}]' must be a text", path_of(key), i));
  }
  return out;
}

std::vector<YamlMap> YamlMap::list(std::string_view key) {
  std::vector<YamlMap> out;
  const Member* member = list_member(key);
  if (member == nullptr) return out;
  for (std::size_t i = 0; i < member->value.size(); ++i) {
    const YAML::Node item = member->value[i];
    auto path = fmt::format("{}[{}]", path_of(key), i);
    if (item.IsMap()) {
      out.push_back(YamlMap(item, std::move(path), *source_));
    } else {
      report(line_of(item), fmt::format("'{}' must hold keys and values of its own", path));
    }
  }
  return out;
}

void YamlMap::finish() {
  for (const Member& member : members_) {
    if (std::ranges::find(known_, member.key) != known_.end()) continue;
    report(member.line,
           fmt::format("'{}' is not a known key{}", path_of(member.key), did_you_mean(member.key, known_)));
  }
}

}  // namespace app
