#include "meter/tool_text.h"

#include <algorithm>
#include <array>

namespace meter {
namespace {

namespace dom = simdjson::dom;

constexpr int deepest = 16;

void write_type(dom::element schema, std::string& out, int depth);

std::string json_of(dom::element value) { return simdjson::to_string(value); }

void write_comment(dom::element text, std::string& out) {
  const auto words = get_if<std::string_view>(text);
  if (!words) return;
  out += "// ";
  for (const char c : *words) {
    out += c;
    if (c == '\n') out += "// ";
  }
  out += '\n';
}

// Members that the rendering shows in its own way, or not at all.
constexpr std::array shown{std::string_view("type"),     std::string_view("properties"),
                           std::string_view("required"), std::string_view("description"),
                           std::string_view("enum"),     std::string_view("items"),
                           std::string_view("title"),    std::string_view("additionalProperties"),
                           std::string_view("$schema")};

void write_unknown(const dom::object& schema, std::string& out) {
  for (const auto& member : schema) {
    if (std::ranges::find(shown, member.key) != shown.end()) continue;
    out.append("// ").append(member.key).append(": ").append(json_of(member.value)).append("\n");
  }
}

bool is_required(const std::optional<dom::array>& required, std::string_view name) {
  if (!required) return false;
  return std::ranges::any_of(*required, [&](dom::element item) { return get_if<std::string_view>(item) == name; });
}

void write_properties(const dom::object& schema, std::string& out, int depth) {
  std::optional<dom::object> properties;
  std::optional<dom::array> required;
  for (const auto& member : schema) {
    if (member.key == "properties") properties = get_if<dom::object>(member.value);
    if (member.key == "required") required = get_if<dom::array>(member.value);
  }
  if (!properties) return;
  for (const auto& property : *properties) {
    if (const auto object = get_if<dom::object>(property.value)) {
      for (const auto& member : *object)
        if (member.key == "description") write_comment(member.value, out);
      write_unknown(*object, out);
    }
    out.append(property.key).append(is_required(required, property.key) ? ": " : "?: ");
    write_type(property.value, out, depth + 1);
    out += ",\n";
  }
}

void write_enum(const dom::array& values, std::string& out) {
  bool first = true;
  for (const dom::element value : values) {
    if (!first) out += " | ";
    first = false;
    out += json_of(value);
  }
}

void write_type(dom::element value, std::string& out, int depth) {
  const auto schema = get_if<dom::object>(value);
  if (!schema || depth > deepest) {
    out += json_of(value);
    return;
  }
  std::string_view type;
  for (const auto& member : *schema) {
    if (member.key == "enum")
      if (const auto values = get_if<dom::array>(member.value)) return write_enum(*values, out);
    if (member.key == "type") type = get_if<std::string_view>(member.value).value_or("");
  }
  if (type == "object") {
    out += "{\n";
    write_properties(*schema, out, depth);
    out += '}';
  } else if (type == "array") {
    for (const auto& member : *schema)
      if (member.key == "items") write_type(member.value, out, depth + 1);
    out += "[]";
  } else if (type == "integer") {
    out += "number";
  } else if (!type.empty()) {
    out += type;
  } else {
    out += json_of(value);
  }
}

}  // namespace

void write_tool(dom::element tool, std::string& out) {
  auto object = get_if<dom::object>(tool);
  if (!object) return;
  // In chat, the function stands in a member of its own.
  for (const auto& member : *object)
    if (member.key == "function")
      if (const auto function = get_if<dom::object>(member.value)) object = function;
  std::optional<dom::object> parameters;
  std::string_view name;
  for (const auto& member : *object) {
    if (member.key == "description") write_comment(member.value, out);
    if (member.key == "name") name = get_if<std::string_view>(member.value).value_or("");
    if (member.key == "parameters") parameters = get_if<dom::object>(member.value);
  }
  out.append("type ").append(name).append(" = (");
  if (parameters) {
    out += "_: {\n";
    write_unknown(*parameters, out);
    write_properties(*parameters, out, 0);
    out += '}';
  }
  out += ") => any;\n\n";
}

}  // namespace meter
