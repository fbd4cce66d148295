#include "scheduler/core/affinity_key.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

// The window holds so many requests for each worker, so that the threshold of 2/n is 32 requests.
constexpr uint32_t kRequestsPerWorker = 16;
constexpr uint32_t kWindowMin = 200;
constexpr uint32_t kWindowMax = 16'384;
// Fewer say nothing about shares.
constexpr uint32_t kRequestsMin = 20;
constexpr uint32_t kCountMin = 8;
// A request is also counted under so many prefixes below its key: they may be the next to be hot.
constexpr uint32_t kLookAhead = 4;

bool IsHot(uint32_t count, uint32_t requests, uint32_t workers) {
  return requests >= kRequestsMin && count >= kCountMin &&
         uint64_t{count} * workers > uint64_t{2} * requests;
}

bool IsCold(uint32_t count, uint32_t requests, uint32_t workers) {
  return uint64_t{count} * workers * 3 < uint64_t{2} * requests;
}

}  // namespace

AffinityKeys::AffinityKeys(const AffinityOptions& options) : options_(options) {
  CAIRN_CHECK_GT(options.stride_blocks, 0u);
  CAIRN_CHECK_GT(options.depth_max, 0u);
}

// The last level ends with the chain, be its stride full or not: where everything before is shared,
// the rest is all there is to tell prompts apart.
uint32_t AffinityKeys::Levels(std::span<const BlockKey> chain) const {
  const size_t levels = (chain.size() + options_.stride_blocks - 1) / options_.stride_blocks;
  return static_cast<uint32_t>(std::min<size_t>(levels, options_.depth_max));
}

const BlockKey& AffinityKeys::KeyAt(std::span<const BlockKey> chain, uint32_t depth) const {
  return chain[std::min<size_t>(size_t{depth} * options_.stride_blocks, chain.size()) - 1];
}

BlockKey AffinityKeys::Observe(std::span<const BlockKey> chain, uint32_t workers) {
  CAIRN_CHECK(!chain.empty());
  const uint32_t levels = Levels(chain);
  const uint32_t before = DepthOf(chain);
  absl::InlinedVector<BlockKey, 16> noted;
  for (uint32_t depth = 1; depth <= std::min(levels, before + kLookAhead); ++depth) {
    noted.push_back(KeyAt(chain, depth));
  }
  traffic_.Note(noted, std::clamp(workers * kRequestsPerWorker, kWindowMin, kWindowMax));

  const uint32_t requests = traffic_.requests();
  uint32_t depth = 1;
  for (; depth < levels; ++depth) {
    const BlockKey& prefix = KeyAt(chain, depth);
    const uint32_t count = traffic_.count(prefix);
    const auto known = lengthened_.find(prefix);
    if (known == lengthened_.end()) {
      if (!IsHot(count, requests, workers)) break;
      Lengthen(prefix);
    } else if (IsCold(count, requests, workers)) {
      Shorten(prefix);
      break;
    } else {
      order_.splice(order_.begin(), order_, known->second);
    }
  }
  return KeyAt(chain, depth);
}

uint32_t AffinityKeys::DepthOf(std::span<const BlockKey> chain) const {
  const uint32_t levels = Levels(chain);
  uint32_t depth = 1;
  while (depth < levels && lengthened_.contains(KeyAt(chain, depth))) ++depth;
  return depth;
}

BlockKey AffinityKeys::Find(std::span<const BlockKey> chain) const {
  CAIRN_CHECK(!chain.empty());
  return KeyAt(chain, DepthOf(chain));
}

void AffinityKeys::Lengthen(const BlockKey& prefix) {
  order_.push_front(prefix);
  lengthened_.emplace(prefix, order_.begin());
  if (lengthened_.size() <= options_.lengthened_max) return;
  lengthened_.erase(order_.back());
  order_.pop_back();
}

void AffinityKeys::Shorten(const BlockKey& prefix) {
  const auto known = lengthened_.find(prefix);
  order_.erase(known->second);
  lengthened_.erase(known);
}

}  // namespace cairn
