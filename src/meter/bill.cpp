#include "meter/bill.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "meter/exact_sum.h"
#include "meter/image_size.h"
#include "meter/prices_in_effect.h"

namespace meter {
namespace {

using base::Result;
using base::Status;

// Far above what an exchange can use, and products of it with any price stay within 128 bits.
constexpr std::int64_t largest_quantity = 1'000'000'000'000;
// What Google bills for a grounding search, where the book has no price for it (metering.md 2.2, rule 11).
constexpr auto google_search_price = base::FinePrice::from(base::Price::from_attos(35'000'000'000'000'000));

std::int64_t count_of(const std::optional<std::int64_t>& count) { return count.value_or(0); }

base::Error unpriced(const PricedModel& model, std::string_view what) {
  return {.type = base::ErrorType::unknown_price,
          .source = base::Source::client,
          .message = fmt::format("'{}' has no price for {}: no price is not a price of zero; add one to the price book",
                                 model.name, what),
          .field = std::string(what)};
}

bool is_google(const PricedModel& model) {
  return model.provider == "gemini" || model.provider.starts_with("vertex_ai");
}
bool is_openai(const PricedModel& model) { return model.provider == "openai" || model.provider == "azure"; }

// Writes the lines of one exchange.
class Biller {
 public:
  Biller(const PricedModel& model, const Quantities& quantities, const Service& service, BillLines& lines)
      : model_(model),
        quantities_(quantities),
        usage_(quantities.usage),
        service_(service),
        prices_(model, count_of(quantities.usage.input_tokens), service),
        lines_(lines) {}

  Status write() {
    TRY(const bool by_other_units, other_units());
    if (!by_other_units) TRY_STATUS(tokens());
    return tools();
  }

 private:
  enum class Of : std::uint8_t { tokens, other };

  void add(std::string_view what, std::int64_t quantity, const ChosenPrice& price, Of of, std::int64_t parts = 1) {
    if (quantity == 0) return;
    lines_.push_back({.what = what,
                      .quantity = quantity,
                      .parts = parts,
                      .key = price.key,
                      .tier = price.tier,
                      .price = price.price,
                      .halves = price.halves,
                      .multiplied = of == Of::tokens});
  }
  // A price above zero under the first of the names that has one.
  std::optional<ChosenPrice> priced(std::initializer_list<PriceName> names) const {
    auto found = prices_.first_of(names);
    return found && !found->price.is_zero() ? found : std::nullopt;
  }
  bool has_tokens() const { return count_of(usage_.input_tokens) > 0 || count_of(usage_.output_tokens) > 0; }
  bool prices_tokens() const {
    return priced({PriceName::input_cost_per_token, PriceName::output_cost_per_token,
                   PriceName::input_cost_per_audio_token, PriceName::output_cost_per_audio_token,
                   PriceName::input_cost_per_image_token, PriceName::output_cost_per_image_token,
                   PriceName::output_cost_per_video_token})
        .has_value();
  }

  Result<bool> other_units();
  Result<bool> characters();
  Result<bool> seconds();
  std::optional<ChosenPrice> of_resolution() const;
  Result<bool> images();
  Result<bool> pages();
  Result<bool> searches();
  Status tokens();
  Status input_tokens();
  Status output_tokens();
  void cached_tokens(std::int64_t cached, std::int64_t cached_audio, const ChosenPrice& input, bool believable);
  void written_tokens(std::int64_t written, std::int64_t for_an_hour, const ChosenPrice& input);
  Status tools();
  Status web_searches();

  const PricedModel& model_;
  const Quantities& quantities_;
  const Usage& usage_;
  const Service& service_;
  PricesInEffect prices_;
  BillLines& lines_;
};

// What is billed by another unit than the token, and then by that unit only. A reply that names tokens of a model with
// prices for tokens is billed by these; but speech is billed by characters, and documents by pages, wherever they can
// be.
Result<bool> Biller::other_units() {
  bool billed = false;
  for (const auto part : {&Biller::characters, &Biller::pages}) {
    TRY(const bool by_it, (this->*part)());
    billed = billed || by_it;
  }
  if (billed || (has_tokens() && prices_tokens())) return billed;
  for (const auto part : {&Biller::seconds, &Biller::images, &Biller::searches}) {
    TRY(const bool by_it, (this->*part)());
    billed = billed || by_it;
  }
  return billed;
}

Result<bool> Biller::characters() {
  const std::int64_t characters = count_of(usage_.characters);
  if (characters == 0) return false;
  const auto price = priced({PriceName::input_cost_per_character});
  if (!price && !has_tokens()) return base::fail(unpriced(model_, "characters"));
  if (price) add("characters", characters, *price, Of::other);
  return price.has_value();
}

Result<bool> Biller::seconds() {
  std::int64_t audio =
      quantities_.audio_micros.value_or(count_of(usage_.audio_seconds) * Quantities::micros_per_second);
  std::int64_t video = count_of(quantities_.video_micros);
  // Of a model that makes videos, seconds without a word more are seconds of video.
  if (model_.mode == "video_generation" && video == 0) std::swap(audio, video);
  if (audio > 0) {
    // Some rows have the price in both fields; it is one price.
    const auto price = priced({PriceName::output_cost_per_second, PriceName::input_cost_per_second,
                               PriceName::input_cost_per_audio_per_second});
    if (!price) return base::fail(unpriced(model_, "audio_seconds"));
    add("seconds", audio, *price, Of::other, Quantities::micros_per_second);
  }
  if (video > 0) {
    auto price = of_resolution();
    if (!price)
      price = priced({PriceName::output_cost_per_video_per_second, PriceName::output_cost_per_second,
                      PriceName::input_cost_per_video_per_second});
    if (!price) return base::fail(unpriced(model_, "video_seconds"));
    add("video seconds", video, *price, Of::other, Quantities::micros_per_second);
  }
  return audio > 0 || video > 0;
}

Result<bool> Biller::images() {
  const std::int64_t images = count_of(usage_.images);
  if (images == 0) return false;
  if (const auto price = priced({PriceName::output_cost_per_image, PriceName::input_cost_per_image})) {
    add("images", images, *price, Of::other);
    return true;
  }
  const auto price = priced({PriceName::input_cost_per_pixel, PriceName::output_cost_per_pixel});
  if (!price) return base::fail(unpriced(model_, "images"));
  const auto size = service_.width > 0 ? ImageSize{service_.width, service_.height} : size_in_name(model_.name);
  if (size.width == 0)
    return base::invalid(fmt::format("'{}' is billed by the pixel: give 'size', such as 1024x1024", model_.name),
                         "size");
  const std::int64_t pixels = size.width * size.height;
  if (pixels > largest_quantity / images)
    return base::invalid(fmt::format("'images' of {}x{} pixels are too many", size.width, size.height), "images");
  add("pixels", pixels * images, *price, Of::other);
  return true;
}

Result<bool> Biller::pages() {
  const std::int64_t pages = count_of(usage_.pages);
  const std::int64_t annotated = count_of(quantities_.annotated_pages);
  const std::int64_t credits = count_of(quantities_.ocr_credits);
  if (pages + annotated + credits == 0) return false;
  const auto page_price = priced({PriceName::ocr_cost_per_page});
  if (pages > 0 && !page_price && !has_tokens() && credits == 0) return base::fail(unpriced(model_, "pages"));
  if (page_price) add("pages", pages, *page_price, Of::other);
  if (annotated > 0) {
    const auto price = priced({PriceName::annotation_cost_per_page});
    if (!price) return base::fail(unpriced(model_, "annotated_pages"));
    add("annotated pages", annotated, *price, Of::other);
  }
  if (credits > 0) {
    const auto price = priced({PriceName::ocr_cost_per_credit});
    if (!price) return base::fail(unpriced(model_, "ocr_credits"));
    add("credits", credits, *price, Of::other);
  }
  return (pages > 0 && page_price.has_value()) || annotated > 0 || credits > 0;
}

// The price above zero that videos of the resolution have for themselves.
std::optional<ChosenPrice> Biller::of_resolution() const {
  const PriceFor resolution = resolution_from(service_.resolution);
  if (resolution == PriceFor::ordinary) return std::nullopt;
  for (const PriceName name : {PriceName::output_cost_per_video_per_second, PriceName::output_cost_per_second})
    if (const auto found = prices_.find(name, resolution); found && !found->price.is_zero()) return found;
  return std::nullopt;
}

// Of a rerank or of a search provider, which have one price for both.
Result<bool> Biller::searches() {
  bool billed = false;
  for (const auto& [what, count] :
       {std::pair("search_units", usage_.search_units), std::pair("queries", quantities_.queries)}) {
    if (count_of(count) == 0) continue;
    const auto price = priced({PriceName::input_cost_per_query});
    if (!price) return base::fail(unpriced(model_, what));
    add(what, *count, *price, Of::other);
    billed = true;
  }
  return billed;
}

Status Biller::tokens() {
  if (!has_tokens()) return {};
  TRY_STATUS(input_tokens());
  TRY_STATUS(output_tokens());
  if (const auto price = priced({PriceName::input_cost_per_request})) add("request", 1, *price, Of::other);
  return {};
}

Status Biller::input_tokens() {
  const std::int64_t input = count_of(usage_.input_tokens);
  const std::int64_t cached = count_of(usage_.cached_input_tokens);
  const std::int64_t for_an_hour = count_of(usage_.cache_write_1h_tokens);
  const std::int64_t written =
      std::max(count_of(usage_.cache_write_tokens), count_of(usage_.cache_write_5m_tokens) + for_an_hour);
  const std::int64_t cached_audio = std::min(count_of(usage_.cached_audio_input_tokens), cached);
  std::int64_t audio = std::max<std::int64_t>(count_of(usage_.audio_input_tokens) - cached_audio, 0);
  std::int64_t image = count_of(usage_.image_input_tokens);
  std::int64_t video = count_of(quantities_.video_input_tokens);
  if (input + cached + written + audio + image + video == 0) return {};

  const std::int64_t beside_cache = std::max<std::int64_t>(input - cached - written, 0);
  if (cached + written > 0 && audio + image + video > beside_cache) {
    // What was audio or an image may have come from the cache; then these bill only what the cache left.
    audio = std::min(audio, beside_cache);
    image = std::min(image, beside_cache - audio);
    video = std::min(video, beside_cache - audio - image);
  }
  const auto price = prices_.find(PriceName::input_cost_per_token);
  // Only what was used is looked up: most calls use text alone.
  const auto or_input = [&](std::int64_t used, PriceName name) {
    const auto own = used > 0 ? priced({name}) : std::nullopt;
    return own ? own : price;
  };
  const auto audio_price = or_input(audio, PriceName::input_cost_per_audio_token);
  const auto image_price = or_input(image, PriceName::input_cost_per_image_token);
  const std::int64_t text = std::max<std::int64_t>(beside_cache - audio - image - video, 0);
  if ((!price && text + cached + written + video > 0) || (!audio_price && audio > 0) || (!image_price && image > 0))
    return base::fail(unpriced(model_, "input_tokens"));
  if (price) {
    add("input", text, *price, Of::tokens);
    if (cached > 0) cached_tokens(cached, cached_audio, *price, cached + written <= input);
    if (written > 0) written_tokens(written, for_an_hour, *price);
    add("video input", video, *price, Of::tokens);
  }
  if (audio > 0) add("audio input", audio, *audio_price, Of::tokens);
  if (image > 0) add("image input", image, *image_price, Of::tokens);
  return {};
}

// Parts that are larger than their whole cannot be believed: they lose the discount, so that a contradiction never
// lowers a cost.
void Biller::cached_tokens(std::int64_t cached, std::int64_t cached_audio, const ChosenPrice& input, bool believable) {
  const auto never_free = [&input, believable](std::optional<ChosenPrice> own) {
    return own && (believable || own->price > input.price) ? *own : input;
  };
  const ChosenPrice price =
      never_free(priced({PriceName::cache_read_input_token_cost, PriceName::input_cost_per_token_cache_hit}));
  const auto audio_price = priced({PriceName::cache_read_input_audio_token_cost});
  add("cached input", cached - cached_audio, price, Of::tokens);
  add("cached audio input", cached_audio, audio_price ? never_free(audio_price) : price, Of::tokens);
}

void Biller::written_tokens(std::int64_t written, std::int64_t for_an_hour, const ChosenPrice& input) {
  const ChosenPrice short_price = priced({PriceName::cache_creation_input_token_cost}).value_or(input);
  add("cache write", written - for_an_hour, short_price, Of::tokens);
  add("cache write 1h", for_an_hour,
      priced({PriceName::cache_creation_input_token_cost_above_1hr}).value_or(short_price), Of::tokens);
}

Status Biller::output_tokens() {
  const std::int64_t output = count_of(usage_.output_tokens);
  const std::int64_t audio = count_of(usage_.audio_output_tokens);
  const std::int64_t image = count_of(usage_.image_output_tokens);
  const std::int64_t video = count_of(quantities_.video_output_tokens);
  if (output + audio + image + video == 0) return {};
  const auto price = prices_.first_of({PriceName::output_cost_per_token, PriceName::output_cost_per_image_token});
  const auto or_output = [&](std::int64_t used, PriceName name) {
    const auto own = used > 0 ? priced({name}) : std::nullopt;
    return own ? own : price;
  };
  const auto audio_price = or_output(audio, PriceName::output_cost_per_audio_token);
  const auto image_price = or_output(image, PriceName::output_cost_per_image_token);
  const auto video_price = or_output(video, PriceName::output_cost_per_video_token);

  // A price for reasoning holds where output has its ordinary price, or where it is one for this tier or size, too.
  const bool reasoned = count_of(usage_.reasoning_tokens) > 0;
  const auto own_reasoning = reasoned ? prices_.find(PriceName::output_cost_per_reasoning_token) : std::nullopt;
  const bool apart = own_reasoning && price && (own_reasoning->of_its_own || !price->of_its_own);
  const std::int64_t reasoning = apart ? count_of(usage_.reasoning_tokens) : 0;
  const std::int64_t text = std::max<std::int64_t>(output - audio - image - video - reasoning, 0);
  if ((!price && text > 0) || (!audio_price && audio > 0) || (!image_price && image > 0) || (!video_price && video > 0))
    return base::fail(unpriced(model_, "output_tokens"));
  if (text > 0) add("output", text, *price, Of::tokens);
  if (audio > 0) add("audio output", audio, *audio_price, Of::tokens);
  if (image > 0) add("image output", image, *image_price, Of::tokens);
  if (video > 0) add("video output", video, *video_price, Of::tokens);
  if (reasoning > 0) add("reasoning", reasoning, *own_reasoning, Of::tokens);
  return {};
}

// What is billed beside everything else.
Status Biller::tools() {
  TRY_STATUS(web_searches());
  if (const std::int64_t citations = count_of(usage_.citation_tokens); citations > 0) {
    const auto price = priced({PriceName::citation_cost_per_token});
    if (!price) return base::fail(unpriced(model_, "citation_tokens"));
    add("citations", citations, *price, Of::other);
  }
  // A reply that searched the web is not billed for searching files as well.
  const std::int64_t files = count_of(usage_.web_search_calls) > 0 ? 0 : count_of(usage_.file_search_calls);
  if (files > 0) {
    const auto price = priced({PriceName::file_search_cost_per_1k_calls});
    if (!price) return base::fail(unpriced(model_, "file_search_calls"));
    add("file search", files, *price, Of::other, 1000);
  }
  if (const std::int64_t sessions = count_of(usage_.code_interpreter_calls); sessions > 0) {
    const auto price = priced({PriceName::code_interpreter_cost_per_session});
    if (!price) return base::fail(unpriced(model_, "code_interpreter_calls"));
    add("code interpreter", sessions, *price, Of::other);
  }
  return {};
}

Status Biller::web_searches() {
  // Queries of a model that answers in tokens are searches that it made.
  const bool made_queries = has_tokens() && prices_tokens();
  const std::int64_t calls = count_of(usage_.web_search_calls) + (made_queries ? count_of(quantities_.queries) : 0);
  if (calls == 0) return {};
  // OpenAI bills a reply once, by how much context was asked for; the others each search, at the price in the middle,
  // but Perplexity at the size that was asked for, low if none was.
  SearchContext context = service_.search_context;
  if (model_.provider == "anthropic" || is_google(model_)) context = SearchContext::medium;
  if (context == SearchContext::unsaid)
    context = model_.provider == "perplexity" ? SearchContext::low : SearchContext::medium;
  const PriceName size = context == SearchContext::low      ? PriceName::search_context_size_low
                         : context == SearchContext::medium ? PriceName::search_context_size_medium
                                                            : PriceName::search_context_size_high;
  const std::int64_t billed = is_openai(model_) ? 1 : calls;
  if (const auto* const found = model_.prices.find(size)) {
    add("web search", billed, {.price = *found, .key = size}, Of::other);
  } else if (auto per_query = priced({PriceName::input_cost_per_query})) {
    per_query->halves = 2;
    add("web search", billed, *per_query, Of::other);
  } else if (is_google(model_)) {
    add("web search", billed, {.price = google_search_price, .key = PriceName::web_search_without_a_price}, Of::other);
  } else {
    return base::fail(unpriced(model_, "web_search_calls"));
  }
  return {};
}

Factors factors_of(const PricedModel& model, const Service& service) {
  Factors factors;
  const auto apply = [&](std::string_view name) {
    if (const auto found = model.factor(name)) factors.push_back(*found);
  };
  if (!service.inference_geo.empty()) apply(service.inference_geo);
  if (!service.speed.empty()) apply(service.speed);
  if (!service.region.empty()) apply("regional_processing_uplift_multiplier_" + service.region);
  return factors;
}

Status check_quantities(const Quantities& quantities) {
  std::int64_t any = 0;
  std::string_view impossible;
  const auto check = [&](std::string_view name, std::int64_t count, std::int64_t parts) {
    any |= count;
    if (count < 0 || count > largest_quantity * parts) impossible = name;
  };
  for (const NamedCount& named : usage_counts) check(named.name, count_of(quantities.usage.*named.count), 1);
  check("audio_seconds", count_of(quantities.audio_micros), Quantities::micros_per_second);
  check("video_seconds", count_of(quantities.video_micros), Quantities::micros_per_second);
  check("video_input_tokens", count_of(quantities.video_input_tokens), 1);
  check("video_output_tokens", count_of(quantities.video_output_tokens), 1);
  check("annotated_pages", count_of(quantities.annotated_pages), 1);
  check("ocr_credits", count_of(quantities.ocr_credits), 1);
  check("queries", count_of(quantities.queries), 1);
  if (!impossible.empty())
    return base::invalid(fmt::format("'{}' must be from 0 to {}", impossible, largest_quantity),
                         std::string(impossible));
  if (any == 0 && !quantities.usage.input_tokens && !quantities.usage.output_tokens)
    return base::invalid("the usage names nothing that was used, and what is not known is not free", "usage");
  return {};
}

// The row that an image's quality and size have for themselves.
const PricedModel* row_of_size(const PriceBook& book, std::string_view provider, std::string_view model,
                               const Service& service) {
  const std::string size = fmt::format("{}-x-{}", service.width, service.height);
  std::vector<std::string> before;
  if (!service.quality.empty()) before.push_back(fmt::format("{}/{}/", service.quality, size));
  before.push_back(size + "/");
  before.push_back(fmt::format("high/{}/", size));
  const std::string prefix = provider.empty() ? std::string() : fmt::format("{}/", provider);
  for (const std::string& sized : before)
    for (const std::string& name : {fmt::format("{}{}{}", sized, prefix, model),
                                    fmt::format("{}{}{}", prefix, sized, model), fmt::format("{}{}", sized, model)})
      if (const PricedModel* const found = book.row(name);
          found != nullptr && (prefix.empty() || name.find(prefix) != std::string::npos || provider == found->provider))
        return found;
  return nullptr;
}

const PricedModel* in_effect(const PricedModel* row, base::WallTime at) { return row == nullptr ? row : &row->at(at); }

}  // namespace

const PricedModel* row_of(const PriceBook& book, base::WallTime at, std::string_view provider, std::string_view model,
                          const Service& service) {
  if (service.width > 0)
    if (const PricedModel* const found = row_of_size(book, provider, model, service)) return &found->at(at);
  return in_effect(book.find(provider, model), at);
}

const PricedModel* row_of(const PriceBook& book, base::WallTime at, std::string_view model, const Service& service) {
  if (service.width > 0) {
    const auto slash = model.find('/');
    const bool has_provider = slash != std::string_view::npos;
    const std::string_view provider = has_provider ? model.substr(0, slash) : std::string_view();
    if (const PricedModel* const found =
            row_of_size(book, provider, has_provider ? model.substr(slash + 1) : model, service))
      return &found->at(at);
  }
  return in_effect(book.find(model), at);
}

Result<Bill> bill(const PricedModel& row, const Quantities& quantities, const Service& service) {
  TRY_STATUS(check_quantities(quantities));
  if (quantities.usage.provider_cost) return Bill{.model = row.name, .cost = *quantities.usage.provider_cost};
  if (!row.has_a_price())
    return base::fail(
        base::ErrorType::unknown_price,
        fmt::format("the price book has no price above zero for '{}': it may be free or not known; add its "
                    "price to the book",
                    row.name),
        "model", base::Source::client);
  Bill out{.model = row.name, .factors = factors_of(row, service)};
  TRY_STATUS(Biller(row, quantities, service, out.lines).write());
  ExactSum sum(out.factors);
  for (const BillLine& line : out.lines)
    sum.add({line.quantity, line.price, line.parts, line.halves}, line.multiplied ? Multiplied::yes : Multiplied::no);
  out.cost = sum.ceil();
  return out;
}

Result<Bill> bill(const PriceBook& book, base::WallTime at, std::string_view model, const Quantities& quantities,
                  const Service& service) {
  if (const PricedModel* const row = row_of(book, at, model, service)) return bill(*row, quantities, service);
  TRY_STATUS(check_quantities(quantities));
  if (quantities.usage.provider_cost) return Bill{.model = model, .cost = *quantities.usage.provider_cost};
  return base::fail(
      base::ErrorType::unknown_price,
      fmt::format("the price book has no model '{}': names are exact; 'metergate prices list' has them", model),
      "model", base::Source::client);
}

}  // namespace meter
