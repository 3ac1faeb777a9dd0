#pragma once
// The object by which a provider names work that goes on after its reply, and says how far it is: OpenAI's response in
// the background (openai-python: types/responses/response.py, response_status.py).

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
  bool operator==(const WorkObject&) const = default;
};

// nullopt: the body is no JSON object with an id of 1 to 256 characters that can stand in an address.
// `padded` has simdjson::SIMDJSON_PADDING readable bytes behind it.
std::optional<WorkObject> read_work_object(std::string_view padded);

}  // namespace meter
