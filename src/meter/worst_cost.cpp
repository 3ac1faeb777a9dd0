#include "meter/worst_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/container/static_vector.hpp>
#include <initializer_list>

#include "base/assert.h"
#include "meter/exact_sum.h"
#include "meter/image_size.h"
#include "meter/prices_in_effect.h"

namespace meter {
namespace {

using base::FinePrice;
using base::Money;
using base::Result;
using base::Status;

// Above what any request may use; products with it stay within 128 bits, as in bill().
constexpr std::int64_t largest_count = 1'000'000'000'000'000;
// Some rows name a smaller context than the size above which they have prices: these models have a larger one as a
// beta.
constexpr std::int64_t beta_context_tokens = 1'000'000;

std::unexpected<base::Error> unpriced(const PricedModel& model, std::string_view what) {
  return base::fail(base::ErrorType::unknown_price,
                    fmt::format("'{}' has no price for {}, so the cost cannot be bounded", model.name, what),
                    std::string(what), base::Source::client);
}

std::int64_t product(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  return __builtin_mul_overflow(a, b, &out) ? largest_count : std::min(out, largest_count);
}

void raise(std::optional<FinePrice>& price, const std::optional<FinePrice>& other) {
  if (other && (!price || *other > *price)) price = other;
}

// The dearest price of one name in every way that a call may be served and for every size that it may have.
class DearestPrices {
 public:
  DearestPrices(const PricedModel& model, const Request& request, std::int64_t input) {
    add(model, request, std::min<std::int64_t>(input, 1));
    for (const std::int64_t threshold : model.thresholds())
      if (threshold <= input) add(model, request, threshold + 1);
    for (const PriceTier& tier : model.tiers)
      if (tier.above < input) add(model, request, tier.above + 1);
  }

  // Above zero, or nothing.
  std::optional<FinePrice> find(PriceName name) const {
    std::optional<FinePrice> dearest;
    for (const PricesInEffect& way : ways_)
      if (const auto found = way.find(name); found && !found->price.is_zero()) raise(dearest, found->price);
    return dearest;
  }
  std::optional<FinePrice> find_any(std::initializer_list<PriceName> names) const {
    std::optional<FinePrice> dearest;
    for (const PriceName name : names) raise(dearest, find(name));
    return dearest;
  }

 private:
  void add(const PricedModel& model, const Request& request, std::int64_t size) {
    Service service;
    service.tier = request.tier;
    service.delivery = request.delivery;
    ways_.emplace_back(model, size, service);
    if (request.tier != ServiceTier::priority) return;
    service.tier = ServiceTier::standard;  // a call may be served below what it asked for
    ways_.emplace_back(model, size, service);
  }

  boost::container::small_vector<PricesInEffect, 4> ways_;
};

Factors factors_of(const PricedModel& model, const Request& request) {
  Factors factors;
  const auto apply = [&](std::string_view name) {
    if (const auto found = model.factor(name); found && found->thousandths > Factor::one) factors.push_back(*found);
  };
  // Where a request does not say, the provider's console may have said "us".
  if (request.inference_geo != "global") apply("us");
  if (!request.speed.empty()) apply(request.speed);
  return factors;
}

// The worst case of one request, as a function of its output.
class WorstCase {
 public:
  static Result<WorstCase> of(const PricedModel& model, const Request& request) {
    WorstCase out;
    if (request.billing == Billing::free) return out;
    if (!model.has_a_price()) {
      const bool is_zero = model.prices.contains(PriceName::input_cost_per_token);
      if (request.billing == Billing::zero_price_counts && is_zero) return out;
      return unpriced(model, "this call");
    }
    TRY(out.input_, most_input(model, request));
    out.passes_ = std::max<std::int64_t>(request.context_passes, 1);
    const DearestPrices prices(model, request, out.input_);
    TRY_STATUS(check_service(model, request));
    out.factors_ = factors_of(model, request);
    out.price_tokens(request, prices);
    TRY_STATUS(out.add_other_units(model, request, prices));
    TRY_STATUS(out.add_searches(model, request, prices));
    if (out.other_unit_) return out;
    const auto is_zero = [&model](PriceName name) { return model.zeros_count && model.prices.contains(name); };
    if (!out.input_price_ && out.input_ > 0 && !is_zero(PriceName::input_cost_per_token))
      return unpriced(model, "input_tokens");
    if (!out.output_price_ && request.output_cap != 0 && !is_zero(PriceName::output_cost_per_token))
      return unpriced(model, "output_tokens");
    return out;
  }

