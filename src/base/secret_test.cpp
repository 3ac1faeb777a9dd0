#include "base/secret.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <utility>

using base::Secret;

namespace {

// What memory held when it was given back, while a test watches. It allocates nothing itself.
struct GivenBack {
  bool watching = false;
  std::array<char, 8192> bytes{};
  std::size_t size = 0;

  void note(const void* memory, std::size_t count) {
    if (!watching) return;
    count = std::min(count, bytes.size() - size);
    std::copy_n(static_cast<const char*>(memory), count, bytes.data() + size);
    size += count;
  }
  bool holds(std::string_view text) const { return std::string_view(bytes.data(), size).contains(text); }
};
GivenBack given_back;

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t size) noexcept {
  given_back.note(memory, size);
  std::free(memory);
}

static_assert(!fmt::is_formattable<Secret>::value, "what can be formatted ends up in a log one day");

TEST_CASE("a secret is revealed as it was given, also after copies and moves") {
  Secret secret(std::string("sk-proj-0123456789"));
  Secret copy = secret;
  const Secret moved = std::move(secret);
  CHECK(secret.empty());  // NOLINT(bugprone-use-after-move): that nothing is left is what is tested
  CHECK(copy.reveal() == "sk-proj-0123456789");
  CHECK(moved.reveal() == "sk-proj-0123456789");
  copy = Secret(std::string("short"));
  CHECK(copy.reveal() == "short");
  copy = Secret();
  CHECK(copy.empty());
  CHECK(copy.reveal().empty());
}

TEST_CASE("the memory of a secret is wiped before it is given back") {
  std::string unguarded = "an unguarded text, to see that the test sees";
  std::string text = "sk-proj-0123456789-0123456789-0123456789";
  given_back.watching = true;
  std::string().swap(unguarded);
  {
    Secret secret(std::move(text));
    const Secret copy = secret;
    secret = Secret(std::string("sk-another-0123456789-0123456789-012345678"));
  }
  given_back.watching = false;
  CHECK(given_back.holds("unguarded"));
  CHECK_FALSE(given_back.holds("sk-proj"));
  CHECK_FALSE(given_back.holds("0123456789"));
}
