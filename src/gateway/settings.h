#pragma once
// gateway: the data plane. One request from its first byte to its settled cost is exchange.cpp, read top to bottom;
// the other files are its steps. It sees catalog, meter, quota and net, and joins them with values; it posts no money
// and knows no database.
//
// Always: an upstream is called only with a Reservation in hand; an exchange that was admitted ends in exactly one
// usage record; the client's key never goes upstream and the upstream's secret never to a client.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/book_name.h"
#include "catalog/limiter.h"
#include "catalog/route.h"
#include "meter/price_book.h"
#include "meter/request.h"
#include "net/trusted_proxies.h"

namespace gateway {

// A price book that accounts choose by its name.
struct NamedBook {
  catalog::BookName name;
  std::shared_ptr<const meter::PriceBook> prices;
};

// What the operator declared for the data plane. Immutable, shared by all workers.
struct Settings {
  std::vector<catalog::Upstream> upstreams;
  std::vector<catalog::Route> routes;
  std::shared_ptr<const meter::PriceBook> prices;  // of accounts that choose none
  std::vector<NamedBook> books;
  catalog::AddressRules limiter_addresses;          // that limiters may call
  net::TrustedProxies trusted_proxies;              // who may say for whom he calls
  std::optional<meter::PricedModel> unknown_model;  // the worst-case price of a model without one; none: refused
  std::int64_t admission_wait_ms = 1'000;           // how long an exchange waits for others' reservations to end
  std::int64_t store_deadline_ms = 2'000;           // how long it waits for a store that does not answer
  std::int64_t clamp_min_output_tokens = 16;        // an answer shorter than this is not worth a call

  const catalog::Route* find_route(std::string_view path) const;
  const catalog::Upstream* find_upstream(std::string_view name) const;
  // `prices` for no name and for catalog::default_book. nullptr: the configuration has no such book.
  const meter::PriceBook* find_book(catalog::BookName name) const;
  // The row of the book that prices this request at this upstream's provider, if it starts at that moment; nullptr:
  // there is none.
  const meter::PricedModel* find_price(const meter::PriceBook& book, const catalog::Upstream& upstream,
                                       const meter::Request& request, base::WallTime start) const;
};

}  // namespace gateway
