#include "app/metrics_text.h"

namespace app {

void MetricsText::begin(std::string_view name, Kind kind, std::string_view help) {
  static constexpr std::string_view kinds[] = {"counter", "gauge", "summary"};
  name_ = name;
  text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, kinds[static_cast<std::size_t>(kind)]);
}

std::string labels(std::initializer_list<MetricLabel> all) {
  std::string out = "{";
  for (const MetricLabel& label : all) {
    out.append(out.size() == 1 ? "" : ",").append(label.name).append("=\"");
    for (const char c : label.value) {
      if (c == '\n') {
        out += "\\n";
        continue;
      }
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + '}';
}

std::string seconds_text(std::int64_t ns) {
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  return fmt::format("{}.{:09}", ns / ns_per_s, ns % ns_per_s);
}

}  // namespace app
