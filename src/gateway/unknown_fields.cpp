#include "gateway/unknown_fields.h"

#include <fmt/format.h>

#include <mutex>
#include <set>
#include <string>

#include "base/log.h"

namespace gateway {
namespace {

// Names are a provider's: their number and their length have an end.
constexpr std::size_t names_max = 200;
constexpr std::size_t name_bytes_max = 100;

class Noted {
 public:
  // False: it was noted before, or there are too many.
  bool add(std::string name) {
    const std::scoped_lock lock(mutex_);
    return names_.size() < names_max && names_.insert(std::move(name)).second;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> names_;
};

}  // namespace

void note_unknown_fields(std::string_view provider, const meter::Reply& reply, Stats& stats) {
  static Noted noted;
  stats.unknown_usage_fields.add(reply.unknown_field_count);
  for (const std::string& field : reply.unknown_fields) {
    const std::string_view name = std::string_view(field).substr(0, name_bytes_max);
    if (noted.add(fmt::format("{} {}", provider, name)))
      base::log::warn("usage of {} names '{}', which nothing here knows how to bill: what holds it stays unresolved",
                      provider, name);
  }
}

}  // namespace gateway
