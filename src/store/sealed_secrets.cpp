#include "store/sealed_secrets.h"

namespace store {

base::Result<std::vector<std::string>> SealedSecrets::secret_names() { return database_.secret_names(); }

base::Result<std::optional<base::Secret>> SealedSecrets::find_secret(std::string_view upstream) {
  const std::lock_guard lock(mutex_);
  TRY(const auto sealed, database_.get_secret(upstream));
  if (!sealed) return std::nullopt;
  TRY(const SecretBox* box, this->box());
  return box->unseal(upstream, *sealed);
}

base::Status SealedSecrets::put_secret(std::string_view upstream, const base::Secret& secret) {
  const std::lock_guard lock(mutex_);
  TRY(const SecretBox* box, this->box());
  return database_.put_secret(upstream, box->seal(upstream, secret));
}

base::Status SealedSecrets::remove_secret(std::string_view upstream) { return database_.remove_secret(upstream); }

base::Result<const SecretBox*> SealedSecrets::box() {
  if (!box_) {
    TRY(const SecretBox::Sealed existing, database_.sealed_secrets());
    TRY(SecretBox opened, SecretBox::open(data_folder_, existing, random_));
    box_.emplace(std::move(opened));
  }
  return &*box_;
}

}  // namespace store
