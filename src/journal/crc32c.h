#pragma once

#include <isa-l/crc.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace journal {

// CRC-32C (Castagnoli; RFC 3720 §12.1) of `bytes`, going on from `before`: crc32c(crc32c(0, a), b) is the one of a and
// b together. ISA-L picks the instructions at run time (SSE 4.2 with PCLMUL, ARMv8 CRC, or a table). `bytes` below 2
// GiB.
inline std::uint32_t crc32c(std::uint32_t before, std::span<const std::byte> bytes) {
  auto* const data = const_cast<std::byte*>(bytes.data());  // its signature forgot a const
  return ~crc32_iscsi(reinterpret_cast<unsigned char*>(data), static_cast<int>(bytes.size()), ~before);
}

}  // namespace journal
