#include "worker/engine/engine_bench.h"

#include <algorithm>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

struct BenchSequence {
  SequenceId id;
  std::vector<TokenId> tokens;
  std::vector<SlotIndex> table;
};

std::vector<SlotIndex> TableFor(const BenchSequence& sequence, uint32_t tokens,
                                uint32_t block_tokens) {
  const uint32_t blocks = (tokens + block_tokens - 1) / block_tokens;
  return {sequence.table.begin(), sequence.table.begin() + blocks};
}

std::vector<BenchSequence> MakeSequences(const EngineBenchCell& cell, const Engine& engine,
                                         uint64_t seed) {
  const uint32_t block_tokens = engine.geometry().block_tokens;
  Prng prng(seed);
  const uint32_t blocks = (cell.context + cell.decode_steps + block_tokens) / block_tokens;
  std::vector<BenchSequence> sequences(cell.batch);
  for (uint32_t i = 0; i < cell.batch; ++i) {
    BenchSequence& sequence = sequences[i];
    sequence.id = SequenceId(i + 1);
    for (uint32_t t = 0; t < cell.context; ++t) {
      sequence.tokens.push_back(static_cast<TokenId>(prng.Below(engine.vocabulary_size())));
    }
    // Neighbouring blocks of a sequence are not neighbours in memory, as in a pool that has been
    // used.
    for (uint32_t b = 0; b < blocks; ++b) sequence.table.push_back(SlotIndex(b * cell.batch + i));
  }
  return sequences;
}

// Prefills the first `count` sequences as one stream of chunks; the last token of each is sampled.
absl::Status Prefill(Engine& engine, const EngineBenchCell& cell, const SamplingParams& params,
                     std::span<BenchSequence> sequences) {
  const uint32_t block_tokens = engine.geometry().block_tokens;
  StepPlan plan;
  uint32_t room = cell.step_tokens;
  const auto run = [&]() -> absl::Status {
    if (plan.spans.empty()) return absl::OkStatus();
    ++plan.number;
    absl::StatusOr<StepResult> result = engine.Run(plan);
    plan.spans.clear();
    room = cell.step_tokens;
    return result.status();
  };
  for (BenchSequence& sequence : sequences) {
    for (uint32_t at = 0; at < cell.context;) {
      const uint32_t count = std::min(room, cell.context - at);
      StepSpan span{.sequence = sequence.id, .first_position = at};
      span.tokens.assign(sequence.tokens.begin() + at, sequence.tokens.begin() + at + count);
      span.table = TableFor(sequence, at + count, block_tokens);
      at += count;
      room -= count;
      if (at == cell.context) span.samples.push_back({.params = &params, .position = at});
      plan.spans.push_back(std::move(span));
      if (room == 0) {
        if (absl::Status status = run(); !status.ok()) return status;
      }
    }
  }
  return run();
}

absl::Status CopyFirstToOthers(Engine& engine, std::span<const BenchSequence> sequences,
                               const SamplingParams& params) {
  StepPlan plan;
  const uint32_t block_tokens = engine.geometry().block_tokens;
  const BenchSequence& first = sequences.front();
  const auto context = static_cast<uint32_t>(first.tokens.size());
  for (const BenchSequence& other : sequences.subspan(1)) {
    for (uint32_t b = 0; b * block_tokens < context; ++b) {
      plan.copies.push_back({first.table[b], other.table[b]});
    }
  }
  // A step computes something: the last token of the first sequence again.
  StepSpan span{
      .sequence = first.id, .first_position = context - 1, .tokens = {first.tokens.back()}};
  span.table = TableFor(first, context, block_tokens);
  span.samples.push_back({.params = &params, .position = context});
  plan.spans.push_back(std::move(span));
  return engine.Run(plan).status();
}

