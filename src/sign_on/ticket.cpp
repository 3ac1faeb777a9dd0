#include "sign_on/ticket.h"

#include <algorithm>
#include <array>

#include "base/sha256.h"
#include "sign_on/base64.h"

namespace sign_on {
namespace {

constexpr std::size_t seed_bytes = 32;

std::string text_of(const base::Sha256& digest) {
  return to_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// "//host" and "/\host" are other sites to a browser.
bool is_own_path(std::string_view path) {
  return path.starts_with('/') && !path.starts_with("//") && path.size() <= 512 &&
         std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7F && c != '\\' && c != '#'; });
}

}  // namespace

Ticket::Ticket(std::string seed, std::string_view return_to)
    : seed_(std::move(seed)), return_to_(is_own_path(return_to) ? return_to : "/") {}

Ticket Ticket::create(base::Random& random, std::string_view return_to) {
  std::array<std::byte, seed_bytes> seed;
  random.fill(seed);
  return {to_base64url({reinterpret_cast<const char*>(seed.data()), seed.size()}), return_to};
}

std::optional<Ticket> Ticket::parse(std::string_view cookie) {
  const std::size_t dot = cookie.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto seed = from_base64url(cookie.substr(0, dot));
  const auto return_to = from_base64url(cookie.substr(dot + 1));
  if (!seed || seed->size() != seed_bytes || !return_to) return std::nullopt;
  return Ticket(std::string(cookie.substr(0, dot)), *return_to);
}

std::string Ticket::cookie() const { return seed_ + "." + to_base64url(return_to_); }

std::string Ticket::challenge() const { return text_of(base::sha256(verifier())); }

std::string Ticket::derived(std::string_view purpose) const { return text_of(base::hmac_sha256(seed_, purpose)); }

}  // namespace sign_on