  Money cost(std::int64_t output) const {
    // By tokens or by another unit, and beside either what is billed in any case.
    ExactSum tokens(factors_);
    ExactSum others(factors_);
    if (input_price_) tokens.add({.quantity = input_, .price = *input_price_}, Multiplied::yes);
    if (output_price_) tokens.add({.quantity = product(output, passes_), .price = *output_price_}, Multiplied::yes);
    for (const Product& line : other_lines_) others.add(line, Multiplied::no);
    for (const Product& line : lines_beside_) {
      tokens.add(line, Multiplied::no);
      others.add(line, Multiplied::no);
    }
    return std::max(tokens.ceil(), others.ceil());
  }

 private:
  static Status check_service(const PricedModel& model, const Request& request) {
    const auto has = [&model](PriceKey key) { return model.prices.contains(key); };
    if (request.tier == ServiceTier::priority && !has({PriceName::input_cost_per_token, 0, PriceFor::priority}))
      return unpriced(model, "this service tier");
    if (!request.speed.empty() && !model.factor(request.speed)) return unpriced(model, "this speed");
    // Audio that costs what text does has no price of its own; a model without one for either is not known to take any.
    if (request.audio && request.audio_seconds == 0 && request.context_passes == 0 &&
        !has(PriceName::input_cost_per_audio_token) && !has(PriceName::output_cost_per_audio_token))
      return unpriced(model, "audio");
    return {};
  }

  void price_tokens(const Request& request, const DearestPrices& prices) {
    input_price_ = prices.find(PriceName::input_cost_per_token);
    if (input_price_) {
      raise(input_price_,
            prices.find_any({PriceName::cache_read_input_token_cost, PriceName::input_cost_per_token_cache_hit}));
      if (request.cache_writes != CacheWrites::none)
        raise(input_price_, prices.find(PriceName::cache_creation_input_token_cost));
      if (request.cache_writes == CacheWrites::hour)
        raise(input_price_, prices.find(PriceName::cache_creation_input_token_cost_above_1hr));
    }
    if (request.audio)
      raise(input_price_,
            prices.find_any({PriceName::input_cost_per_audio_token, PriceName::cache_read_input_audio_token_cost}));
    if (request.image_input) raise(input_price_, prices.find(PriceName::input_cost_per_image_token));
    output_price_ = prices.find_any({PriceName::output_cost_per_token, PriceName::output_cost_per_reasoning_token,
                                     PriceName::output_cost_per_image_token, PriceName::output_cost_per_video_token});
    if (request.audio) raise(output_price_, prices.find(PriceName::output_cost_per_audio_token));
  }

  // What may be billed in place of tokens.
  Status add_other_units(const PricedModel& model, const Request& request, const DearestPrices& prices) {
    struct Unit {
      std::int64_t count;
      std::initializer_list<PriceName> prices;
    };
    for (const Unit& unit : {Unit{request.characters, {PriceName::input_cost_per_character}},
                             Unit{request.audio_seconds,
                                  {PriceName::output_cost_per_second, PriceName::input_cost_per_second,
                                   PriceName::input_cost_per_audio_per_second}},
                             Unit{request.images, {PriceName::output_cost_per_image, PriceName::input_cost_per_image}},
                             Unit{request.search_units, {PriceName::input_cost_per_query}}}) {
      if (unit.count == 0) continue;
      if (const auto price = prices.find_any(unit.prices)) add_unit({.quantity = unit.count, .price = *price});
    }
    if (const auto pixel = prices.find_any({PriceName::input_cost_per_pixel, PriceName::output_cost_per_pixel});
        pixel && request.images > 0) {
      const ImageSize size = request.width > 0 ? ImageSize{request.width, request.height} : size_in_name(model.name);
      if (size.width == 0) return unpriced(model, "images without a size");
      add_unit({.quantity = product(size.width * size.height, request.images), .price = *pixel});
    }
    // Speech is long, and how long is not said: tokens cannot bound it. What is made of words, by the second or by the
    // image can be bounded by the tokens as well.
    if (request.characters > 0 && !other_unit_) return unpriced(model, "characters");
    if (request.images > 0 && !other_unit_ &&
        !prices.find_any({PriceName::output_cost_per_image_token, PriceName::output_cost_per_token}))
      return unpriced(model, "images");
    if ((request.audio_seconds > 0 || request.search_units > 0) && !other_unit_ && !input_price_)
      return unpriced(model, request.search_units > 0 ? "search_units" : "audio_seconds");
    return {};
  }
  void add_unit(const Product& line) {
    other_lines_.push_back(line);
    other_unit_ = true;
  }

