// pack_ranks IN OUT: turns a .tiktoken file (a line for each token: its bytes in base64, a space, its rank) into the
// table of rank_table.h. Runs while the project is built; what it does not understand ends the build.

#include <openssl/evp.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tokens/rank_table.h"

namespace {

using tokens::TokenId;

[[noreturn]] void give_up(std::string_view file, std::string_view why) {
  std::fprintf(stderr, "pack_ranks: %.*s: %.*s\n", static_cast<int>(file.size()), file.data(),
               static_cast<int>(why.size()), why.data());
  std::exit(1);
}

std::string from_base64(std::string_view text) {
  std::string bytes(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  const auto padding = static_cast<int>(text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0);
  bytes.resize(static_cast<std::size_t>(size < padding ? 0 : size - padding));
  return bytes;
}

// All tokens in the order of their ranks, which count up from 0 without a gap.
std::vector<std::string> read_tokens(const char* file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) give_up(file, "cannot be read");
  std::vector<std::string> tokens;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    const std::size_t space = line.find(' ');
    std::size_t rank = 0;
    const char* const end = line.data() + line.size();
    if (space == std::string::npos || std::from_chars(line.data() + space + 1, end, rank).ptr != end ||
        rank != tokens.size())
      give_up(file, "line " + std::to_string(tokens.size() + 1) + " is not a token and the next rank");
    tokens.push_back(from_base64(std::string_view(line).substr(0, space)));
    if (tokens.back().empty()) give_up(file, "rank " + std::to_string(rank) + " has no bytes");
  }
  if (tokens.size() < 256 || tokens.size() >= (std::size_t{1} << tokens::id_bits) - 1)
    give_up(file, "has " + std::to_string(tokens.size()) + " tokens");
  return tokens;
}

std::vector<TokenId> pairs_of(const std::vector<std::string>& tokens) {
  std::vector<TokenId> pairs(tokens::byte_pairs, tokens::no_token);
  for (TokenId id = 0; id < tokens.size(); ++id)
    if (tokens[id].size() == 2) pairs[tokens::pair_index(tokens[id].data())] = id;
  return pairs;
}

std::vector<std::uint32_t> slots_of(const std::vector<std::string>& tokens, unsigned bits, const char* file) {
  std::vector<std::uint32_t> slots(std::size_t{1} << bits, tokens::empty_slot);
  for (TokenId id = 0; id < tokens.size(); ++id) {
    const std::uint64_t hash = tokens::hash_of(tokens[id].data(), tokens[id].size());
    const auto tag = static_cast<std::uint32_t>(hash >> (32 + tokens::id_bits));
    std::size_t slot = hash & (slots.size() - 1);
    for (; slots[slot] != tokens::empty_slot; slot = (slot + 1) & (slots.size() - 1)) {
      const TokenId there = slots[slot] & ((1u << tokens::id_bits) - 1);
      if (tokens[there] == tokens[id]) give_up(file, "rank " + std::to_string(id) + " is there twice");
    }
    slots[slot] = tag << tokens::id_bits | id;
  }
  return slots;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) give_up("usage", "pack_ranks IN OUT");
  const std::vector<std::string> tokens = read_tokens(argv[1]);

  unsigned bits = 1;  // at most half of the slots are taken
  while ((std::size_t{1} << bits) < 2 * tokens.size()) ++bits;
  std::vector<std::uint32_t> starts{0};
  std::string bytes;
  std::size_t longest = 0;
  bool is_single[256] = {};
  for (const std::string& token : tokens) {
    bytes += token;
    starts.push_back(static_cast<std::uint32_t>(bytes.size()));
    longest = std::max(longest, token.size());
    if (token.size() == 1) is_single[static_cast<unsigned char>(token[0])] = true;
  }
  for (const bool single : is_single)
    if (!single) give_up(argv[1], "not every byte is a token: some text would have none");

  const std::vector<std::uint32_t> slots = slots_of(tokens, bits, argv[1]);
  const std::uint32_t header[] = {tokens::rank_table_format, static_cast<std::uint32_t>(tokens.size()), bits,
                                  static_cast<std::uint32_t>(longest)};
  static_assert(std::size(header) == tokens::header_words);
  std::ofstream out(argv[2], std::ios::binary | std::ios::trunc);
  const auto write = [&out](const auto& words) {
    out.write(reinterpret_cast<const char*>(std::data(words)),
              static_cast<std::streamsize>(std::size(words) * sizeof *std::data(words)));
  };
  write(header);
  write(starts);
  write(pairs_of(tokens));
  write(slots);
  write(bytes);
  if (!out.flush()) give_up(argv[2], "cannot be written");
  return 0;
}
