#include "meter/reading.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "meter/json_count.h"
#include "meter/stated_cost.h"

namespace meter {

namespace dom = simdjson::dom;

std::optional<dom::element> member(const dom::object& object, std::string_view name) {
  std::optional<dom::element> found;
  for (const auto& field : object)
    if (field.key == name) found = field.value;
  return found && !found->is_null() ? found : std::nullopt;
}

std::optional<dom::object> object_in(const dom::object& object, std::string_view name) {
  return member_as<dom::object>(object, name);
}

std::optional<std::int64_t> count_in(const dom::object& object, std::string_view name) {
  const auto found = member(object, name);
  return found ? read_count(*found) : std::nullopt;
}

void take_text(const dom::object& object, std::string_view name, std::optional<std::string>& out) {
  if (const auto text = member_as<std::string_view>(object, name)) out = std::string(*text);
}

void take_model(const dom::element& value, Reply& reply) {
  if (const auto model = get_if<std::string_view>(value); model && !model->empty()) reply.model = *model;
}

void take_model(const dom::object& object, std::string_view name, Reply& reply) {
  if (const auto model = member(object, name)) take_model(*model, reply);
}

std::optional<std::int64_t> length_of(const dom::object& object, std::string_view name) {
  const auto list = member_as<dom::array>(object, name);
  if (!list) return std::nullopt;
  std::int64_t length = 0;
  for ([[maybe_unused]] const dom::element item : *list) ++length;
  return length;
}

void take_error(const dom::object& object, Reply& reply) {
  if (const auto error = member(object, "error")) take_error(*error, reply);
}

void take_error(const dom::element& error, Reply& reply) {
  constexpr std::size_t message_bytes_max = 80;
  if (const auto text = get_if<std::string_view>(error)) {
    reply.error_type = std::string(text->substr(0, message_bytes_max));
    return;
  }
  const auto inner = get_if<dom::object>(error);
  if (!inner) return;
  std::optional<std::string> type = "error";
  if (const auto code = member(*inner, "code")) {
    if (const auto number = get_if<std::int64_t>(*code)) type = std::to_string(*number);
    if (const auto text = get_if<std::string_view>(*code)) type = std::string(*text);
  }
  take_text(*inner, "status", type);
  take_text(*inner, "type", type);
  reply.error_type = type;
}

void take_usage(Reading& reading, const UsageTable& table, const dom::object& usage, Merge merge) {
  UnknownFields unknown;
  const Figures figures = read_figures(table, usage, unknown);
  if (unknown.count > 0) reading.unknown = std::move(unknown);
  const bool first = !reading.has_usage;
  reading.has_usage = true;
  if (merge == Merge::overlay) return reading.figures.overlay(figures);
  // An object that names no count says nothing, and must not replace one that did.
  if (first || figures != Figures{}) reading.figures = figures;
}

void take_cost(Reply& reply, const dom::object& usage, std::string_view text,
               std::initializer_list<std::string_view> path) {
  if (!member(usage, "cost") && !member(usage, "cost_in_usd_ticks")) return;
  std::string whole_path;
  for (const std::string_view part : path) whole_path.append(whole_path.empty() ? "" : ".").append(part);
  const JsonPaths paths{whole_path};
  std::string kept;
  JsonSieve(paths).feed(text, [&](std::string_view object) { kept = object; });
  const auto parsed = base::Json::parse(kept);
  const base::Json* at = parsed ? &*parsed : nullptr;
  for (const std::string_view name : path) at = at == nullptr ? nullptr : at->find(name);
  auto cost = at == nullptr ? std::nullopt : stated_cost(*at);
  if (cost) reply.provider_cost_usd = std::move(cost);
}

void check_parts(Reply& reply) {
  const Usage& usage = *reply.usage;
  const auto check = [&](std::string_view whole_name, const std::optional<std::int64_t>& whole,
                         std::initializer_list<NamedCount> parts) {
    if (!whole) return;
    std::int64_t sum = 0;
    std::string names;
    for (const auto& [name, count] : parts) {
      const std::int64_t part = (usage.*count).value_or(0);
      sum += part;
      if (part > 0) names += fmt::format("{}{} {}", names.empty() ? "" : " + ", part, name);
    }
    if (sum > *whole) reply.alarms.push_back(fmt::format("{} are more than {} {}", names, *whole, whole_name));
  };
  check("input_tokens", usage.input_tokens,
        {{"cached_input_tokens", &Usage::cached_input_tokens}, {"cache_write_tokens", &Usage::cache_write_tokens}});
  check("input_tokens", usage.input_tokens,
        {{"audio_input_tokens", &Usage::audio_input_tokens}, {"image_input_tokens", &Usage::image_input_tokens}});
  check("output_tokens", usage.output_tokens, {{"reasoning_tokens", &Usage::reasoning_tokens}});
  check("output_tokens", usage.output_tokens,
        {{"audio_output_tokens", &Usage::audio_output_tokens}, {"image_output_tokens", &Usage::image_output_tokens}});
  check("cache_write_tokens", usage.cache_write_tokens,
        {{"cache_write_5m_tokens", &Usage::cache_write_5m_tokens},
         {"cache_write_1h_tokens", &Usage::cache_write_1h_tokens}});
  if (!reply.provider_total_tokens || !usage.input_tokens) return;
  const std::int64_t total = *usage.input_tokens + usage.output_tokens.value_or(0);
  if (total != *reply.provider_total_tokens)
    reply.alarms.push_back(fmt::format("the classes add up to {} tokens, the provider's total is {}", total,
                                       *reply.provider_total_tokens));
}

}  // namespace meter
