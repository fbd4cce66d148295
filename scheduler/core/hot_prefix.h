// How large a share of the recent requests passes through a prefix: a sliding window over the last
// requests, each counted under every prefix that it was noted with.
//
// A request is noted under the prefixes above its key too. Only so does the share of a prefix stay
// what it is after its requests got longer keys, and a hot prefix is not forgotten because it was
// split.
#pragma once

#include <cstdint>
#include <deque>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "kvstore/block/block_key.h"

namespace cairn {

class PrefixTraffic {
 public:
  // The window is as long as the last `requests_max` notes say. At most `prefixes_max` prefixes are
  // kept; with more, the window gets shorter.
  explicit PrefixTraffic(uint32_t prefixes_max = 1u << 18) : prefixes_max_(prefixes_max) {}

  // One request. The window drops what is older than `requests_max` requests.
  void Note(std::span<const BlockKey> prefixes, uint32_t requests_max);

  uint32_t requests() const { return static_cast<uint32_t>(sizes_.size()); }
  uint32_t count(const BlockKey& prefix) const;  // requests in the window that pass through it

 private:
  void DropOldest();

  const uint32_t prefixes_max_;
  std::deque<uint32_t> sizes_;                      // prefixes of each request, oldest first
  std::deque<BlockKey> prefixes_;                   // of all of them
  absl::flat_hash_map<BlockKey, uint32_t> counts_;  // looked up, never walked
};

}  // namespace cairn
