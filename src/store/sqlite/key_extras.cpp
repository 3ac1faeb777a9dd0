#include "store/sqlite/key_extras.h"

#include "store/sqlite/lines.h"

namespace store::sqlite {

base::Result<std::map<base::KeyId, catalog::KeyExtras>> read_key_extras(Database& database) {
  TRY(Rows rows, database.query("SELECT key_id, allowed_models, allowed_routes, allowed_addresses, replaced_until, "
                                "replaced_hint, replaced_hash IS NOT NULL, replaced_hash FROM key_extras"));
  std::map<base::KeyId, catalog::KeyExtras> all;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return all;
    catalog::KeyExtras& extras = all[rows.take_id<base::KeyId>()];
    extras.scope.models = lines_of(rows.borrow_text());
    extras.scope.routes = lines_of(rows.borrow_text());
    extras.scope.addresses = lines_of(rows.borrow_text());
    catalog::ReplacedSecret replaced;
    replaced.until = rows.take_time();
    replaced.hint = rows.take_text();
    if (!rows.take_flag()) continue;
    replaced.hash = rows.take_digest();
    extras.replaced = std::move(replaced);
  }
}

base::Status write_key_extras(Database& database, const catalog::Key& key) {
  const catalog::KeyExtras& extras = key.extras();
  if (extras == catalog::KeyExtras()) {
    TRY_STATUS(database.run("DELETE FROM key_extras WHERE key_id = ?1", key.id));
    return {};
  }
  const auto replaced = extras.replaced.value_or(catalog::ReplacedSecret{});
  TRY_STATUS(database.run(
      "INSERT INTO key_extras (key_id, allowed_models, allowed_routes, allowed_addresses, replaced_hash, "
      "replaced_hint, replaced_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key_id) DO UPDATE SET "
      "allowed_models = ?2, allowed_routes = ?3, allowed_addresses = ?4, replaced_hash = ?5, replaced_hint = ?6, "
      "replaced_until = ?7",
      key.id, as_lines(extras.scope.models), as_lines(extras.scope.routes), as_lines(extras.scope.addresses),
      extras.replaced ? std::optional(replaced.hash) : std::nullopt, replaced.hint, replaced.until));
  return {};
}

}  // namespace store::sqlite
