#include "meter/json_sieve.h"

#include <algorithm>

#include "base/find_byte.h"

namespace meter {
namespace {

constexpr std::string_view any_other = "*";
constexpr std::string_view every_item = "[]";
// A longer name is none that anybody asks for.
constexpr std::size_t key_bytes_max = 128;

bool is_space(char byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

JsonPaths::Node& child(JsonPaths::Node& node, std::string_view name) {
  const auto found = std::ranges::find(node.inside, name, &JsonPaths::Node::name);
  if (found != node.inside.end()) return *found;
  return node.inside.emplace_back(JsonPaths::Node{.name = std::string(name), .inside = {}});
}

const JsonPaths::Node* find(const JsonPaths::Node& node, std::string_view name) {
  const JsonPaths::Node* other = nullptr;
  for (const JsonPaths::Node& inside : node.inside) {
    if (inside.name == name) return &inside;
    if (inside.name == any_other && name != every_item) other = &inside;
  }
  return other;
}

// For a member whose name is written with escapes: it may be one that was asked for, so its reader decides.
const JsonPaths::Node& anything() {
  static const JsonPaths::Node node{.name = {}, .whole = true, .inside = {}};
  return node;
}

}  // namespace

JsonPaths::JsonPaths(std::initializer_list<std::string_view> kept, std::initializer_list<std::string_view> weighed) {
  for (const std::string_view path : kept) add(path).whole = true;
  for (const std::string_view path : weighed) add(path).weighed = true;
}

JsonPaths::Node& JsonPaths::add(std::string_view path) {
  Node* node = &root_;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find_first_of(".["), path.size());
    if (end > 0) node = &child(*node, path.substr(0, end));
    path.remove_prefix(end);
    if (path.starts_with("[]")) {
      node = &child(*node, every_item);
      path.remove_prefix(2);
    }
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return *node;
}

namespace {

// As pass_text would. False: the length of what is weighed is not known, or the name of a member is too long.
bool add_weight(const simdjson::dom::element& value, const JsonPaths::Node* node, Weighed& sum);

bool add_members(const simdjson::dom::object& object, const JsonPaths::Node& node, Weighed& sum) {
  for (const auto& member : object)
    if (member.key.size() > key_bytes_max || !add_weight(member.value, find(node, member.key), sum)) return false;
  return true;
}

bool add_weight(const simdjson::dom::element& value, const JsonPaths::Node* node, Weighed& sum) {
  using Type = simdjson::dom::element_type;
  if (node == nullptr || node->whole) return true;
  const Type type = value.type();
  if (node->weighed) {
    if (type == Type::NULL_VALUE) return true;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return false;
    sum.bytes += static_cast<std::int64_t>(text.size());
    if (!text.empty() && node->name != any_other) sum.objects = 1;
    return true;
  }
  if (type == Type::OBJECT) return add_members(value.get_object().value_unsafe(), *node, sum);
  if (type != Type::ARRAY) return true;
  const JsonPaths::Node* const item = find(*node, every_item);
  return std::ranges::all_of(value.get_array().value_unsafe(),
                             [&](const simdjson::dom::element& one) { return add_weight(one, item, sum); });
}

}  // namespace

bool JsonSieve::weigh(const simdjson::dom::object& object, std::string_view text) {
  if (state_ != State::between || text.contains('\\')) return false;
  Weighed found;
  if (!add_members(object, paths_.root(), found)) return false;
  weighed_.bytes += found.bytes;
  weighed_.objects += found.objects;
  return true;
}

void JsonSieve::reset() {
  state_ = State::between;
  levels_.clear();
  kept_.clear();
  key_.clear();
  complete_ = false;
}

bool JsonSieve::keeps(std::size_t more) {
  if (!dropping_ && kept_.size() + more > limit_) {
    overflowed_ = dropping_ = true;
    kept_ = {};
  }
  return !dropping_;
}

void JsonSieve::keep(std::string_view text) {
  if (keeps(text.size())) kept_ += text;
}

// Comma and name of a member, comma of an item.
void JsonSieve::keep_name() {
  const bool named = !levels_.empty() && levels_.back().object;
  if (!keeps(named ? key_.size() + std::string_view(",\"\":").size() : 1)) return;
  if (!kept_.empty() && kept_.back() != '{' && kept_.back() != '[') kept_ += ',';
  if (named) ((kept_ += '"') += key_) += "\":";
}

bool JsonSieve::take(std::string_view& bytes) {
  complete_ = false;
  std::size_t at = 0;
  while (at < bytes.size() && !complete_) {
    switch (state_) {
      case State::lost: at = bytes.size(); break;
      case State::key: at += pass_key(bytes.substr(at)); break;
      case State::string:
      case State::container:
      case State::scalar: at += pass(bytes.substr(at)); break;
      default: at += step(bytes[at]) ? 1 : 0;
    }
  }
  bytes.remove_prefix(at);
  return complete_;
}

bool JsonSieve::step(char byte) {
  if (is_space(byte)) return true;
  switch (state_) {
    case State::between:
      if (byte == '{') {
        kept_.clear();
        dropping_ = has_weight_ = false;
        keep("{");
        levels_.push_back({.object = true, .node = &paths_.root()});
        state_ = State::first_key;
      } else if (byte != '[' && byte != ']' && byte != ',') {
        state_ = State::lost;
      }
      return true;
    case State::first_key:
    case State::next_key:
      if (byte == '"') {
        key_.clear();
        escaped_ = false;
        state_ = State::key;
      } else if (byte == '}' && state_ == State::first_key) {
        end_container();
      } else {
        state_ = State::lost;
      }
      return true;
    case State::colon: state_ = byte == ':' ? State::value : State::lost; return true;
    case State::first_item:
      if (byte != ']') {
        state_ = State::value;
        return false;
      }
      end_container();
      return true;
    case State::value: return begin_value(byte);
    default: break;  // after a value
  }
  if (byte == ',') {
    state_ = levels_.back().object ? State::next_key : State::value;
    if (!levels_.back().object) next_ = find(*levels_.back().node, every_item);
  } else if (byte == (levels_.back().object ? '}' : ']')) {
    end_container();
  } else {
    state_ = State::lost;
  }
  return true;
}

std::size_t JsonSieve::pass_key(std::string_view bytes) {
  const std::size_t plain = escaped_ ? 0 : base::find_either(bytes, '"', '\\');
  keep_of_key(bytes.substr(0, plain));
  if (plain == bytes.size()) return plain;
  const char byte = bytes[plain];
  if (byte == '"' && !escaped_) {
    const bool too_long = key_.size() > key_bytes_max;
    next_ = too_long ? nullptr : key_.find('\\') != std::string::npos ? &anything() : find(*levels_.back().node, key_);
    state_ = State::colon;
  } else {
    escaped_ = byte == '\\' && !escaped_;
    keep_of_key(bytes.substr(plain, 1));
  }
  return plain + 1;
}

// Of a name that is too long, as much as shows it.
void JsonSieve::keep_of_key(std::string_view text) { key_ += text.substr(0, key_bytes_max + 1 - key_.size()); }

// False: the byte is the first of a value that is passed.
bool JsonSieve::begin_value(char byte) {
  if (byte == '}' || byte == ']' || byte == ',' || byte == ':') {
    state_ = State::lost;
    return true;
  }
  const bool container = byte == '{' || byte == '[';
  weighing_ = next_ != nullptr && next_->weighed && byte != 'n';  // null is nothing
  named_ = next_ != nullptr && next_->name != any_other;
  keeping_ = next_ != nullptr && !next_->weighed;
  if (keeping_) keep_name();
  if (container && keeping_ && !next_->whole) {
    keep({&byte, 1});
    levels_.push_back({.object = byte == '{', .node = next_});
    next_ = find(*next_, every_item);
    state_ = byte == '{' ? State::first_key : State::first_item;
    return true;
  }
  state_ = byte == '"' ? State::string : container ? State::container : State::scalar;
  depth_ = 0;
  in_string_ = escaped_ = false;
  return false;
}

std::size_t JsonSieve::pass(std::string_view bytes) {
  bool over = false;
  const std::int64_t before = weighed_.bytes;
  const std::size_t passed = state_ == State::scalar ? pass_scalar(bytes, over) : pass_text(bytes, over);
  if (!weighing_) weighed_.bytes = before;
  has_weight_ = has_weight_ || (weighed_.bytes > before && named_);
  if (keeping_) keep(bytes.substr(0, passed));
  if (over) state_ = State::after_value;
  return passed;
}

std::size_t JsonSieve::pass_scalar(std::string_view bytes, bool& over) {
  std::size_t at = 0;
  while (at < bytes.size() && !over) {
    over = is_space(bytes[at]) || bytes[at] == ',' || bytes[at] == '}' || bytes[at] == ']';
    if (!over) ++at;
  }
  weighed_.bytes += static_cast<std::int64_t>(at);
  return at;
}

// A text, or a container with all that is in it.
std::size_t JsonSieve::pass_text(std::string_view bytes, bool& over) {
  std::size_t at = 0;
  while (at < bytes.size() && !over) {
    if (in_string_ && !escaped_) {
      const std::size_t plain = base::find_either(bytes.substr(at), '"', '\\');
      weighed_.bytes += static_cast<std::int64_t>(plain);
      at += plain;
      if (at == bytes.size()) break;
    }
    const char byte = bytes[at++];
    if (escaped_) {
      escaped_ = false;
      ++weighed_.bytes;
    } else if (in_string_) {
      escaped_ = byte == '\\';
      in_string_ = byte != '"';
      over = !in_string_ && depth_ == 0;
    } else if (byte == '"') {
      in_string_ = true;
    } else if (byte == '{' || byte == '[') {
      ++depth_;
    } else if (byte == '}' || byte == ']') {
      over = --depth_ == 0;
    } else if (byte != ',' && byte != ':' && !is_space(byte)) {
      ++weighed_.bytes;
    }
  }
  return at;
}

void JsonSieve::end_container() {
  keep(levels_.back().object ? "}" : "]");
  levels_.pop_back();
  state_ = levels_.empty() ? State::between : State::after_value;
  complete_ = levels_.empty();
  if (complete_ && has_weight_) ++weighed_.objects;
}

}  // namespace meter