  Status add_searches(const PricedModel& model, const Request& request, const DearestPrices& prices) {
    if (const auto price = prices.find(PriceName::input_cost_per_request))
      lines_beside_.push_back({.quantity = passes_, .price = *price});
    if (request.web_searches == 0) return {};
    std::optional<FinePrice> price;
    for (const PriceName size : {PriceName::search_context_size_low, PriceName::search_context_size_medium,
                                 PriceName::search_context_size_high})
      if (const auto* const found = model.prices.find(size)) raise(price, *found);
    if (!price) price = prices.find(PriceName::input_cost_per_query);
    if (!price) return unpriced(model, "web_search_calls");
    lines_beside_.push_back({.quantity = request.web_searches, .price = *price});
    return {};
  }

  std::int64_t input_ = 0;
  std::int64_t passes_ = 1;
  std::optional<FinePrice> input_price_;
  std::optional<FinePrice> output_price_;
  Factors factors_;
  bool other_unit_ = false;
  boost::container::static_vector<Product, 6> other_lines_;
  boost::container::static_vector<Product, 2> lines_beside_;
};

}  // namespace

Service service_of(const Request& request) {
  Service service;
  service.tier = request.tier;
  service.delivery = request.delivery;
  service.inference_geo = request.inference_geo;
  service.speed = request.speed;
  service.quality = request.quality;
  service.width = request.width;
  service.height = request.height;
  return service;
}

Result<std::int64_t> most_input(const PricedModel& model, const Request& request) {
  if (request.context_passes == 0) return request.input_bound;
  std::int64_t context = model.max_input_tokens;
  if (context == 0) return unpriced(model, "a context of unknown size");
  if (const auto thresholds = model.thresholds(); !thresholds.empty() && thresholds.back() >= context)
    context = beta_context_tokens;
  return product(context, request.context_passes);
}

Result<std::int64_t> most_output(const PricedModel& model, const Request& request) {
  const std::int64_t cap = request.output_cap.value_or(model.max_output_tokens);
  if (cap == 0 && request.output_cap != 0) {
    // Speech that is billed by its seconds is not billed by the words that become of it.
    if (request.audio_seconds > 0 && !model.prices.contains(PriceName::output_cost_per_token)) return 0;
    return unpriced(model, "an answer of unknown length");
  }
  return product(cap, request.choices);
}

std::int64_t output_of_all_passes(const Request& request, std::int64_t output) {
  return product(output, std::max<std::int64_t>(request.context_passes, 1));
}

Result<Money> worst_cost(const PricedModel& model, const Request& request, std::int64_t output) {
  ASSERT(output >= 0);
  TRY(const WorstCase worst, WorstCase::of(model, request));
  return worst.cost(output);
}

Result<std::int64_t> affordable_output(const PricedModel& model, const Request& request, Money money) {
  TRY(const WorstCase worst, WorstCase::of(model, request));
  if (money.is_negative() || worst.cost(0) > money) return -1;
  // The cost never falls where the output grows.
  std::int64_t affordable = 0;
  std::int64_t too_dear = largest_count;
  if (worst.cost(too_dear) <= money) return too_dear;
  while (too_dear - affordable > 1) {
    const std::int64_t middle = affordable + (too_dear - affordable) / 2;
    (worst.cost(middle) <= money ? affordable : too_dear) = middle;
  }
  return affordable;
}

}  // namespace meter
