#pragma once
// What a call may cost at most, which limits it meets, and how far it may be shortened: pure functions, for the calls
// themselves (exchange.cpp) and for those who ask beforehand (explain.cpp).

#include <cstdint>
#include <optional>
#include <string_view>

#include "catalog/snapshot.h"
#include "gateway/settings.h"
#include "meter/request.h"
#include "quota/balance.h"
#include "quota/decision.h"

namespace gateway {

// The book that prices the calls of a key. unavailable: its account names one that the configuration does not have.
base::Result<const meter::PriceBook*> book_of(const Settings& settings, const catalog::KeyEntry& entry);

// The row of the price book for a request to this upstream that starts at that moment. unknown_price, with the field,
// where its cost could not be bounded by one.
base::Result<const meter::PricedModel*> price_of(const Settings& settings, const meter::PriceBook& book,
                                                 const catalog::Upstream& upstream, const meter::Request& request,
                                                 base::WallTime start);

// The JSON text of a model's name, to put into a body.
std::string json_text(std::string_view model);
// A call is refused whose route replaces the model that it asks for, where that cannot be put into it.
base::Error cannot_rename(std::string_view asked, std::string_view instead, std::string_view why);
inline constexpr std::string_view address_names_model = "the address names the model";

// Tokens of one choice.
inline std::int64_t output_cap_of(const meter::Request& request, const meter::PricedModel& price) {
  return request.output_cap.value_or(price.max_output_tokens);
}

// Larger bodies are bounded by their bytes alone: to count them would hold up the other calls of the worker.
inline constexpr std::size_t counted_bytes_max = 512UL << 10;
// Whether a call that was refused so may be admitted, or shortened less, with a closer bound of its input.
bool input_matters(const quota::Refusal& refusal);

// `balance`: what pays for a prepaid account. unknown_price: something that the request may use has no price in the
// row; with another output cap it is the same.
base::Result<quota::Amounts> worst_case(const meter::Request& request, const meter::PricedModel& price,
                                        std::int64_t output_cap, const catalog::Route& route,
                                        const catalog::Balance* balance);

// The same of a call without a dialect, which may cost `most`.
quota::Amounts call_amounts(base::Money most, const catalog::CallRule& call, const catalog::Route& route,
                            const catalog::Balance* balance);

// What the lines of a batch may use together. Each is a request, and takes of named units what a call does.
struct BatchSum {
  base::Money usd = {};
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t lines = 0;

  // invalid_request: it is more than any batch may have.
  base::Status add(const quota::Amounts& line);
};
quota::Amounts batch_amounts(const BatchSum& sum, std::string_view model, const catalog::Route& route,
                             const catalog::Balance* balance);

// A limit on a named unit that the call takes nothing of does not count it.
bool applies(const catalog::Limit& limit, std::string_view model, const catalog::Route& route, std::string_view tags);

// The largest output cap that every limit in the way can pay for, if they all allow it and it is worth a call: at least
// `least` tokens, and fewer than `output_cap`.
std::optional<std::int64_t> affordable_cap(const meter::Request& request, const meter::PricedModel& price,
                                           std::int64_t output_cap, const quota::Refusal& refusal, std::int64_t least);
// The same of one limit.
std::optional<std::int64_t> affordable_cap(const meter::Request& request, const meter::PricedModel& price,
                                           const quota::Shortage& shortage);

}  // namespace gateway
