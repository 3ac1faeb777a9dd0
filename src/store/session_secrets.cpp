#include "store/session_secrets.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/private_files.h"
#include "base/rfc3339.h"
#include "base/time_text.h"

namespace store {
namespace {

constexpr std::int64_t signs_for_ms = 30 * 86'400'000LL;
constexpr std::size_t secret_bytes = 32;
constexpr off_t most_bytes = 64 * 1024;

// A line of the file: "2026-11-22T20:00:00.000Z 64 hexadecimal digits".
struct Made {
  base::WallTime at;
  std::string digits;
};

std::unexpected<base::Error> refuse(std::string message) {
  return base::fail(base::ErrorType::unavailable, std::move(message), {}, base::Source::store);
}

std::optional<Made> read_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto at = base::parse_time_or_date(line.substr(0, space));
  const std::string_view digits = line.substr(space + 1);
  if (!at || digits.size() != 2 * secret_bytes ||
      digits.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return std::nullopt;
  return Made{*at, std::string(digits)};
}

base::Result<std::vector<Made>> read_file(const base::FileDescriptor& file, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return base::system_failure("reading", path);
  if ((status.st_mode & 077) != 0)
    return refuse(fmt::format("others may read {}; run: chmod 600 {}", path.string(), path.string()));
  std::string text(static_cast<std::size_t>(std::min(status.st_size, most_bytes)), '\0');
  if (::pread(file.number(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return base::system_failure("reading", path);
  std::vector<Made> made;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    auto line = end == std::string_view::npos ? std::nullopt : read_line(rest.substr(0, end));
    if (!line)
      return refuse(fmt::format(
          "{} holds what Metergate did not write; remove it, and everybody logs in again with the next start",
          path.string()));
    made.push_back(std::move(*line));
    rest.remove_prefix(end + 1);
  }
  return made;
}

// Whole or not at all: a new file in the place of the old one.
base::Status write_file(const std::vector<Made>& made, const std::filesystem::path& path) {
  std::string text;
  for (const Made& one : made) text += fmt::format("{} {}\n", base::to_rfc3339(one.at), one.digits);
  std::filesystem::path fresh = path;
  fresh += ".new";
  TRY(const base::FileDescriptor file, base::open_private_file(fresh));
  if (::ftruncate(file.number(), 0) != 0 ||
      ::pwrite(file.number(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.number()) != 0)
    return base::system_failure("writing", fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return base::system_failure("writing", path);
  return base::sync_file_and_name(file, path);
}

std::string random_digits(base::Random& random) {
  std::array<std::byte, secret_bytes> bytes;
  random.fill(bytes);
  std::string digits;
  for (const std::byte byte : bytes) digits += fmt::format("{:02x}", std::to_integer<int>(byte));
  sodium_memzero(bytes.data(), bytes.size());
  return digits;
}

}  // namespace

base::Result<std::vector<base::Secret>> session_secrets(const std::filesystem::path& data_folder,
                                                        std::int64_t session_ms, base::WallTime now,
                                                        base::Random& random) {
  const std::filesystem::path path = data_folder / "session.key";
  std::vector<Made> made;
  {
    TRY(const base::FileDescriptor file, base::open_private_file(path));
    TRY(made, read_file(file, path));
  }
  if (made.empty() || made.front().at.ms + signs_for_ms <= now.ms) {
    // Each but the first signed until the one before it came.
    while (made.size() > 1 && made[made.size() - 2].at.ms + session_ms <= now.ms) made.pop_back();
    made.insert(made.begin(), {now, random_digits(random)});
    TRY_STATUS(write_file(made, path));
  }
  std::vector<base::Secret> secrets;
  for (Made& one : made) secrets.emplace_back(std::move(one.digits));
  return secrets;
}

}  // namespace store
