#include "scheduler/core/shadow_cache.h"

#include <catch2/catch.hpp>
#include <vector>

namespace cairn {
namespace {

std::vector<BlockKey> MakeChain(uint64_t id, uint32_t blocks) {
  std::vector<BlockKey> chain;
  for (uint32_t block = 0; block < blocks; ++block) chain.push_back({id, block});
  return chain;
}

struct OneWorker {
  explicit OneWorker(uint64_t blocks_max) : shadow(index, holder, blocks_max) {}
  uint32_t Held(uint64_t id) const { return index.Match(holder, MakeChain(id, 30)).blocks; }

  PrefixIndex index{PrefixIndexLimits{.bytes_max = 1 << 16}};
  HolderId holder = index.Join();
  ShadowCache shadow;
};

TEST_CASE(
    "a worker is taken to hold what it computed, and the longest unused is given up, tail first") {
  OneWorker worker(50);
  for (uint64_t id = 1; id <= 5; ++id) worker.shadow.Use(MakeChain(id, 10));
  for (uint64_t id = 1; id <= 5; ++id) CHECK(worker.Held(id) == 10);
  worker.shadow.Use(MakeChain(1, 10));  // of use again
  worker.shadow.Use(MakeChain(6, 4));
  CHECK(worker.Held(1) == 10);
  CHECK(worker.Held(2) == 6);
  CHECK(worker.Held(6) == 4);
  CHECK(worker.shadow.blocks() == 50);
  CHECK(worker.index.known(worker.holder) == 50);
}

TEST_CASE("of a chain longer than the worker its head is kept") {
  OneWorker worker(20);
  worker.shadow.Use(MakeChain(1, 30));
  CHECK(worker.Held(1) == 20);
  worker.shadow.SetLimit(5);
  CHECK(worker.Held(1) == 5);
  CHECK(worker.shadow.blocks() == 5);
  worker.shadow.SetLimit(0);
  worker.shadow.Use(MakeChain(2, 3));
  CHECK(worker.index.blocks() == 0);
}

TEST_CASE("a shared head is one set of blocks and stays while any chain uses it") {
  OneWorker worker(12);
  std::vector<BlockKey> one = MakeChain(1, 8), other = MakeChain(1, 4);
  for (uint32_t block = 4; block < 8; ++block) other.push_back({2, block});
  worker.shadow.Use(one);
  worker.shadow.Use(other);
  CHECK(worker.shadow.blocks() == 12);
  worker.shadow.Use(MakeChain(3, 4));  // pushes out the tail of the first
  CHECK(worker.Held(1) == 4);
  CHECK(worker.index.Match(worker.holder, other).blocks == 8);
}

}  // namespace
}  // namespace cairn
