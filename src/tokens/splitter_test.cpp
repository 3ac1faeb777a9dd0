#include "tokens/splitter.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using tokens::Piece;

namespace {

// The pieces, with a bar between them.
std::string cut(std::string_view text, Piece (*next)(const char*, const char*) noexcept) {
  std::string out;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const Piece piece = next(at, end);
    REQUIRE(piece.end > at);
    REQUIRE(piece.end <= end);
    REQUIRE(piece.seen >= piece.end);
    out.append(out.empty() ? "" : "|").append(at, piece.end);
    at = piece.end;
  }
  return out;
}

std::string o200k(std::string_view text) { return cut(text, tokens::next_piece_o200k); }
std::string cl100k(std::string_view text) { return cut(text, tokens::next_piece_cl100k); }

}  // namespace

TEST_CASE("a word takes one character before it that is neither letter, number nor line end") {
  CHECK(o200k("Hello world,foo (bar) \tx") == "Hello| world|,foo| (|bar|)| |\tx");
  CHECK(cl100k("Hello world,foo (bar) \tx") == "Hello| world|,foo| (|bar|)| |\tx");
  CHECK(o200k("a\nb\r\nc") == "a|\n|b|\r\n|c");
  CHECK(o200k("\xC2\xA0x \xE3\x80\x80y") == "\xC2\xA0x| |\xE3\x80\x80y");  // no-break and ideographic space
}

TEST_CASE("o200k_base ends a word where a capital follows a small letter, cl100k_base does not") {
  CHECK(o200k("camelCase HTTPServer XMLhttp ABC") == "camel|Case| HTTPServer| XMLhttp| ABC");
  CHECK(cl100k("camelCase HTTPServer") == "camelCase| HTTPServer");
}

TEST_CASE("letters without case end a run of capitals") {
  CHECK(o200k("\xE4\xB8\xAD"
              "AB c") == "\xE4\xB8\xAD|AB| c");  // 中AB: the small part has to be 中 alone
  CHECK(o200k("AB\xE4\xB8\xAD"
              "CD") == "AB\xE4\xB8\xAD|CD");
  CHECK(o200k("A\xE4\xB8\xAD"
              "b") ==
        "A\xE4\xB8\xAD"
        "b");
  CHECK(cl100k("\xE4\xB8\xAD"
               "AB c") ==
        "\xE4\xB8\xAD"
        "AB| c");
}

TEST_CASE("a mark is part of a word, leads one, or is one") {
  CHECK(o200k("e\xCC\x81t") == "e\xCC\x81t");
  CHECK(cl100k("e\xCC\x81t") == "e|\xCC\x81t");
  CHECK(o200k("\xCC\x81"
              "AB") == "\xCC\x81|AB");
  CHECK(o200k("\xCC\x81"
              "Ab") ==
        "\xCC\x81"
        "Ab");
  CHECK(o200k("\xCC\x81's") == "\xCC\x81's");
  CHECK(o200k("\xCC\x81 ") == "\xCC\x81| ");
  CHECK(o200k(" \xCC\x81") == " \xCC\x81");
}

TEST_CASE("a contraction is the end of a word in o200k_base and a piece in cl100k_base") {
  CHECK(o200k("don't WE'LL I'm 'tis he's're") == "don't| WE'LL| I'm| '|tis| he's|'re");
  CHECK(cl100k("don't WE'LL 'tis") == "don|'t| WE|'LL| '|tis");
  CHECK(o200k("it'\xC5\xBF x'r x'") == "it'\xC5\xBF| x|'r| x|'");  // the long s
  CHECK(cl100k("'story") == "'s|tory");
}

TEST_CASE("numbers are cut after three digits, of any script") {
  CHECK(o200k("12345 1a") == "123|45| |1|a");
  CHECK(cl100k("\xD9\xA1\xD9\xA2\xD9\xA3\xD9\xA4") == "\xD9\xA1\xD9\xA2\xD9\xA3|\xD9\xA4");
}

TEST_CASE("signs take line ends behind them, and in o200k_base slashes after these") {
  CHECK(o200k("x;\n\n//\n y") == "x|;\n\n//\n| y");
  CHECK(cl100k("x;\n\n//\n y") == "x|;\n\n|//\n| y");
  CHECK(o200k("  ?!") == " | ?!");
}

TEST_CASE("white space ends behind its last line end, or leaves one character to what follows") {
  CHECK(o200k("a   b") == "a|  | b");
  CHECK(o200k("a \n \n  b") == "a| \n \n| | b");
  CHECK(o200k("a  \n  ") == "a|  \n|  ");
  CHECK(o200k("a   1") == "a|  | |1");
  CHECK(cl100k("\t\t\tx") == "\t\t|\tx");
  CHECK(o200k("\xEF\xBB\xBFx y") == "\xEF\xBB\xBFx| y");  // U+FEFF is no white space
}

TEST_CASE("bytes that are not UTF-8 are signs, one by one") {
  CHECK(o200k("\xFF\xC3(\xE4\xB8") == "\xFF\xC3(\xE4\xB8");
  CHECK(o200k("\xED\xA0\x80 \xC0\x80") == "\xED\xA0\x80| \xC0\x80");
  CHECK(o200k("a\xF4\x90\x80\x80") == "a|\xF4\x90\x80\x80");
}
