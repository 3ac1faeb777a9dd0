#pragma once
// Prices of the operator's own (`prices.overrides`): what he pays under a contract, or a model that the book does not
// have.
//
//   models:
//     gpt-4o: { inputPer1k: 0.0025, outputPer1k: 0.01, cachedInputPer1k: 0.00125, maxOutputTokens: 16384 }
//     own: { inputPer1k: 1, outputPer1k: 2, maxOutputTokens: 9, effective: [{ from: 2026-12-01, inputPer1k: 2, … }] }

#include <string_view>

#include "app/config.h"
#include "app/yaml_reader.h"

namespace app {

// An entry replaces all that the book has of its model, with any provider: tiers of service, audio and long contexts
// too. Prices are exact
// decimals, in USD per 1,000 tokens; without cachedInputPer1k, cached input costs what input costs. What is wrong
// becomes findings of `source`.
PriceOverrides read_price_overrides(std::string_view text, YamlSource& source);

}  // namespace app
