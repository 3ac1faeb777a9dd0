#include "store/secret_box.h"

#include <fmt/format.h>
#include <sodium.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/assert.h"
#include "base/private_files.h"
#include "base/sha256.h"

namespace store {
namespace {

using Bytes = std::vector<unsigned char>;

std::unexpected<base::Error> refuse(std::string message) {
  return base::fail(base::ErrorType::unavailable, std::move(message), {}, base::Source::store);
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

base::Result<SecretBox> SecretBox::open(const std::filesystem::path& data_folder, Sealed existing,
                                        base::Random& random) {
  static_assert(key_bytes == crypto_secretbox_KEYBYTES);
  if (sodium_init() < 0) return refuse("libsodium does not start");
  const std::filesystem::path path = data_folder / "secret.key";
  if (existing == Sealed::some && !std::filesystem::exists(path))
    return refuse(
        fmt::format("{} is missing, and the upstream secrets are sealed with it; restore it from a backup, or clear "
                    "each away with 'metergate upstreams remove-key NAME' and set it again",
                    path.string()));

  TRY(const base::FileDescriptor file, base::open_private_file(path));
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return base::system_failure("reading", path);
  if ((status.st_mode & 077) != 0)
    return refuse(fmt::format("others may read {}; run: chmod 600 {}", path.string(), path.string()));

  Key key{};
  if (status.st_size == 0 && existing == Sealed::none) {
    // An empty file is what a crash right after its creation leaves behind.
    random.fill(std::as_writable_bytes(std::span(key)));
    if (::pwrite(file.number(), key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
      return base::system_failure("writing", path);
    TRY_STATUS(base::sync_file_and_name(file, path));
  } else if (status.st_size != static_cast<off_t>(key.size())) {
    return refuse(fmt::format("{} holds {} bytes; a key has {}", path.string(), status.st_size, key.size()));
  } else if (::pread(file.number(), key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return base::system_failure("reading", path);
  }
  SecretBox box(key, random);
  sodium_memzero(key.data(), key.size());
  return box;
}

SecretBox::SecretBox(SecretBox&& other) noexcept : key_(other.key_), random_(other.random_) {
  sodium_memzero(other.key_.data(), other.key_.size());
}

SecretBox::~SecretBox() { sodium_memzero(key_.data(), key_.size()); }

// Sealed bytes: nonce, then the box around SHA-256(name) and the secret.
SealedSecret SecretBox::seal(std::string_view name, const base::Secret& secret) const {
  const base::Sha256 name_digest = base::sha256(name);
  const std::string_view characters = secret.reveal();
  Bytes plain(name_digest.size() + characters.size());  // at once: what grew would leave a copy behind
  std::ranges::copy(characters, std::ranges::copy(name_digest, plain.begin()).out);

  Bytes sealed(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size());
  random_.fill(std::as_writable_bytes(std::span(sealed).first(crypto_secretbox_NONCEBYTES)));
  const int result = crypto_secretbox_easy(sealed.data() + crypto_secretbox_NONCEBYTES, plain.data(), plain.size(),
                                           sealed.data(), key_.data());
  ASSERT(result == 0);
  sodium_memzero(plain.data(), plain.size());
  return {std::string(sealed.begin(), sealed.end())};
}

base::Result<base::Secret> SecretBox::unseal(std::string_view name, const SealedSecret& sealed) const {
  const auto unreadable = [&] {
    return refuse(
        fmt::format("the secret of {} cannot be read: it was sealed with another key, or changed; set it again with "
                    "'metergate upstreams set-key', or clear it away with 'remove-key'",
                    name));
  };
  const base::Sha256 name_digest = base::sha256(name);
  const std::size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  if (sealed.bytes.size() < overhead + name_digest.size()) return unreadable();

  Bytes plain(sealed.bytes.size() - overhead);
  const unsigned char* const bytes = bytes_of(sealed.bytes);
  if (crypto_secretbox_open_easy(plain.data(), bytes + crypto_secretbox_NONCEBYTES,
                                 sealed.bytes.size() - crypto_secretbox_NONCEBYTES, bytes, key_.data()) != 0)
    return unreadable();
  const bool same_name = sodium_memcmp(plain.data(), name_digest.data(), name_digest.size()) == 0;
  base::Secret secret(std::string(plain.begin() + static_cast<std::ptrdiff_t>(name_digest.size()), plain.end()));
  sodium_memzero(plain.data(), plain.size());
  if (!same_name) return unreadable();
  return secret;
}

}  // namespace store
