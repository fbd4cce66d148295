#include "scheduler/core/shadow_cache.h"

#include <algorithm>

namespace cairn {

ShadowCache::ShadowCache(PrefixIndex& index, HolderId holder, uint64_t blocks_max)
    : index_(index), holder_(holder), blocks_max_(blocks_max), entries_(1) {}

void ShadowCache::Unlink(uint32_t entry) {
  const Entry& gone = entries_[entry];
  entries_[gone.newer].older = gone.older;
  entries_[gone.older].newer = gone.newer;
}

void ShadowCache::LinkNewest(uint32_t entry) {
  const uint32_t newest = entries_[0].older;
  entries_[entry].newer = 0;
  entries_[entry].older = newest;
  entries_[newest].newer = entry;
  entries_[0].older = entry;
}

void ShadowCache::ForgetOldest() {
  const uint32_t oldest = entries_[0].newer;
  index_.Remove(holder_, entries_[oldest].key, Tier::kDevice);
  places_.erase(entries_[oldest].key);
  Unlink(oldest);
  free_.push_back(oldest);
}

void ShadowCache::Use(std::span<const BlockKey> chain) {
  const size_t size = std::min<size_t>(chain.size(), blocks_max_);
  for (size_t block = size; block > 0; --block) {
    const BlockKey& key = chain[block - 1];
    index_.Publish(holder_, {.key = key, .depth = static_cast<uint32_t>(block - 1)});
    const auto known = places_.find(key);
    if (known != places_.end()) {
      Unlink(known->second);
      LinkNewest(known->second);
      continue;
    }
    if (places_.size() >= blocks_max_) ForgetOldest();
    uint32_t entry = 0;
    if (free_.empty()) {
      entry = static_cast<uint32_t>(entries_.size());
      entries_.emplace_back();
    } else {
      entry = free_.back();
      free_.pop_back();
    }
    entries_[entry].key = key;
    places_.emplace(key, entry);
    LinkNewest(entry);
  }
}

void ShadowCache::SetLimit(uint64_t blocks_max) {
  blocks_max_ = blocks_max;
  while (places_.size() > blocks_max_) ForgetOldest();
}

}  // namespace cairn
