#include "kvstore/tier/copy_table.h"

#include <catch2/catch.hpp>
#include <vector>

#include "kvstore/block/block_chain.h"

namespace cairn {
namespace {

// A table with a device pool, and chains of one token a block.
struct Table {
  BlockPool device{Tier::kDevice, 8};
  BlockPool dram{Tier::kDram, 8};
  CopyTable copies{1};

  HeldId Add(const BlockChain& chain, uint32_t block) {
    const HeldId held =
        copies.Insert(chain.key(block), chain.parent(block), chain.block_span(block));
    copies.Place(held, Tier::kDevice, device.Reserve(1)->Take(), CopyState::kReady);
    return held;
  }
  void AddDram(HeldId held) {
    copies.Place(held, Tier::kDram, dram.Reserve(1)->Take(), CopyState::kArriving);
    copies.MarkReady(held, Tier::kDram, 42);
  }
  std::vector<HeldId> EvictAll() {
    std::vector<HeldId> order;
    while (std::optional<HeldId> first = copies.EvictFirst(Tier::kDevice)) {
      order.push_back(*first);
      copies.MarkLeaving(*first);
      copies.Audit();
    }
    return order;
  }
};

BlockChain Chain(std::vector<TokenId> tokens) {
  BlockChain chain({.block_tokens = 1});
  chain.Append(tokens);
  return chain;
}

TEST_CASE("a tail goes before its head, whichever was used last") {
  Table table;
  const BlockChain chain = Chain({1, 2, 3});
  const HeldId head = table.Add(chain, 0), middle = table.Add(chain, 1), tail = table.Add(chain, 2);
  table.copies.Touch(tail);
  CHECK(table.EvictAll() == std::vector{tail, middle, head});
  CHECK(table.device.free() == 8);
}

TEST_CASE("among those that may go, the one unused for longest goes first") {
  Table table;
  const HeldId a = table.Add(Chain({1}), 0), b = table.Add(Chain({2}), 0),
               c = table.Add(Chain({3}), 0);
  table.copies.Touch(a);
  CHECK(table.EvictAll() == std::vector{b, c, a});
}

TEST_CASE("a leased copy stays, and so does everything before it") {
  Table table;
  const BlockChain chain = Chain({1, 2, 3});
  const HeldId head = table.Add(chain, 0), middle = table.Add(chain, 1), tail = table.Add(chain, 2);
  table.copies.AddLease(head);
  table.copies.AddLease(middle);
  CHECK(table.EvictAll() == std::vector{tail});
  table.copies.EndLease(middle);
  table.copies.EndLease(head);
  CHECK(table.EvictAll() == std::vector{middle, head});
}

TEST_CASE("a copy that a move reads leaves when the move is over, and its head after it") {
  Table table;
  const BlockChain chain = Chain({1, 2});
  const HeldId head = table.Add(chain, 0), tail = table.Add(chain, 1);
  table.copies.StartReading(tail, Tier::kDevice);
  table.copies.MarkLeaving(tail);
  CHECK(table.copies.EvictFirst(Tier::kDevice) == head);  // its only child is leaving
  table.copies.MarkLeaving(head);
  CHECK(table.device.free() == 6);
  CHECK(table.copies.leaving_device_copies() == 2);
  table.copies.StopReading(tail, Tier::kDevice);
  CHECK(table.device.free() == 8);
}

TEST_CASE("a lease takes the decision to evict back") {
  Table table;
  const BlockChain chain = Chain({1});
  const HeldId block = table.Add(chain, 0);
  table.copies.StartReading(block, Tier::kDevice);
  table.copies.MarkLeaving(block);
  table.copies.AddLease(block);
  table.copies.StopReading(block, Tier::kDevice);
  CHECK(table.device.free() == 7);
  table.copies.Audit();
  table.copies.EndLease(block);
  CHECK(table.copies.EvictFirst(Tier::kDevice) == block);
}

TEST_CASE("a key that lies costs a miss and never a wrong block") {
  Table table;
  const BlockChain chain = Chain({1, 2});
  const HeldId head = table.Add(chain, 0);
  const std::vector<TokenId> others = {7};
  CHECK(table.copies.Find(chain.key(0), std::nullopt, chain.block_span(0)) == head);
  CHECK_FALSE(table.copies.Find(chain.key(0), std::nullopt, others).has_value());
  CHECK_FALSE(table.copies.Find(chain.key(0), chain.key(1), chain.block_span(0)).has_value());
  CHECK(table.copies.KeyTaken(chain.key(0)));
}

TEST_CASE("a row lives as long as one of its copies") {
  Table table;
  const BlockChain chain = Chain({1});
  const HeldId block = table.Add(chain, 0);
  table.AddDram(block);
  table.copies.MarkLeaving(block);
  CHECK(table.copies.state(block, Tier::kDevice) == CopyState::kNone);
  CHECK(table.copies.checksum(block, Tier::kDram) == 42);
  table.copies.Drop(block, Tier::kDram);
  CHECK(table.copies.rows() == 0);
  CHECK_FALSE(table.copies.KeyTaken(chain.key(0)));
}

TEST_CASE("a private block is found by nobody and goes with its last lease") {
  Table table;
  const BlockChain chain = Chain({1});
  const HeldId block = table.copies.InsertPrivate(chain.key(0));
  table.copies.Place(block, Tier::kDevice, table.device.Reserve(1)->Take(), CopyState::kReady);
  table.copies.AddLease(block);
  CHECK_FALSE(table.copies.Find(chain.key(0), std::nullopt, chain.block_span(0)).has_value());
  CHECK_FALSE(table.copies.EvictFirst(Tier::kDevice).has_value());
  table.copies.EndLease(block);
  CHECK(table.device.free() == 8);
}

}  // namespace
}  // namespace cairn
