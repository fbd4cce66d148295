#include "kvstore/block/block_chain.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <vector>

namespace cairn {
namespace {

std::vector<TokenId> Count(int n) {
  std::vector<TokenId> tokens(static_cast<size_t>(n));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

TEST_CASE("a chain has one key for each full block, however its tokens came") {
  const std::vector<TokenId> tokens = Count(14);
  BlockChain at_once({.salt = "s", .block_tokens = 4});
  at_once.Append(tokens);
  BlockChain one_by_one({.salt = "s", .block_tokens = 4});
  for (TokenId token : tokens) one_by_one.Append(token);
  REQUIRE(at_once.full_blocks() == 3);
  REQUIRE(one_by_one.full_blocks() == 3);
  for (uint32_t i = 0; i < 3; ++i) CHECK(at_once.key(i) == one_by_one.key(i));
  CHECK(at_once.parent(0) == std::nullopt);
  CHECK(at_once.parent(2) == at_once.key(1));
  CHECK(at_once.block_span(2)[3] == 11);
}

TEST_CASE("chains share keys up to the block in which they differ, and none behind it") {
  std::vector<TokenId> tokens = Count(12);
  BlockChain one({.block_tokens = 4});
  one.Append(tokens);
  tokens[5] = 99;
  BlockChain other({.block_tokens = 4});
  other.Append(tokens);
  CHECK(one.key(0) == other.key(0));
  CHECK(one.key(1) != other.key(1));
  CHECK(one.key(2) != other.key(2));  // the same tokens, but behind another parent
}

TEST_CASE("the salt of the first block is inherited by all") {
  BlockChain one({.salt = "a", .block_tokens = 2}), other({.salt = "b", .block_tokens = 2});
  one.Append(Count(6));
  other.Append(Count(6));
  for (uint32_t i = 0; i < 3; ++i) CHECK(one.key(i) != other.key(i));
}

}  // namespace
}  // namespace cairn
