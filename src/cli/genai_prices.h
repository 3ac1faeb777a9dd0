#pragma once
// pydantic's genai-prices (data.json: a list of providers with their models), taken over as a price book.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cli {

struct ImportedPrices {
  std::string book;               // as `prices.file` takes it
  std::vector<std::string> left;  // what could not be carried over: what it is of, and why
};

bool is_genai_prices(std::string_view text);

// Reads version 1 and 2 of its format. A row is "provider/model", by our book's name of the provider, for a model's id
// and for the names that its match clauses say exactly or as a beginning; what else they match is in `left`. A model
// whose prices cannot be carried over whole by date and by size has no row, and so is refused. The version is
// "genai-prices:" and 12 digits of the text's digest. The error names the provider.
base::Result<ImportedPrices> import_genai_prices(std::string_view text);

}  // namespace cli
