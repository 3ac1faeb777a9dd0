#pragma once
// What the dialects share while a request is read (request_reader.cpp drives them; requests_*.cpp know the members).

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/dialect.h"
#include "meter/input_text.h"
#include "meter/json_document.h"
#include "meter/request_reader.h"

namespace meter {

// Above every model's longest answer; it keeps cap × choices far from overflow. The body itself is not changed.
inline constexpr std::int64_t largest_output_cap = 1'000'000'000;
// An object in an object in an object: deeper than any dialect goes, and far from the end of a thread's stack.
inline constexpr int deepest_object = 32;

struct RequestReading {
  std::string_view provider;
  std::string_view endpoint;    // Endpoint::name
  std::string_view path_model;  // empty: the address names none
  Request out = {};
  InputText input = {};  // what is counted as input, for an estimate that is closer than the bytes
  // Something of unknown size, a file or an earlier turn, is read: no more than the model's context holds.
  bool unsized = false;
  int depth = 0;            // of objects that are being read
  std::int64_t rounds = 0;  // in which a tool of the provider's may give the model more to read
};

// Providers written in Go match names without regard to case (encoding/json), so "Model" may be read as "model". Nearly
// all pairs differ in length or in more than the case bit of their first letter: that much is looked at in place.
bool equal_but_for_case(std::string_view a, std::string_view b);
inline bool same_but_for_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size() || (!a.empty() && ((a.front() ^ b.front()) & ~0x20) != 0)) return false;
  return equal_but_for_case(a, b);
}

// Duplicate keys of one object, found with what the stack holds.
class SeenKeys {
 public:
  base::Status add(std::string_view key, std::string_view prefix);

 private:
  // The widest dialect has some forty fields; more than this is no request, and the search for duplicates stays cheap.
  static constexpr std::size_t most_fields = 128;
  boost::container::static_vector<std::string_view, most_fields> keys_;
};

struct RequestField {
  std::string_view name;
  base::Status (*read)(simdjson::dom::element, RequestReading&);  // nullptr: refused, unless it is null
  std::string_view refused_for = {};
};
// A member whose cost cannot be bounded.
constexpr RequestField refused_field(std::string_view name, std::string_view why) { return {name, nullptr, why}; }

// How a dialect may write the names of its members.
enum class Spelling : std::uint8_t {
  exact,
  proto,  // Google's: fileData and file_data are the same member
};

// Reads the members of `object` that `fields` knows; others pass. Refused: a name that comes twice, or in other letters
// than the field's; `prefix` stands before it in messages ("generationConfig.").
base::Status read_members(const simdjson::dom::object& object, std::span<const RequestField> fields,
                          std::string_view prefix, RequestReading& reading, Spelling spelling = Spelling::exact);
// The same of a value that must be an object; null is absent.
base::Status read_object(simdjson::dom::element value, std::span<const RequestField> fields, std::string_view name,
                         RequestReading& reading, Spelling spelling = Spelling::exact);

std::unexpected<base::Error> wrong_type(std::string_view field, std::string_view wanted);

// Fields that most dialects have.
base::Status read_model(simdjson::dom::element value, RequestReading& reading);
base::Status read_stream(simdjson::dom::element value, RequestReading& reading);
base::Status read_user(simdjson::dom::element value, RequestReading& reading);
base::Status read_service_tier(simdjson::dom::element value, RequestReading& reading);
// `path` may be a member of a member. Two caps at once are refused: which of them a provider obeys is not certain.
base::Status read_output_cap(std::string_view path, simdjson::dom::element value, RequestReading& reading);
// A whole number from `least` to `most`; nullopt: null.
base::Result<std::optional<std::int64_t>> read_count(std::string_view field, simdjson::dom::element value,
                                                     std::int64_t least, std::int64_t most);
// Counts tools and schemas: their text, and what the provider says before them. Never fails.
base::Status take_tools(simdjson::dom::element tools, RequestReading& reading);
base::Status take_schema(simdjson::dom::element schema, RequestReading& reading);
// Text: of a message of its own, or of none.
base::Status read_prompt(simdjson::dom::element value, RequestReading& reading);
base::Status read_beside(simdjson::dom::element value, RequestReading& reading);
// An image: its bound, and its text is none.
void take_image(RequestReading& reading, ImageInput image = {});

// How values are read that a dialect nests in others.
using ReadValue = base::Status (*)(simdjson::dom::element, RequestReading&);
using ReadObject = base::Status (*)(const simdjson::dom::object&, RequestReading&);
// Each member of that name, in whatever letters and however often: the provider may read any of them.
base::Status read_member(const simdjson::dom::object& object, std::string_view name, ReadValue read,
                         RequestReading& reading);
// A list of objects; `wanted` is what the error says that `field` must be. null is absent.
base::Status read_objects(simdjson::dom::element value, ReadObject read, std::string_view field,
                          std::string_view wanted, RequestReading& reading);
// Content that is a text or a list of such objects: what is no list passes.
base::Status read_content_parts(simdjson::dom::element value, ReadObject read, std::string_view field,
                                std::string_view wanted, RequestReading& reading);
// A list of messages: `read` has each first, then it counts as one and its text is collected.
base::Status read_messages_with(simdjson::dom::element value, ReadObject read, RequestReading& reading);
// A system prompt beside the messages, of a text or of blocks.
base::Status read_system_with(simdjson::dom::element value, ReadValue read_blocks, RequestReading& reading);

// The marks that the text was collected with, into cache_writes. A time to live that nobody has priced is refused.
base::Status read_cache_marks(RequestReading& reading);

// How one endpoint's requests are read. A new dialect is rows of the table in request_reader.cpp.
struct RequestReader {
  std::string_view endpoint;  // Endpoint's name and dialect
  Dialect dialect;
  ReadObject read;                 // the whole body
  std::string_view cap_path = {};  // where an output cap goes, if there is one place for it
};
std::span<const RequestReader> openai_requests();
std::span<const RequestReader> responses_requests();
std::span<const RequestReader> media_requests();
std::span<const RequestReader> anthropic_requests();
std::span<const RequestReader> google_requests();
std::span<const RequestReader> bedrock_requests();
std::span<const RequestReader> cohere_requests();
std::span<const RequestReader> ollama_requests();

// Shared by those that speak another's language: Bedrock's invoke the model's own.
base::Status read_chat_body(const simdjson::dom::object& root, RequestReading& reading);
base::Status read_anthropic_body(const simdjson::dom::object& root, RequestReading& reading);

}  // namespace meter
