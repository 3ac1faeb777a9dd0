#include "catalog/threshold.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace catalog {
namespace {

std::unexpected<base::Error> wrong(std::string message) { return base::invalid(std::move(message), "thresholds"); }

base::Result<Threshold> parse_threshold(std::string_view text) {
  const std::size_t colon = text.find(':');
  Threshold threshold;
  const std::string_view number = text.substr(0, colon);
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), threshold.percent);
  if (colon == std::string_view::npos || problem != std::errc{} || end != number.data() + number.size())
    return wrong(
        fmt::format("'{}' is not a threshold; write a percentage and an action, such as \"80:warn\" or "
                    "\"100:block\"",
                    text.substr(0, 64)));
  TRY(threshold.action, threshold_action_from(text.substr(colon + 1)));
  return threshold;
}

}  // namespace

std::string_view to_string(ThresholdAction action) noexcept {
  return action == ThresholdAction::block ? "block" : "warn";
}

base::Result<ThresholdAction> threshold_action_from(std::string_view text) {
  for (const auto action : {ThresholdAction::warn, ThresholdAction::block})
    if (text == to_string(action)) return action;
  if (text == "downgrade")
    return base::invalid("the action 'downgrade' is not available yet; there are 'warn' and 'block'", "action");
  return base::invalid(fmt::format("'{}' is not an action; there are 'warn' and 'block'", text.substr(0, 64)),
                       "action");
}

base::Status check_thresholds(Thresholds& thresholds) {
  if (thresholds.size() > thresholds_max)
    return wrong(fmt::format("there are {} thresholds; a limit takes at most {}", thresholds.size(), thresholds_max));
  std::ranges::sort(thresholds, {}, &Threshold::percent);
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    const int percent = thresholds[i].percent;
    if (percent < 1 || percent > threshold_percent_max)
      return wrong(fmt::format("a threshold is at {}%; it takes 1 to {}", percent, threshold_percent_max));
    if (i > 0 && thresholds[i - 1].percent == percent)
      return wrong(fmt::format("there are two thresholds at {}%; keep one", percent));
  }
  return {};
}

std::string to_string(const Thresholds& thresholds) {
  std::string text;
  for (const Threshold& threshold : thresholds)
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", threshold.percent, to_string(threshold.action));
  return text;
}

base::Result<Thresholds> parse_thresholds(std::string_view text) {
  Thresholds thresholds;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    TRY(const Threshold threshold, parse_threshold(part));
    thresholds.push_back(threshold);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  TRY_STATUS(check_thresholds(thresholds));
  return thresholds;
}

std::int64_t level_of(const Threshold& threshold, std::int64_t amount) {
  const __int128 level = (static_cast<__int128>(amount) * threshold.percent + 99) / 100;
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  return level > most ? most : std::max<std::int64_t>(static_cast<std::int64_t>(level), 1);
}

}  // namespace catalog
