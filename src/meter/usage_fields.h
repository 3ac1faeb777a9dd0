#pragma once
// Usage objects of every provider, read by tables: which member of an object is which figure. What a table does not
// know is noted, because it may cost money.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meter/json_document.h"

namespace meter {

// The numbers of a usage object, before they have one meaning. Whether they overlap depends on the provider.
struct Figures {
  using Count = std::optional<std::int64_t>;
  Count input, output, total;
  Count cached, cached_beside;  // within a details object, or in another place
  Count write, write_5m, write_1h;
  Count reasoning;
  Count tool_use;
  Count audio_in, audio_out, image_in, image_out;
  Count cached_audio;
  Count seconds;
  Count characters, pages, search_units, citations;
  Count web_searches, file_searches, code_interpreters;
  Count images;
  Count billed_input, billed_output;  // Cohere: what is charged, where that is not what was counted

  // Takes what `later` has, and keeps the rest.
  void overlay(const Figures& later);
  bool operator==(const Figures&) const = default;
};

// How a table takes a member.
enum class Take : std::uint8_t {
  count,       // a whole number
  seconds,     // a number that is rounded up
  nothing,     // known, and free or counted elsewhere: this member and all that is in it
  modalities,  // a list of {modality, count}: audio and images go where Modality says
};

struct UsageField {
  std::string_view path;  // "prompt_tokens_details.cached_tokens"
  Take take = Take::nothing;
  Figures::Count Figures::* count = nullptr;
  Figures::Count Figures::* image = nullptr;  // of modalities, beside `count` for audio
};

// The fields by the members that lead to them.
class UsageTable {
 public:
  struct Node {
    std::string_view name;
    const UsageField* field = nullptr;  // that a path ends here
    std::vector<Node> inside;

    const Node* find(std::string_view wanted) const;
  };
  // `fields` outlive the table.
  explicit UsageTable(std::span<const UsageField> fields);
  const Node& root() const { return root_; }

 private:
  Node root_;
};

const UsageTable& chat_usage();          // OpenAI's chat and completions, and all that follow them
const UsageTable& responses_usage();     // OpenAI's responses, images and transcriptions
const UsageTable& anthropic_usage();     // Anthropic's messages
const UsageTable& gemini_usage();        // usageMetadata
const UsageTable& interactions_usage();  // Gemini's interactions
const UsageTable& converse_usage();      // Bedrock's own, and Nova's
const UsageTable& cohere_usage();        // usage of version 2 and meta of version 1

// Members that no table knows and that hold a number above zero.
struct UnknownFields {
  static constexpr std::size_t names_max = 8;
  std::vector<std::string> names;
  std::int64_t count = 0;
  void note(std::string_view path);
};

Figures read_figures(const UsageTable& table, const simdjson::dom::object& usage, UnknownFields& unknown);

}  // namespace meter
