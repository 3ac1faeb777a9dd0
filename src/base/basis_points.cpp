#include "base/basis_points.h"

#include "base/assert.h"

namespace base {
namespace {

using Wide = unsigned __int128;

Wide wide(std::int64_t value) {
  ASSERT(value >= 0);
  return static_cast<Wide>(value);
}

Money narrow(Wide nanos) {
  const Wide most = wide(Money::max().nanos());
  return nanos > most ? Money::max() : Money::from_nanos(static_cast<std::int64_t>(nanos));
}

Wide share(Money amount, BasisPoints rate) {
  ASSERT(rate.value >= 0 && rate.value <= BasisPoints::most);
  return (wide(amount.nanos()) * wide(rate.value) + (BasisPoints::whole - 1)) / BasisPoints::whole;
}

}  // namespace

Money share_of(Money amount, BasisPoints rate) { return narrow(share(amount, rate)); }

Money with_share(Money amount, BasisPoints rate) { return narrow(wide(amount.nanos()) + share(amount, rate)); }

Money without_share(Money total, BasisPoints rate) {
  ASSERT(rate.value >= 0 && rate.value <= BasisPoints::most);
  return narrow(wide(total.nanos()) * BasisPoints::whole / wide(BasisPoints::whole + rate.value));
}

}  // namespace base
