#include "identity/password.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <mutex>

#include <fmt/format.h>

#include "base/assert.h"

namespace identity {
namespace {

constexpr std::size_t shortest = 12;
constexpr std::size_t longest_bytes = 1024;
// As libsodium recommends for a login that somebody waits for (its manual, "The pwhash* API").
constexpr unsigned long long operations = crypto_pwhash_OPSLIMIT_INTERACTIVE;
constexpr std::size_t memory_bytes = crypto_pwhash_MEMLIMIT_INTERACTIVE;

std::mutex one_at_a_time;

// UTF-8: what is not in the middle of a character begins one.
std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

// Never a null pointer, which is what an empty secret reveals and libsodium must not be given.
std::string_view text_of(const base::Secret& password) {
  return password.empty() ? std::string_view("") : password.reveal();
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return small;
}

bool is_tried_first(std::string_view small) {
  static constexpr std::array begins{std::string_view("changeme"),     std::string_view("password"),
                                     std::string_view("123456789"),    std::string_view("qwertyuiop"),
                                     std::string_view("adminadmin"),   std::string_view("letmein"),
                                     std::string_view("metergate"),    std::string_view("strong-password-here"),
                                     std::string_view("administrator")};
  if (std::ranges::any_of(begins, [&](std::string_view word) { return small.starts_with(word) && small.size() < 20; }))
    return true;
  return std::ranges::all_of(small, [&](char c) { return c == small.front(); });
}

}  // namespace

base::Status check_new_password(const base::Secret& password, std::string_view user_name) {
  const std::string_view text = password.reveal();
  const auto refuse = [](std::string message) { return base::invalid(std::move(message), "password"); };
  if (characters_in(text) < shortest) return refuse(fmt::format("'password' needs {} characters or more", shortest));
  if (text.size() > longest_bytes) return refuse(fmt::format("'password' is longer than {} bytes", longest_bytes));
  const std::string small = in_small_letters(text);
  if (small == user_name) return refuse("'password' is the user's name");
  if (is_tried_first(small)) return refuse("'password' is one that everybody tries first; choose another one");
  return {};
}

base::Result<std::string> hash_password(const base::Secret& password) {
  ASSERT(sodium_init() >= 0);
  const std::string_view text = text_of(password);
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  const std::lock_guard lock(one_at_a_time);
  if (crypto_pwhash_str(hash.data(), text.data(), text.size(), operations, memory_bytes) != 0)
    return base::fail(base::ErrorType::unavailable, "there is no memory to hash a password, which takes 64 MB");
  return std::string(hash.data());
}

bool password_fits(const base::Secret& password, const std::string& hash) {
  ASSERT(sodium_init() >= 0);
  // Of a password that nobody knows: the work is done all the same.
  static const std::string nobodys = [] {
    std::array<char, crypto_pwhash_STRBYTES> made{};
    std::array<char, 32> random{};
    randombytes_buf(random.data(), random.size());
    const std::lock_guard lock(one_at_a_time);
    ASSERT(crypto_pwhash_str(made.data(), random.data(), random.size(), operations, memory_bytes) == 0);
    return std::string(made.data());
  }();
  const std::string& known = hash.empty() ? nobodys : hash;
  const std::string_view text = text_of(password);
  const std::lock_guard lock(one_at_a_time);
  const bool fits = crypto_pwhash_str_verify(known.c_str(), text.data(), text.size()) == 0;
  return fits && !hash.empty();
}

}  // namespace identity
