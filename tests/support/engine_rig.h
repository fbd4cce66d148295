// An engine over a tiny model, with its arena and team: everything a test needs to run steps.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"
#include "kvstore/media/host_arena.h"
#include "worker/engine/cpu_engine.h"

namespace cairn {

class EngineRig {
 public:
  EngineRig(const std::filesystem::path& model, const CpuEngineOptions& options, int threads,
            uint32_t slots)
      : team_(threads, /*pin=*/false) {
    absl::StatusOr<LoadedModel> loaded = LoadModel(model, options, team_, nullptr);
    CAIRN_CHECK(loaded.ok());
    auto arena = HostArena::Make(slots, loaded->geometry.BlockBytes(), ArenaFill::kOnDemand);
    CAIRN_CHECK(arena.ok());
    arena_ = *std::move(arena);
    engine_ = std::make_unique<CpuEngine>(*std::move(loaded), *arena_, team_);
  }

  CpuEngine& engine() { return *engine_; }
  HostArena& arena() { return *arena_; }

  // Slots `first`, `first` + 1, ... for so many tokens.
  std::vector<SlotIndex> Table(uint32_t first, size_t tokens) const {
    std::vector<SlotIndex> table;
    const uint32_t block_tokens = engine_->geometry().block_tokens;
    for (uint32_t i = 0; i * block_tokens < tokens; ++i) table.push_back(SlotIndex(first + i));
    return table;
  }

 private:
  WorkerTeam team_;
  std::unique_ptr<HostArena> arena_;
  std::unique_ptr<CpuEngine> engine_;
};

inline std::vector<TokenId> RandomTokens(uint64_t seed, size_t count, uint32_t vocabulary) {
  Prng prng(seed);
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) token = static_cast<TokenId>(prng.Below(vocabulary));
  return tokens;
}

}  // namespace cairn
