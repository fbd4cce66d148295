#include "scheduler/core/sent_blocks.h"

#include <utility>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

// A worker whose words do not come any more is not waited for with more prompts than this.
constexpr size_t kAwaitedMax = 4096;

}  // namespace

void SentBlocks::Send(RequestId request, std::span<const BlockKey> chain) {
  if (chain.empty()) return;
  const auto [sent, fresh] = sent_.emplace(request, Chain(chain.begin(), chain.end()));
  CAIRN_CHECK(fresh);
  for (const BlockKey& key : chain) ++expected_[key];
  Expect(chain);
}

void SentBlocks::Prefilled(RequestId request, uint64_t told_through) {
  auto sent = sent_.extract(request);
  if (sent.empty()) return;
  awaited_.push_back({told_through, std::move(sent.mapped())});
  if (awaited_.size() <= kAwaitedMax) return;
  GiveUp(awaited_.front().chain);
  awaited_.pop_front();
}

void SentBlocks::GiveUp(RequestId request) {
  const auto sent = sent_.extract(request);
  if (!sent.empty()) GiveUp(sent.mapped());
}

void SentBlocks::Hear(uint64_t applied) {
  while (!awaited_.empty() && awaited_.front().told_through <= applied) {
    GiveUp(awaited_.front().chain);
    awaited_.pop_front();
  }
}

void SentBlocks::MoveTo(HolderId holder) {
  if (holder == holder_) return;
  holder_ = holder;
  for (const auto& [request, chain] : sent_) Expect(chain);
  for (const Awaited& one : awaited_) Expect(one.chain);
}

void SentBlocks::Expect(std::span<const BlockKey> chain) {
  if (holder_ == kNoHolder) return;
  for (uint32_t block = 0; block < chain.size(); ++block)
    index_.Expect(holder_, chain[block], block);
}

// Tail before head, so that the index never shows a tail without its head.
void SentBlocks::GiveUp(const Chain& chain) {
  for (size_t block = chain.size(); block > 0; --block) {
    const auto expected = expected_.find(chain[block - 1]);
    if (--expected->second > 0) continue;
    expected_.erase(expected);
    if (holder_ != kNoHolder) index_.GiveUp(holder_, chain[block - 1]);
  }
}

}  // namespace cairn
