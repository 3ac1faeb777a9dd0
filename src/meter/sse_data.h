#pragma once
// The data of server-sent events for a reader that keeps nothing: an event may be as long as it likes. What relays a
// stream needs its raw bytes as well, and uses StreamSplitter.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace meter {

// Always true: the data that come out do not depend on where the pieces were cut, and no byte is held back.
class SseData {
 public:
  // Calls on_data(std::string_view) for pieces of an event's data, its lines parted by '\n', and on_end() behind them.
  // Lines end in LF, CRLF or CR.
  template <class OnData, class OnEnd>
  void feed(std::string_view bytes, OnData&& on_data, OnEnd&& on_end) {
    while (!bytes.empty()) {
      const std::string_view data = take(bytes);
      if (!data.empty()) on_data(data);
      if (over_) on_end();
    }
  }

 private:
  enum class State : std::uint8_t { name, space, data, other };

  // Moves bytes from the front; what they hold of the data. over_ if they end an event.
  std::string_view take(std::string_view& bytes);
  void end_line();

  State state_ = State::name;
  std::size_t name_bytes_ = 0;  // of the name so far, while it may be "data"
  bool line_empty_ = true;
  bool after_return_ = false;
  bool has_data_ = false;  // the event has a data line
  bool over_ = false;
};

}  // namespace meter
