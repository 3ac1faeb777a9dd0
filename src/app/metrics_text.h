#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace app {

// Metrics as they are written, in the Prometheus text format: the samples of a metric follow its head.
class MetricsText {
 public:
  enum class Kind : std::uint8_t { counter, gauge, summary };

  void begin(std::string_view name, Kind kind, std::string_view help);
  // Of the metric that was begun last. `labels` as labels() makes them; `suffix`: "_sum" and "_count" of a summary.
  template <class Value>
  void sample(const Value& value, std::string_view labels = {}, std::string_view suffix = {}) {
    text_ += fmt::format("{}{}{} {}\n", name_, suffix, labels, value);
  }
  template <class Value>
  void gauge(std::string_view name, std::string_view help, const Value& value) {
    begin(name, Kind::gauge, help);
    sample(value);
  }
  std::string take() { return std::exchange(text_, {}); }

 private:
  std::string name_;
  std::string text_;
};

struct MetricLabel {
  std::string_view name;
  std::string_view value;
};
// {name="value",…}, whatever characters the values have.
std::string labels(std::initializer_list<MetricLabel> all);
// In seconds, to the nanosecond; 0 or more.
std::string seconds_text(std::int64_t ns);

}  // namespace app
