#pragma once
// What the dialects share while a reply is read (reply_reader.cpp drives them; dialects_*.cpp know the members' names).

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "meter/dialect.h"
#include "meter/json_document.h"
#include "meter/json_sieve.h"
#include "meter/reply.h"
#include "meter/usage_fields.h"

namespace meter {

// Usage that stands in the head: Bedrock and text generation inference name it there.
struct HeadUsage {
  Figures figures;
  bool any = false;
};

struct Reading {
  Reply reply;
  Figures figures;
  bool has_usage = false;
  HeadUsage head;
  int status = 200;
  UnknownFields unknown;
  Figures calls;            // what is counted in the reply itself: tools, images
  bool in_events = false;   // of a stream
  bool usage_only = false;  // the last object said the usage and nothing else
  bool unnumbered = false;  // the figures stand in places that are no usage object: the provider states no totals
  std::optional<Figures> metrics;  // Bedrock: what a stream's last chunk says for every model
  // Anthropic: the iterations of the reply's own model, summed up.
  std::optional<Figures> own_iterations;
};

// How a dialect is read. A new one is a row of the table in reply_reader.cpp.
struct DialectReader {
  const JsonPaths& (*paths)();
  // An object of the reply: all of it, an event, or a line; `text` is what was kept of it.
  void (*on_object)(Reading& reading, const simdjson::dom::object& object, std::string_view text);
  // At the end: the figures' meaning, as a usage. Called only if there were some.
  void (*settle)(const Reading& reading, Reply& reply);
};

const DialectReader& reader_of(Dialect dialect);

extern const DialectReader chat_reader, responses_reader, runs_reader, embeddings_reader, images_reader, audio_reader,
    anthropic_reader, gemini_reader, interactions_reader, converse_reader, invoke_reader, cohere_reader, ollama_reader,
    watsonx_reader, aleph_alpha_reader, tgi_reader, replicate_reader, token_count_reader, none_reader;

// The last member of that name; nullopt: there is none, or it is null.
std::optional<simdjson::dom::element> member(const simdjson::dom::object& object, std::string_view name);
template <class T>
std::optional<T> member_as(const simdjson::dom::object& object, std::string_view name) {
  const auto found = member(object, name);
  return found ? get_if<T>(*found) : std::nullopt;
}
std::optional<simdjson::dom::object> object_in(const simdjson::dom::object& object, std::string_view name);
std::optional<std::int64_t> count_in(const simdjson::dom::object& object, std::string_view name);
// Sets `out` if the member is a text; an empty one only where `out` says that it may be.
void take_text(const simdjson::dom::object& object, std::string_view name, std::optional<std::string>& out);
void take_model(const simdjson::dom::object& object, std::string_view name, Reply& reply);
void take_model(const simdjson::dom::element& value, Reply& reply);
// The items of a list; nullopt: it is none.
std::optional<std::int64_t> length_of(const simdjson::dom::object& object, std::string_view name);

// Sets error_type from an error body or event: its type, its status (Google), its code, or the message of those that
// have nothing else.
void take_error(const simdjson::dom::object& object, Reply& reply);
void take_error(const simdjson::dom::element& error, Reply& reply);

// A usage object. Those that come later replace what came before: they are cumulative (metering.md 1.2).
enum class Merge : std::uint8_t { replace, overlay };
void take_usage(Reading& reading, const UsageTable& table, const simdjson::dom::object& usage,
                Merge merge = Merge::replace);
// The cost in a usage object that stands at `path` in the text of an object, if it names one: read from the text, for
// a cost is never seen through a double.
void take_cost(Reply& reply, const simdjson::dom::object& usage, std::string_view text,
               std::initializer_list<std::string_view> path);

// At the end: what was read, with its meaning.
Reply settled(const DialectReader& reader, Dialect dialect, Reading& reading);

// Adds an alarm for parts that are more than their whole, and for classes that do not add up to the total. Of a reply
// with a usage.
void check_parts(Reply& reply);

}  // namespace meter
