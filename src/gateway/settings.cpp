#include "gateway/settings.h"

#include <algorithm>

#include "meter/book_provider.h"
#include "meter/worst_cost.h"

namespace gateway {

const catalog::Route* Settings::find_route(std::string_view path) const {
  const catalog::Route* best = nullptr;
  for (const catalog::Route& route : routes) {
    const bool within =
        path.starts_with(route.prefix) &&
        (path.size() == route.prefix.size() || path[route.prefix.size()] == '/' || route.prefix.ends_with('/'));
    if (within && (best == nullptr || route.prefix.size() > best->prefix.size())) best = &route;
  }
  return best;
}

const catalog::Upstream* Settings::find_upstream(std::string_view name) const {
  const auto found = std::ranges::find(upstreams, name, &catalog::Upstream::name);
  return found == upstreams.end() ? nullptr : &*found;
}

const meter::PriceBook* Settings::find_book(catalog::BookName name) const {
  if (name.is_none()) return prices.get();
  const auto found = std::ranges::find(books, name, &NamedBook::name);
  if (found != books.end()) return found->prices.get();
  return name.text() == catalog::default_book ? prices.get() : nullptr;
}

const meter::PricedModel* Settings::find_price(const meter::PriceBook& book, const catalog::Upstream& upstream,
                                               const meter::Request& request, base::WallTime start) const {
  const auto* row =
      meter::row_of(book, start, meter::book_provider(upstream.provider), request.model, meter::service_of(request));
  // A row without a price says no more than none; but some providers' zeros are meant.
  if (!unknown_model) return row;
  const bool priced = row != nullptr && (row->has_a_price() || request.billing == meter::Billing::zero_price_counts);
  return priced ? row : &*unknown_model;
}

}  // namespace gateway