absl::StatusOr<std::vector<double>> Decode(Engine& engine, const Clock& clock,
                                           const EngineBenchCell& cell,
                                           const SamplingParams& params,
                                           std::span<const BenchSequence> sequences) {
  std::vector<double> seconds;
  std::vector<TokenId> next(sequences.size(), 100);
  for (uint32_t step = 0; step < cell.decode_steps; ++step) {
    StepPlan plan{.number = step};
    for (size_t i = 0; i < sequences.size(); ++i) {
      StepSpan span{
          .sequence = sequences[i].id, .first_position = cell.context + step, .tokens = {next[i]}};
      span.table = TableFor(sequences[i], cell.context + step + 1, engine.geometry().block_tokens);
      span.samples.push_back({.params = &params, .position = cell.context + step + 1});
      plan.spans.push_back(std::move(span));
    }
    const Instant begin = clock.Now();
    absl::StatusOr<StepResult> result = engine.Run(plan);
    if (!result.ok()) return result.status();
    seconds.push_back((clock.Now() - begin).seconds());
    for (size_t i = 0; i < sequences.size(); ++i) next[i] = result->samples[i][0].token;
  }
  return seconds;
}

// Of one row that attends to `seen` tokens in full layers: scores, and weighted values.
double AttentionOps(const ModelConfig& config, double seen) {
  const double local = static_cast<double>(config.local_layers.size());
  const double in_window = std::min(seen, static_cast<double>(config.window));
  return 4.0 * config.query_width() * ((config.layers - local) * seen + local * in_window);
}

}  // namespace

EngineBenchWork WorkOf(const ModelConfig& config, const EngineBenchCell& cell) {
  const double width = config.width;
  const double layer = width * (2.0 * config.query_width() + 2.0 * config.kv_width()) +
                       3 * width * config.feed_forward;
  const double body = 2 * layer * config.layers, head = 2 * width * config.vocabulary;
  EngineBenchWork work;
  work.prefill_product_ops = cell.context * body + head;
  for (uint32_t seen = 1; seen <= cell.context; ++seen) {
    work.prefill_attention_ops += AttentionOps(config, seen);
  }
  work.decode_product_ops = cell.batch * (body + head);
  work.decode_attention_ops =
      cell.batch * AttentionOps(config, cell.context + cell.decode_steps / 2.0);
  return work;
}

uint32_t SlotsFor(const EngineBenchCell& cell, uint32_t block_tokens) {
  return cell.batch * ((cell.context + cell.decode_steps + block_tokens) / block_tokens);
}

absl::StatusOr<EngineBenchResult> RunEngineBench(Engine& engine, const Clock& clock,
                                                 const EngineBenchCell& cell, uint64_t seed) {
  if (cell.context == 0 || cell.batch == 0) {
    return absl::InvalidArgumentError("batch and context must be at least 1");
  }
  const SamplingParams greedy{.temperature = 0};
  std::vector<BenchSequence> sequences = MakeSequences(cell, engine, seed);
  EngineBenchResult out;
  const size_t computed = cell.measure_prefill ? sequences.size() : 1;
  const Instant begin = clock.Now();
  absl::Status status = Prefill(engine, cell, greedy, std::span(sequences).first(computed));
  if (!status.ok()) return status;
  out.prefill_seconds = (clock.Now() - begin).seconds();
  out.prefill_tokens_per_second =
      static_cast<double>(computed) * cell.context / out.prefill_seconds;
  if (computed < sequences.size()) {
    status = CopyFirstToOthers(engine, sequences, greedy);
    if (!status.ok()) return status;
  }
  if (cell.decode_steps == 0) return out;
  absl::StatusOr<std::vector<double>> seconds = Decode(engine, clock, cell, greedy, sequences);
  if (!seconds.ok()) return seconds.status();
  double total = 0;
  for (double s : *seconds) total += s;
  out.decode_tokens_per_second = cell.batch * static_cast<double>(cell.decode_steps) / total;
  std::ranges::nth_element(*seconds, seconds->begin() + seconds->size() / 2);
  out.decode_step_seconds = (*seconds)[seconds->size() / 2];
  return out;
}

}  // namespace cairn
