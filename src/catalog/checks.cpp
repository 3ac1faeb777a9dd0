#include "catalog/checks.h"

#include <cstdint>
#include <optional>

namespace catalog {
namespace {

constexpr std::size_t characters_max = 200;

// The number of characters in a text of valid UTF-8 without control characters; nullopt for any other text. Names end
// up in logs, pages and terminals, where a control character or a broken sequence does harm.
std::optional<std::size_t> count_characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x20 || lead == 0x7F || (lead >= 0x80 && lead < 0xC2) || lead > 0xF4) return std::nullopt;
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (at + length > text.size()) return std::nullopt;
    std::uint32_t code_point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xC0) != 0x80) return std::nullopt;
      code_point = code_point << 6 | (next & 0x3F);
    }
    const bool overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    const bool second_controls = code_point >= 0x80 && code_point < 0xA0;
    if (overlong || surrogate || second_controls || code_point > 0x10FFFF) return std::nullopt;
    at += length;
  }
  return count;
}

}  // namespace

base::Status check_not_deleted(const Account& account, std::string_view field) {
  if (account.status != AccountStatus::deleted) return {};
  return base::fail(base::ErrorType::conflict,
                    fmt::format("the account '{}' ({}) is deleted", account.name, account.id.to_string()),
                    std::string(field), base::Source::client);
}

base::Status check_account(const Snapshot& snapshot, base::AccountId account, std::string_view field) {
  if (const Account* const known = snapshot.find_account(account)) return check_not_deleted(*known, field);
  return base::invalid(fmt::format("there is no account {}", account.to_string()), std::string(field));
}

base::Status check_text(std::string_view text, std::size_t characters_min, std::string_view field) {
  const auto characters = count_characters(text);
  if (!characters)
    return base::invalid(fmt::format("{} holds a control character or is not UTF-8", field), std::string(field));
  if (*characters < characters_min || *characters > characters_max)
    return base::invalid(
        fmt::format("{} has {} characters; it takes {} to {}", field, *characters, characters_min, characters_max),
        std::string(field));
  return {};
}

}  // namespace catalog
