#pragma once
// Keeps of a JSON text only the members that somebody asked for. A reply is mostly what the model said; what says how
// much of it there was is small, and may stand behind megabytes of pictures in the same text.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

namespace meter {

// Which members: paths like "usage", "choices[].finish_reason", "response.output[].type". A member that a path ends at
// is kept whole; those before it are kept as far as they lead there, so that the items of a list can be counted. Of
// what is weighed only the bytes are counted. "*" at a weighed path's end is every member that no path names: nobody
// knows whether it says something, so its bytes count, and it alone makes no object count.
class JsonPaths {
 public:
  JsonPaths(std::initializer_list<std::string_view> kept, std::initializer_list<std::string_view> weighed = {});

  struct Node {
    std::string name;  // "[]": every item of a list
    bool whole = false;
    bool weighed = false;
    std::vector<Node> inside;
  };
  const Node& root() const { return root_; }

 private:
  Node& add(std::string_view path);

  Node root_;
};

// What the weighed members held.
struct Weighed {
  std::int64_t bytes = 0;    // of their texts and numbers, as they are written; never less than what was meant
  std::int64_t objects = 0;  // of the series, that had any in a member with a name
};

// Sieves a series of JSON objects, in pieces of any size: one alone (a plain reply), one a line (NDJSON), or the items
// of a list (Gemini without alt=sse). Anything else between them ends the series: nothing that follows is believed.
//
// Always true: what is kept is a JSON object with the text of the members that were asked for, unchanged and in their
// order, as far as the text was JSON (whoever parses it checks that); memory stays below the limit and some bytes.
class JsonSieve {
 public:
  static constexpr std::size_t kept_bytes_max = 256 * 1024;

  // `paths` outlives the sieve. An object of which more is to be kept than `limit` bytes is left out (has_overflowed).
  explicit JsonSieve(const JsonPaths& paths, std::size_t limit = kept_bytes_max) : paths_(paths), limit_(limit) {}

  // Calls sink(std::string_view) for each object that is complete with these bytes; the view lives until it returns.
  template <class Sink>
  void feed(std::string_view bytes, Sink&& sink) {
    while (!bytes.empty()) {
      if (!take(bytes)) continue;
      if (!kept_.empty()) sink(std::string_view(kept_));
      kept_.clear();
    }
  }
  // Weighs an object that is here whole, between two others; what it keeps is the object itself. False: its text has to
  // be fed, because it cannot be told from its values how they are written. `text` is the object's.
  bool weigh(const simdjson::dom::object& object, std::string_view text);
  // Forgets an object that has begun, and whatever ended the series: what comes next begins anew.
  void reset();
  bool has_overflowed() const { return overflowed_; }
  // Of all objects so far, those left out too.
  const Weighed& weighed() const { return weighed_; }
  // An object has begun and is not over.
  bool is_inside() const { return state_ != State::between && state_ != State::lost; }

 private:
  enum class State : std::uint8_t {
    between,    // objects
    lost,       // what came is not JSON
    first_key,  // of an object, or its end
    next_key,   // after a comma
    key,        // within its quotes
    colon,
    first_item,  // of a list, or its end
    value,
    string,     // the value is one of these three, kept or not
    container,  // with all that is in it
    scalar,
    after_value,
  };
  struct Level {
    bool object = true;
    const JsonPaths::Node* node = nullptr;
  };

  // Moves bytes from the front of `bytes`; true if an object is complete.
  bool take(std::string_view& bytes);
  // One byte of structure, which may not be used up: then false.
  bool step(char byte);
  // Moves the bytes of a member's name, up to its quote.
  std::size_t pass_key(std::string_view bytes);
  void keep_of_key(std::string_view text);
  bool begin_value(char byte);
  void end_container();
  // Moves the bytes of a value that is kept whole or not at all.
  std::size_t pass(std::string_view bytes);
  std::size_t pass_scalar(std::string_view bytes, bool& over);
  std::size_t pass_text(std::string_view bytes, bool& over);
  // Whether so many bytes may be kept as well; else the object is left out.
  bool keeps(std::size_t more);
  void keep(std::string_view text);
  void keep_name();

  const JsonPaths& paths_;
  std::size_t limit_;
  State state_ = State::between;
  std::vector<Level> levels_;
  const JsonPaths::Node* next_ = nullptr;  // what the paths say of the value that comes
  std::string key_;                        // as it is written, without its quotes
  std::string kept_;
  std::uint64_t depth_ = 0;  // of a container that is passed
  Weighed weighed_;
  bool keeping_ = false;
  bool weighing_ = false;
  bool named_ = false;       // what is weighed, by a path
  bool has_weight_ = false;  // this object
  bool in_string_ = false;
  bool escaped_ = false;
  bool dropping_ = false;    // this object: too much of it is to be kept
  bool overflowed_ = false;  // so was one
  bool complete_ = false;
};

}  // namespace meter
