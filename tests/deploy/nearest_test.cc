#include "deploy/cli/nearest.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

TEST_CASE("the distance counts inserted, deleted, replaced and swapped letters") {
  CHECK(EditDistance("", "abc") == 3);
  CHECK(EditDistance("model", "model") == 0);
  CHECK(EditDistance("modle", "model") == 1);
  CHECK(EditDistance("kv-bugdet", "kv-budget") == 1);
  CHECK(EditDistance("prot", "port") == 1);
  CHECK(EditDistance("kitten", "sitting") == 3);
}

TEST_CASE("a slip of the finger finds its word, a different word finds nothing") {
  const std::vector<std::string> known = {"up", "chat", "complete", "model", "bench"};
  CHECK(Nearest("upp", known) == "up");
  CHECK(Nearest("caht", known) == "chat");
  CHECK(Nearest("comp", known) == "complete");
  CHECK_FALSE(Nearest("zebra", known));
  CHECK_FALSE(Nearest("", known));
  CHECK_FALSE(Nearest(std::string(100000, 'x'), known));
}

}  // namespace
}  // namespace cairn
