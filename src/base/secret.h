#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace base {

// A text that nobody is to see, such as a provider's key. It cannot be formatted, logged or compared by accident:
// whoever needs its characters asks for them by name. Its memory is wiped when it goes or is given another value.
class Secret {
 public:
  Secret() = default;
  // Takes the text over and wipes it, if it was moved in. What it was copied from is the caller's to wipe.
  explicit Secret(std::string text);
  Secret(const Secret& other) = default;
  Secret(Secret&& other) noexcept = default;  // leaves an empty one
  Secret& operator=(Secret other) noexcept;
  ~Secret();

  // For as long as this value lives unchanged.
  std::string_view reveal() const { return {characters_.data(), characters_.size()}; }
  bool empty() const { return characters_.empty(); }

 private:
  std::vector<char> characters_;  // not a string: moving a short one would leave a copy behind
};

}  // namespace base
