#pragma once
// The object by which a provider names work that goes on after its reply, and says how far it is: OpenAI's response in
// the background, and its batch (openai-python: types/responses/response.py, response_status.py, types/batch.py).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meter {

enum class WorkStatus : std::uint8_t {
  running,
  ended,    // nothing more will be done, nor billed
  unknown,  // a word that nobody here knows: it may go on
};

struct WorkObject {
  std::string id;
  WorkStatus status = WorkStatus::unknown;
  std::string status_text;  // in the provider's words
  // Of a batch that has ended: its files, if it has any, and how many of its requests were served, if it says so.
  std::string output_file = {};
  std::string error_file = {};
  std::optional<std::int64_t> served = std::nullopt;
  bool operator==(const WorkObject&) const = default;
};

// nullopt: the body is no JSON object with an id of 1 to 256 characters that can stand in an address.
// `padded` has simdjson::SIMDJSON_PADDING readable bytes behind it.
std::optional<WorkObject> read_work_object(std::string_view padded);

}  // namespace meter
