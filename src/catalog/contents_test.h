#pragma once
// For the tests of snapshots: a small catalog in which all is well.

#include <cstdint>

#include "catalog/snapshot.h"

namespace catalog::testing {

template <class Id>
Id id_of(std::uint8_t number) {
  Id id;
  id.uuid.bytes[15] = number;
  return id;
}

// Two accounts, one above the other, a key and two limits: all is well.
inline Contents sound() {
  Contents contents;
  catalog::Account account;
  account.id = id_of<base::AccountId>(1);
  contents.accounts.push_back(account);
  account.id = id_of<base::AccountId>(2);
  account.parent = contents.accounts[0].id;
  contents.accounts.push_back(account);
  catalog::Key key;
  key.id = id_of<base::KeyId>(3);
  key.account = account.id;
  contents.keys.push_back(key);
  catalog::Limit limit;
  limit.id = id_of<base::LimitId>(4);
  limit.subject = contents.accounts[0].id;
  contents.limits.push_back(limit);
  limit.id = id_of<base::LimitId>(5);
  limit.subject = key.id;
  contents.limits.push_back(limit);
  return contents;
}

}  // namespace catalog::testing
