#include "base/json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace base {
namespace od = simdjson::ondemand;

constexpr int max_depth = 64;

// Builds our value from simdjson's On-Demand one.
class JsonBuilder {
 public:
  template <class Source>
  static Result<Json> build(Source&& source, std::string path, int depth) {
    if (depth > max_depth) return invalid("JSON nested deeper than 64 levels", path);
    od::json_type type{};
    if (source.type().get(type) != simdjson::SUCCESS) return invalid("not valid JSON", path);
    Json out;
    switch (type) {
      case od::json_type::object: return object(source, std::move(path), depth);
      case od::json_type::array: return array(source, std::move(path), depth);
      case od::json_type::string: {
        std::string_view text;
        if (source.get_string().get(text) != simdjson::SUCCESS) return invalid("not a valid JSON string", path);
        out.kind_ = Json::Kind::string;
        out.text_ = text;
        return out;
      }
      case od::json_type::number: return number(source, path);
      case od::json_type::boolean: {
        bool value = false;
        if (source.get_bool().get(value) != simdjson::SUCCESS) return invalid("not valid JSON", path);
        out.kind_ = Json::Kind::boolean;
        out.text_ = value ? "true" : "false";
        return out;
      }
      case od::json_type::null: break;
    }
    bool null = false;
    if (simdjson::simdjson_result<bool>(source.is_null()).get(null) != simdjson::SUCCESS || !null)
      return invalid("not valid JSON", path);
    return out;
  }

 private:
  template <class Source>
  static Result<Json> object(Source& source, std::string path, int depth) {
    od::object object;
    if (source.get_object().get(object) != simdjson::SUCCESS) return invalid("not a valid JSON object", path);
    Json out;
    out.kind_ = Json::Kind::object;
    for (auto field : object) {
      std::string_view key;
      if (field.unescaped_key().get(key) != simdjson::SUCCESS) return invalid("not a valid JSON object", path);
      std::string name(key);
      auto at = path.empty() ? name : path + "." + name;
      if (std::ranges::find(out.members_, name, &Json::Member::first) != out.members_.end())
        return invalid(fmt::format("'{}' is given twice; keep one", at), at);
      TRY(Json value, build(field.value(), at, depth + 1));
      out.members_.emplace_back(std::move(name), std::move(value));
    }
    return out;
  }

  template <class Source>
  static Result<Json> array(Source& source, std::string path, int depth) {
    od::array array;
    if (source.get_array().get(array) != simdjson::SUCCESS) return invalid("not a valid JSON array", path);
    Json out;
    out.kind_ = Json::Kind::array;
    for (auto item : array) {
      od::value value;
      if (item.get(value) != simdjson::SUCCESS) return invalid("not a valid JSON array", path);
      TRY(Json element, build(value, fmt::format("{}[{}]", path, out.items_.size()), depth + 1));
      out.items_.push_back(std::move(element));
    }
    return out;
  }

  template <class Source>
  static Result<Json> number(Source& source, const std::string& path) {
    std::string_view token;
    if constexpr (requires { source.raw_json_token().get(token); }) {
      if (source.raw_json_token().get(token) != simdjson::SUCCESS) return invalid("not a valid JSON number", path);
    } else {
      token = source.raw_json_token();
    }
    while (!token.empty() &&
           (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t'))
      token.remove_suffix(1);
    double ignored = 0;  // get_double checks the grammar; the value kept is the text
    if (source.get_double().get(ignored) != simdjson::SUCCESS)
      return invalid(fmt::format("'{}' is not a valid JSON number", token.substr(0, 64)), path);
    Json out;
    out.kind_ = Json::Kind::number;
    out.text_ = token;
    return out;
  }
};

Result<Json> Json::parse(std::string_view text) {
  const simdjson::padded_string padded(text);
  // The DOM parser checks the whole text; the On-Demand walk then has each number's own spelling.
  simdjson::dom::parser checker(simdjson::SIMDJSON_MAXSIZE_BYTES);
  if (const auto error = checker.parse(padded).error(); error != simdjson::SUCCESS)
    return invalid(fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  od::parser parser;
  od::document document;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return invalid("not valid JSON");
  return JsonBuilder::build(document, {}, 0);
}

const Json* Json::find(std::string_view key) const {
  for (const Member& member : members_)
    if (member.first == key) return member.second.is_null() ? nullptr : &member.second;
  return nullptr;
}

Result<JsonFields> JsonFields::of(const Json& object, std::string path) {
  if (!object.is_object())
    return invalid(fmt::format("{} must be a JSON object", path.empty() ? "the body" : path), path);
  JsonFields fields;
  fields.object_ = &object;
  fields.path_ = std::move(path);
  return fields;
}

std::string JsonFields::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const Json* JsonFields::any(std::string_view key) {
  known_.push_back(key);
  return object_->find(key);
}

Result<std::optional<std::string>> JsonFields::string(std::string_view key) {
  const Json* value = any(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind() != Json::Kind::string)
    return invalid(fmt::format("'{}' must be a string", path_of(key)), path_of(key));
  return value->text();
}

Result<std::optional<std::string>> JsonFields::decimal(std::string_view key) {
  const Json* value = any(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind() != Json::Kind::string && value->kind() != Json::Kind::number)
    return invalid(fmt::format("'{}' must be a decimal number, as a string or a number", path_of(key)), path_of(key));
  return value->text();
}

Result<std::optional<std::int64_t>> JsonFields::integer(std::string_view key) {
  const Json* value = any(key);
  if (value == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* end = value->text().data() + value->text().size();
  const auto [stop, error] = std::from_chars(value->text().data(), end, number);
  if (value->kind() != Json::Kind::number || error != std::errc{} || stop != end)
    return invalid(fmt::format("'{}' must be a whole number", path_of(key)), path_of(key));
  return number;
}

Result<std::optional<bool>> JsonFields::boolean(std::string_view key) {
  const Json* value = any(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind() != Json::Kind::boolean)
    return invalid(fmt::format("'{}' must be true or false", path_of(key)), path_of(key));
  return value->boolean();
}

Result<std::optional<std::vector<std::string>>> JsonFields::strings(std::string_view key) {
  const Json* value = any(key);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> out;
  for (const Json& item : value->items()) {
    if (item.kind() != Json::Kind::string) break;
    out.push_back(item.text());
  }
  if (value->kind() != Json::Kind::array || out.size() != value->items().size())
    return invalid(fmt::format("'{}' must be a list of strings", path_of(key)), path_of(key));
  return out;
}

Result<std::string> JsonFields::required_string(std::string_view key) {
  TRY(auto value, string(key));
  if (!value || value->empty()) {
    std::vector<std::string_view> given;
    for (const Json::Member& member : object_->members()) given.push_back(member.first);
    const auto slip = near_miss(key, given);
    return invalid(fmt::format("'{}' is missing{}", path_of(key),
                               slip && *slip != key ? fmt::format("; is it '{}'?", *slip) : std::string()),
                   path_of(key));
  }
  return std::move(*value);
}

Status JsonFields::finish() const {
  for (const Json::Member& member : object_->members()) {
    if (std::ranges::find(known_, member.first) != known_.end()) continue;
    const auto near = near_miss(member.first, known_);
    return invalid(fmt::format("'{}' is not a known field{}", path_of(member.first),
                               near ? fmt::format("; did you mean '{}'?", *near) : std::string()),
                   path_of(member.first));
  }
  return {};
}

std::optional<std::string_view> near_miss(std::string_view word, std::span<const std::string_view> candidates) {
  std::optional<std::string_view> best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    // Levenshtein, one row at a time.
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t replaced = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace base
