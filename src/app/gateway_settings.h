#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "catalog/snapshot.h"
#include "gateway/settings.h"

namespace app {

// Reads the files of a book. The version of one with a name is "NAME@version"; with overrides, it ends with theirs.
base::Result<std::shared_ptr<const meter::PriceBook>> read_book(const BookSettings& settings);

std::vector<std::string> names_of(const std::vector<BookSettings>& books);

// The error names an account whose book the configuration does not have: its calls would be refused.
base::Status check_books(const catalog::Snapshot& snapshot, const std::vector<BookSettings>& books);

// What of the configuration the data plane works by. Reads the price files.
base::Result<gateway::Settings> gateway_settings(const Config& config);

}  // namespace app
