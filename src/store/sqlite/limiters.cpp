#include "store/sqlite/limiters.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "store/sqlite/lines.h"

namespace store::sqlite {

base::Result<catalog::Table<catalog::Limiter>> read_limiters(Database& database) {
  TRY(Rows rows, database.query("SELECT account_id, code, key_id, limit_id, base_url, provider, models, deployments, "
                                "created, removed_at FROM limiters ORDER BY account_id"));
  catalog::Table<catalog::Limiter> limiters;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return limiters;
    catalog::Limiter& limiter = limiters.emplace_back();
    limiter.id = rows.take_id<base::AccountId>();
    limiter.code = rows.take_text();
    limiter.key = rows.take_id<base::KeyId>();
    limiter.limit = rows.take_id<base::LimitId>();
    limiter.base_url = rows.take_text();
    limiter.provider = rows.take_text();
    limiter.models = lines_of(rows.borrow_text());
    each_line(rows.borrow_text(), [&](std::string_view line) {
      const std::size_t equals = std::min(line.find('='), line.size());
      limiter.deployments.emplace(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    });
    limiter.created = rows.take_time();
    if (const auto removed = rows.take_optional_integer()) limiter.removed = base::WallTime{*removed};
  }
}

base::Status write_limiter(Database& database, const catalog::Limiter& limiter) {
  std::string deployments;
  for (const auto& [deployment, model] : limiter.deployments)
    deployments += fmt::format("{}{}={}", deployments.empty() ? "" : "\n", deployment, model);
  TRY_STATUS(database.run(
      "INSERT INTO limiters (account_id, code, key_id, limit_id, base_url, provider, models, deployments, created, "
      "removed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (account_id) DO UPDATE SET "
      "code = ?2, key_id = ?3, limit_id = ?4, base_url = ?5, provider = ?6, models = ?7, deployments = ?8, "
      "created = ?9, removed_at = ?10",
      limiter.id, limiter.code, limiter.key, limiter.limit, limiter.base_url, limiter.provider,
      as_lines(limiter.models), deployments, limiter.created, limiter.removed));
  return {};
}

}  // namespace store::sqlite
