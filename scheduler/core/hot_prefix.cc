#include "scheduler/core/hot_prefix.h"

#include <algorithm>

namespace cairn {

void PrefixTraffic::Note(std::span<const BlockKey> prefixes, uint32_t requests_max) {
  prefixes = prefixes.first(std::min<size_t>(prefixes.size(), prefixes_max_));
  for (const BlockKey& prefix : prefixes) {
    prefixes_.push_back(prefix);
    ++counts_[prefix];
  }
  sizes_.push_back(static_cast<uint32_t>(prefixes.size()));
  while (sizes_.size() > requests_max || prefixes_.size() > prefixes_max_) DropOldest();
}

void PrefixTraffic::DropOldest() {
  for (uint32_t i = 0; i < sizes_.front(); ++i) {
    const auto found = counts_.find(prefixes_.front());
    if (--found->second == 0) counts_.erase(found);
    prefixes_.pop_front();
  }
  sizes_.pop_front();
}

uint32_t PrefixTraffic::count(const BlockKey& prefix) const {
  const auto found = counts_.find(prefix);
  return found == counts_.end() ? 0 : found->second;
}

}  // namespace cairn
