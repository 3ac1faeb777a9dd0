#include "pages/pack.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include <fmt/format.h>

namespace pages {
namespace {

base::Error broken(std::string message) {
  return {base::ErrorType::internal, base::Source::gateway, std::move(message), {}};
}

// The front of `text` up to `end`, which goes too; nullopt if there is no `end`.
std::optional<std::string_view> take(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view front = text.substr(0, at);
  text.remove_prefix(at + 1);
  return front;
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Line {
  File file;
  std::size_t offset = 0;
  std::size_t size = 0;
};

// `PATH ETAG OFFSET SIZE RAW_SIZE`; nullopt: it is not of that form.
std::optional<Line> read_line(std::string_view text) {
  const auto path = take(text, ' ');
  const auto etag = take(text, ' ');
  const auto offset = number(take(text, ' ').value_or(""));
  const auto size = number(take(text, ' ').value_or(""));
  const auto raw_size = number(text);
  if (!path || !etag || !offset || !size || !raw_size) return std::nullopt;
  return Line{{*path, *etag, {}, *raw_size}, *offset, *size};
}

}  // namespace

base::Result<Pack> Pack::read(std::string_view bytes) {
  constexpr std::string_view mark = "metergate-pages 1 ";
  const auto title = take(bytes, '\n');
  const auto count = title && title->starts_with(mark) ? number(title->substr(mark.size())) : std::nullopt;
  if (!count) return std::unexpected(broken("the pages: the first line is not 'metergate-pages 1 COUNT'"));
  std::vector<Line> lines;
  for (std::size_t at = 0; at < *count; ++at) {
    const auto text = take(bytes, '\n');
    const auto line = text ? read_line(*text) : std::nullopt;
    if (!line) return std::unexpected(broken(fmt::format("the pages: line {} is not a file's", at + 2)));
    lines.push_back(*line);
  }
  Pack pack;
  for (Line& line : lines) {
    if (line.offset > bytes.size() || line.size > bytes.size() - line.offset)
      return std::unexpected(broken(fmt::format("the pages: {} ends behind their end", line.file.path)));
    line.file.gzip = bytes.substr(line.offset, line.size);
    if (!pack.files_.empty() && pack.files_.back().path >= line.file.path)
      return std::unexpected(broken(fmt::format("the pages: {} is not in order", line.file.path)));
    pack.files_.push_back(line.file);
  }
  return pack;
}

const File* Pack::find(std::string_view path) const {
  const auto found = std::ranges::lower_bound(files_, path, {}, &File::path);
  return found == files_.end() || found->path != path ? nullptr : &*found;
}

base::Result<std::string> inflate(const File& file) {
  const auto state = std::make_unique<inflate_state>();  // too large for a stack
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_GZIP;
  std::string in(file.gzip);  // the library wants to write where it reads
  std::string out(file.size, '\0');
  state->next_in = reinterpret_cast<std::uint8_t*>(in.data());
  state->avail_in = static_cast<std::uint32_t>(in.size());
  state->next_out = reinterpret_cast<std::uint8_t*>(out.data());
  state->avail_out = static_cast<std::uint32_t>(out.size());
  const int result = isal_inflate(state.get());
  if (result != ISAL_DECOMP_OK || state->block_state != ISAL_BLOCK_FINISH || state->avail_out != 0)
    return std::unexpected(broken(fmt::format("the pages: {} cannot be inflated ({})", file.path, result)));
  return out;
}

}  // namespace pages
