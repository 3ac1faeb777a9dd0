#include "app/limit_metrics.h"

#include <chrono>
#include <future>

#include "app/metrics_text.h"
#include "base/log.h"
#include "quota/counting.h"

namespace app {
namespace {

constexpr auto patience = std::chrono::seconds(1);

std::string labels_of(const catalog::Limit& limit, const catalog::Snapshot& catalog) {
  std::string account, key;
  if (const auto* of_key = std::get_if<base::KeyId>(&limit.subject)) {
    key = of_key->to_string();
    if (const auto entry = catalog.find_key(*of_key); entry && entry->account != nullptr)
      account = entry->account->id.to_string();
  } else {
    account = std::get<base::AccountId>(limit.subject).to_string();
  }
  return labels({{"account", account},
                 {"key", key},
                 {"limit", limit.id.to_string()},
                 {"name", limit.name},
                 {"unit", catalog::to_string(limit.unit)},
                 {"window", base::to_string(limit.window)},
                 {"mode", catalog::to_string(limit.mode)}});
}

// What the limit would let the next call have: of what is left nothing, where it is stopped by a threshold.
std::int64_t remaining(const quota::InUse::One& one) {
  return quota::stopped(one.limit, one.numbers.amount, one.numbers.spent) ? 0 : one.numbers.available;
}

}  // namespace

std::string limit_metrics(const quota::InUse& in_use, const catalog::Snapshot& catalog) {
  std::vector<std::string> all_labels;
  for (const auto& one : in_use.limits) all_labels.push_back(labels_of(one.limit, catalog));
  MetricsText text;
  const auto gauge = [&](std::string_view name, std::string_view help, auto number_of) {
    text.begin(name, MetricsText::Kind::gauge, help);
    for (std::size_t i = 0; i < in_use.limits.size(); ++i) {
      const auto& one = in_use.limits[i];
      text.sample(catalog::amount_text(one.limit.unit, number_of(one)), all_labels[i]);
    }
  };
  using One = quota::InUse::One;
  gauge("metergate_limit_amount", "What the limit allows in the present window, in its unit.",
        [](const One& one) { return one.numbers.amount; });
  gauge("metergate_limit_spent", "What is spent of it.", [](const One& one) { return one.numbers.spent; });
  gauge("metergate_limit_reserved", "What calls hold of it that are under way.",
        [](const One& one) { return one.numbers.reserved; });
  gauge("metergate_limit_unresolved", "What calls hold of it whose cost is not known.",
        [](const One& one) { return one.numbers.unresolved; });
  gauge("metergate_limit_remaining", "What the next call could have of it.", remaining);
  text.gauge("metergate_limits_left_out", "Limits in use that are not among these, because they have more left.",
             in_use.left_out);
  return text.take();
}

std::string read_limit_metrics(quota::Keeper& keeper, std::shared_ptr<const catalog::Snapshot> catalog,
                               std::size_t most) {
  if (most == 0) return {};
  // Shared with the store thread, which may come to it when nobody waits any more.
  const auto promise = std::make_shared<std::promise<base::Result<quota::InUse>>>();
  auto answer = promise->get_future();
  keeper.ask_in_use(catalog, most,
                    [promise](base::Result<quota::InUse> in_use) { promise->set_value(std::move(in_use)); });
  if (answer.wait_for(patience) != std::future_status::ready) {
    base::log::warn("the metrics are without limits: the store thread did not answer within {} s", patience.count());
    return {};
  }
  const auto in_use = answer.get();
  if (in_use) return limit_metrics(*in_use, *catalog);
  base::log::warn("the metrics are without limits: {}", in_use.error().message);
  return {};
}

}  // namespace app
