#pragma once
// What every change of the catalog is checked by.

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/snapshot.h"

namespace catalog {

// A name that ends up in logs, pages and terminals: UTF-8 without control characters, of so many characters up to 200.
// invalid_request names the field.
base::Status check_text(std::string_view text, std::size_t characters_min, std::string_view field);

// Conflict where the account is deleted.
base::Status check_not_deleted(const Account& account, std::string_view field = {});
// invalid_request where there is none, and the same conflict.
base::Status check_account(const Snapshot& snapshot, base::AccountId account, std::string_view field);

inline std::unexpected<base::Error> not_found(std::string_view what, const std::string& id) {
  return base::fail(base::ErrorType::not_found, fmt::format("there is no {} {}", what, id), {}, base::Source::client);
}

}  // namespace catalog
