#include "meter/model_name.h"

#include <algorithm>
#include <array>

namespace meter {
namespace {

bool all_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "0613": a month and a day.
bool is_month_and_day(std::string_view text) {
  if (text.size() != 4 || !all_digits(text)) return false;
  const int month = (text[0] - '0') * 10 + (text[1] - '0');
  const int day = (text[2] - '0') * 10 + (text[3] - '0');
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

// "20240806" or "2024-08-06".
bool is_date(std::string_view text) {
  if (text.size() == 8) return text.starts_with("20") && all_digits(text) && is_month_and_day(text.substr(4));
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const std::array<char, 4> month_and_day{text[5], text[6], text[8], text[9]};
  return text.starts_with("20") && all_digits(text.substr(0, 4)) &&
         is_month_and_day({month_and_day.data(), month_and_day.size()});
}

}  // namespace

std::string_view without_date(std::string_view model) noexcept {
  for (const std::size_t length : {std::size_t{10}, std::size_t{8}, std::size_t{4}}) {
    if (model.size() <= length + 1) continue;
    const std::string_view tail = model.substr(model.size() - length);
    const char mark = model[model.size() - length - 1];
    if ((mark == '-' && (is_date(tail) || is_month_and_day(tail))) || (mark == '@' && is_date(tail)))
      return model.substr(0, model.size() - length - 1);
  }
  return model;
}

bool always_searches(std::string_view model) noexcept { return model.find("-search-") != std::string_view::npos; }

}  // namespace meter
