// How far an engine's answers are from the NumPy reference of the same file, teacher-forced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/ids.h"
#include "kvstore/media/arena.h"
#include "worker/engine/cpu_engine.h"

namespace cairn {

// One text of a results file (reference_file.py).
struct ReferenceText {
  std::string name;
  std::vector<TokenId> ids;
  std::vector<TokenId> top;      // most likely next token after each position
  std::vector<float> total;      // log of the sum of exponentials of the logits
  std::vector<float> following;  // log-probability of the next token; NaN at the last position
};

absl::StatusOr<std::vector<ReferenceText>> ReadReference(const std::filesystem::path& path);

// Sums over predictions, so that texts add up.
struct Quality {
  uint64_t predictions = 0;
  uint64_t agreements = 0;    // positions with the same most likely token
  double reference_nats = 0;  // negative log-likelihood of the texts
  double engine_nats = 0;

  double agreement() const;  // share
  double reference_perplexity() const;
  double engine_perplexity() const;
  double perplexity_change() const;  // engine / reference - 1
  void Add(const Quality& other);
};

// Blocks that the longest text needs.
uint32_t SlotsFor(const std::vector<ReferenceText>& texts, uint32_t block_tokens);

// The engine's arena has room for the text in its first slots.
absl::StatusOr<Quality> MeasureQuality(CpuEngine& engine, const ReferenceText& text);

// A model file in one format beside its results file; what a test gates and a tool prints.
struct QualityRun {
  std::filesystem::path model;
  std::filesystem::path reference;
  WeightFormat weights = WeightFormat::kInt8;
  KvType kv = KvType::kBf16;
  uint32_t threads = 2;
};
struct TextQuality {
  std::string name;
  Quality quality;
};
absl::StatusOr<std::vector<TextQuality>> MeasureQuality(const QualityRun& run);

}  // namespace cairn
