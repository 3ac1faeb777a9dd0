#pragma once
// Strict YAML for configuration: each mapping is read key by key, with the type that is wanted; what nobody asked for,
// what stands twice and what YAML readers understand differently becomes a finding, and reading goes on, so that one
// run reports everything. Values may use the environment (app/substitute.h); they are shown as they stand in the file,
// never as they were substituted, because what comes from the environment is often a secret.

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/finding.h"
#include "app/substitute.h"

namespace app {

// The file that is being read and what was found wrong with it so far.
struct YamlSource {
  std::string file;
  const Environment& environment;
  std::vector<Finding> findings;
};

// Bounds of a whole number, both included.
struct IntegerRange {
  std::int64_t least = 0;
  std::int64_t most = INT64_MAX;
};

// A mapping of the file. The readers leave `into` as it is, which is its default, if the key is absent or if its value
// is not fit; the latter is a finding. A value that is empty or null is not fit: who wants the default leaves the key
// out.
class YamlMap {
 public:
  // The single mapping that `text` holds; nothing but comments is an empty one. nullopt, with a finding, if it is not
  // YAML or not one mapping.
  static std::optional<YamlMap> parse(std::string_view text, YamlSource& source);

  bool has(std::string_view key) const;
  void string(std::string_view key, std::string& into);
  void integer(std::string_view key, std::int64_t& into, IntegerRange range);
  // A decimal number, in quotes or plain, as text: amounts never go through a double.
  void decimal(std::string_view key, std::string& into);
  // One of `words`; the index of the one that stands there.
  std::optional<std::size_t> one_of(std::string_view key, std::span<const std::string_view> words);
  // True if the value is the plain word `word`; no finding if it is something else.
  bool is_word(std::string_view key, std::string_view word);
  // The mapping under `key`; nullopt if it is absent or something else.
  std::optional<YamlMap> map(std::string_view key);
  // The members of the mapping under `key`, each a mapping itself, with their names. It must not be empty.
  std::vector<std::pair<std::string, YamlMap>> named_maps(std::string_view key);
  // The members of the mapping under `key`, each a value, with their names. It must not be empty.
  std::vector<std::pair<std::string, std::string>> named_strings(std::string_view key);
  // The items of the list under `key`, each a value. It must not be empty.
  std::vector<std::string> strings(std::string_view key);
  // The items of the list under `key`, each a mapping. It must not be empty.
  std::vector<YamlMap> list(std::string_view key);

  // Adds a finding at the line of `key` ("'routes[0].prefix' must begin with '/'"), or at the mapping's own line if
  // the key is absent; an empty key means the mapping itself.
  void refuse(std::string_view key, std::string_view message);
  // "routes[0].prefix".
  std::string path_of(std::string_view key) const;
  // Refuses the keys that were not asked for, with the nearest known one. Call it last.
  void finish();

 private:
  struct Scalar {
    std::string text;
    bool quoted = false;
  };
  struct Member {
    std::string key;
    int line = 0;
    YAML::Node value;
  };

  YamlMap(const YAML::Node& node, std::string path, YamlSource& source);
  const Member* find(std::string_view key) const;
  const Member* ask(std::string_view key);
  // The value of `key` with its variables put in; nullopt if it is absent or, with a finding, not a value.
  std::optional<Scalar> scalar(std::string_view key);
  // The list under `key`; nullptr if it is absent or, with a finding, something else or empty.
  const Member* list_member(std::string_view key);
  // Copies the members of `node`, which is a mapping; a key that stands twice is a finding.
  void take_members(const YAML::Node& node);
  void report(int line, std::string message);

  std::string path_;
  int line_ = 1;
  YamlSource* source_;
  std::vector<Member> members_;
  std::vector<std::string_view> known_;  // keys that were asked for; literals of the caller
};

}  // namespace app
