// Stop strings are found however the text is cut.
#include "scheduler/ingress/stop_scanner.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

struct Found {
  std::string text;
  bool stopped = false;
  bool operator==(const Found&) const = default;
};

Found Scan(const std::vector<std::string>& pieces, std::vector<std::string> stops,
           bool include = false) {
  StopScanner scanner(std::make_shared<const StopStrings>(std::move(stops), include));
  Found found;
  for (const std::string& piece : pieces) {
    if (scanner.Feed(piece, found.text)) {
      found.stopped = true;
      return found;
    }
  }
  scanner.Finish(found.text);
  return found;
}

TEST_CASE("text goes through up to the stop string") {
  CHECK(Scan({"one two"}, {"two"}) == Found{"one ", true});
  CHECK(Scan({"one t", "wo"}, {"two"}) == Found{"one ", true});
  CHECK(Scan({"one two"}, {"two"}, true) == Found{"one two", true});
  CHECK(Scan({"one t", "en"}, {"two"}) == Found{"one ten", false});
  CHECK(Scan({"ab", "ab", "ac"}, {"abac"}) == Found{"ab", true});
}

TEST_CASE("the string that ends first wins, then the longest") {
  CHECK(Scan({"abcd"}, {"abcd", "bc"}) == Found{"a", true});
  CHECK(Scan({"abc"}, {"c", "bc"}) == Found{"a", true});
}

TEST_CASE("only what may still become a stop string is held back") {
  StopScanner scanner(std::make_shared<const StopStrings>(std::vector<std::string>{"###"}, false));
  std::string out;
  CHECK_FALSE(scanner.Feed("a##b#", out));
  CHECK(out == "a##b");
}

TEST_CASE("any cut of any text gives the answer of the whole text") {
  Prng prng(11);
  for (int round = 0; round < 2000; ++round) {
    const auto letters = [&](int64_t low, int64_t high) {
      std::string text;
      for (int64_t i = prng.Between(low, high); i > 0; --i) {
        text += static_cast<char>('a' + prng.Below(2));
      }
      return text;
    };
    const std::string text = letters(0, 30);
    const std::vector<std::string> stops = {letters(1, 6), letters(1, 6)};
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t step = 1 + prng.Below(4);
      pieces.push_back(text.substr(at, step));
      at += step;
    }
    CAPTURE(round, text, stops);
    REQUIRE(Scan(pieces, stops) == Scan({text}, stops));
  }
}

}  // namespace
}  // namespace cairn
