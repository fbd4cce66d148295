#include "scheduler/core/dual_hash.h"

#include <algorithm>
#include <functional>

#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

constexpr size_t kRememberedKeys = 4096;  // a power of two

uint64_t WordOf(uint64_t seed, NodeId worker) {
  return SplitMix64(SplitMix64(seed) ^ worker.value());
}

uint64_t WordOf(const BlockKey& key) { return SplitMix64(key.high) ^ key.low; }

uint64_t Score(uint64_t key_word, uint64_t worker_word) {
  return SplitMix64(key_word ^ worker_word);
}

}  // namespace

uint64_t RendezvousScore(const BlockKey& key, uint64_t seed, NodeId worker) {
  return Score(WordOf(key), WordOf(seed, worker));
}

DualHash::DualHash(uint32_t homes) : homes_(homes), remembered_(kRememberedKeys) {
  CAIRN_CHECK_GE(homes, 1u);
  CAIRN_CHECK_LE(homes, kHomesMax);
}

void DualHash::SetWorkers(std::span<const NodeId> workers) {
  CAIRN_CHECK(std::ranges::adjacent_find(workers, std::ranges::greater_equal()) == workers.end());
  workers_ = workers.size();
  words_.clear();
  for (uint64_t seed = 1; seed <= homes_; ++seed) {
    for (const NodeId worker : workers) words_.push_back(WordOf(seed, worker));
  }
  remembered_.assign(kRememberedKeys, {});
}

Homes DualHash::Find(const BlockKey& key) {
  Remembered& place = remembered_[WordOf(key) & (kRememberedKeys - 1)];
  if (place.homes.empty() || place.key != key) place = {key, Compute(key)};
  return place.homes;
}

Homes DualHash::Compute(const BlockKey& key) const {
  Homes homes;
  const uint64_t key_word = WordOf(key);
  const auto wanted = static_cast<uint32_t>(std::min<size_t>(homes_, workers_));
  while (homes.size() < wanted) {
    const uint64_t* words = &words_[homes.size() * workers_];
    uint64_t best_score = 0;
    uint32_t best = 0;
    bool any = false;
    for (uint32_t worker = 0; worker < workers_; ++worker) {
      const uint64_t score = Score(key_word, words[worker]);
      if (any && score <= best_score) continue;  // equal scores: the lower id
      if (std::ranges::find(homes, worker) != homes.end()) continue;
      best_score = score;
      best = worker;
      any = true;
    }
    homes.push_back(best);
  }
  return homes;
}

}  // namespace cairn
