#include "worker/engine/step_meter.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <set>

#include "worker/engine/paced_engine.h"

namespace cairn {
namespace {

BlockGeometry Geometry() {
  return {.block_tokens = 16,
          .type = KvType::kBf16,
          .classes = {{.kind = LayerKind::kFull, .layers = {0}, .kv_heads = 1, .head_dim = 16}}};
}

// Every reading is a millisecond later than the one before.
class CountingClock final : public Clock {
 public:
  Instant Now() const override { return now_ = now_ + Milliseconds(1); }

 private:
  mutable Instant now_;
};

// Remembers what it was asked to run.
class WatchedEngine final : public Engine {
 public:
  const BlockGeometry& geometry() const override { return geometry_; }
  uint32_t vocabulary_size() const override { return 100; }
  uint32_t context_length() const override { return 8192; }
  absl::StatusOr<StepResult> Run(const StepPlan& plan) override {
    ++runs;
    for (const StepSpan& span : plan.spans) {
      tokens += span.tokens.size();
      slots.insert(span.table.begin(), span.table.end());
      table_slots += span.table.size();
    }
    return StepResult{};
  }

  uint32_t runs = 0;
  size_t tokens = 0;
  size_t table_slots = 0;
  std::set<SlotIndex> slots;

 private:
  const BlockGeometry geometry_ = Geometry();
};

TEST_CASE("shapes to measure keep to the step's budget, the context and the KV there is") {
  const std::vector<StepShape> shapes = ShapesToMeasure(256, 2048, 16384);
  bool mixed = false;
  for (const StepShape& shape : shapes) {
    CHECK(shape.new_tokens + shape.sequences <= 256);
    CHECK(shape.new_tokens + shape.cached_tokens <= 2048);
    CHECK(shape.context <= 2048);
    CHECK(shape.sequences * shape.context + shape.new_tokens + shape.cached_tokens <= 16384);
    CHECK(shape.new_tokens + shape.sequences > 0);
    mixed |= shape.new_tokens > 0 && shape.sequences > 0;
  }
  CHECK(mixed);
  CHECK(SlotsFor(shapes, 16) <= 16384 / 16 + 64);
}

TEST_CASE("a measured step runs its shape, each sequence over slots of its own") {
  WatchedEngine engine;
  const CountingClock clock;
  const StepShape shape{.new_tokens = 40, .cached_tokens = 100, .sequences = 3, .context = 33};
  const absl::StatusOr<Duration> took = MeasureStep(engine, clock, shape, 5);
  REQUIRE(took.ok());
  CHECK(*took == Milliseconds(1));
  CHECK(engine.runs == 6);  // one does not count
  CHECK(engine.tokens == 6 * (40 + 3));
  CHECK(engine.table_slots == 6 * engine.slots.size());
  CHECK(engine.slots.size() == 9 + 3 * 3);
  CHECK(SlotsFor({shape}, 16) == engine.slots.size());
}

// On a clock of its own a step takes 1 ms, and 4 ms when nothing was asked for a while.
class SleepyEngine final : public Engine, public Clock {
 public:
  const BlockGeometry& geometry() const override { return geometry_; }
  uint32_t vocabulary_size() const override { return 100; }
  uint32_t context_length() const override { return 8192; }
  Instant Now() const override { return now_; }
  absl::StatusOr<StepResult> Run(const StepPlan&) override {
    const bool slept = std::chrono::steady_clock::now() - ended_ >= kPause;
    now_ = now_ + Milliseconds(slept ? 4 : 1);
    ended_ = std::chrono::steady_clock::now();
    return StepResult{};
  }

  static constexpr std::chrono::milliseconds kPause{20};

 private:
  const BlockGeometry geometry_ = Geometry();
  Instant now_;
  std::chrono::steady_clock::time_point ended_;
};

TEST_CASE("what a pause costs is measured") {
  SleepyEngine engine;
  CHECK(MeasureWake(engine, engine, 512, 3, Milliseconds(20)).value() == Milliseconds(3));
}

TEST_CASE("a paced engine waits as long as it was told and draws by seed and position alone") {
  PacedEngine engine(Geometry(), 500, 2048,
                     [](const StepPlan&, Duration) { return Microseconds(200); });
  const SamplingParams greedy;
  const auto token_at = [&](uint64_t seed, uint32_t position) {
    StepPlan plan;
    plan.spans.push_back({.sequence = SequenceId(1), .tokens = {1}, .table = {SlotIndex(0)}});
    plan.spans[0].samples.push_back({.params = &greedy, .seed = seed, .position = position});
    const auto begin = std::chrono::steady_clock::now();
    const absl::StatusOr<StepResult> result = engine.Run(plan);
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::microseconds(200));
    REQUIRE(result.ok());
    CHECK(result->elapsed == Microseconds(200));
    const TokenId token = result->samples.at(0).at(0).token;
    CHECK(token >= 125);  // the first quarter may be control tokens
    CHECK(token < 500);
    return token;
  };
  CHECK(token_at(7, 20) == token_at(7, 20));
  std::set<TokenId> drawn;
  for (uint32_t position = 0; position < 8; ++position) drawn.insert(token_at(7, position));
  CHECK(drawn.size() > 4);
}

}  // namespace
}  // namespace cairn
