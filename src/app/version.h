#pragma once

#include <string_view>

namespace app {

// The same as CMakeLists.txt says.
inline constexpr std::string_view version = "0.1.0";

}  // namespace app
