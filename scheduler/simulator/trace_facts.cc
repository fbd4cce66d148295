#include "scheduler/simulator/trace_facts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "scheduler/simulator/block_numbers.h"
#include "scheduler/simulator/reuse_distance.h"

namespace cairn {
namespace {

double Part(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::vector<uint32_t> OrderOf(const std::vector<Instant>& arrivals) {
  std::vector<uint32_t> order(arrivals.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&arrivals](uint32_t a, uint32_t b) { return arrivals[a] < arrivals[b]; });
  return order;
}

void AddArrivals(const std::vector<Instant>& arrivals, const std::vector<uint32_t>& order,
                 TraceFacts& facts) {
  if (order.size() < 2) return;
  const size_t gaps = order.size() - 1;
  facts.span = arrivals[order.back()] - arrivals[order.front()];
  double squares = 0;
  uint64_t zeros = 0;
  for (size_t i = 0; i < gaps; ++i) {
    const double gap = (arrivals[order[i + 1]] - arrivals[order[i]]).seconds();
    squares += gap * gap;
    zeros += gap == 0;
  }
  facts.same_instant_share = Part(zeros, gaps);
  const double mean = facts.span.seconds() / static_cast<double>(gaps);
  if (!(mean > 0)) return;
  facts.mean_rps = 1 / mean;
  const double variance = squares / static_cast<double>(gaps) - mean * mean;
  facts.gap_cv = std::sqrt(std::max(0.0, variance)) / mean;
}

void AddLengths(const Trace& trace, TraceFacts& facts) {
  std::vector<uint64_t> inputs, outputs;
  absl::flat_hash_set<uint32_t> sessions, tenants;
  for (const TraceRequest& request : trace.requests) {
    inputs.push_back(request.input_tokens);
    outputs.push_back(request.output_tokens);
    facts.input_tokens += request.input_tokens;
    facts.output_tokens += request.output_tokens;
    facts.waiting_requests += request.previous.has_value();
    sessions.insert(request.session);
    tenants.insert(request.tenant);
  }
  facts.requests = trace.requests.size();
  facts.sessions = sessions.size();
  facts.tenants = tenants.size();
  facts.input = DistributionOf(std::move(inputs));
  facts.output = DistributionOf(std::move(outputs));
}

// What prompts share, request by request.
class Sharing {
 public:
  Sharing(const Trace& trace, std::span<const uint64_t> capacities) : trace_(trace) {
    for (const uint64_t tokens : capacities) lru_.push_back({tokens, 0, 0});
  }

  void Add(const TraceRequest& request) {
    const std::span<const uint32_t> blocks = numbers_.Of(request.blocks);
    const std::vector<std::optional<uint64_t>> distances = distance_.Use(blocks);
    uses_.resize(numbers_.size());
    size_t hit = 0;
    while (hit < distances.size() && distances[hit].has_value()) ++hit;
    const uint32_t hit_tokens = TokensOfBlocks(trace_, request, hit);
    blocks_ += request.blocks.size();
    block_hits_ += hit;
    token_hits_ += hit_tokens;
    request_hits_ += Part(hit_tokens, request.input_tokens);
    without_hit_ += hit == 0;
    missed_.push_back(request.input_tokens - std::min(hit_tokens, request.input_tokens - 1));
    for (size_t i = 0; i < blocks.size(); ++i) {
      Uses& uses = uses_[blocks[i]];
      ++uses.count;
      uses.hits += i < hit;
      uses.first += i == 0;
    }
    for (Lru& lru : lru_) {
      const uint64_t capacity = lru.capacity_tokens / trace_.block_tokens;
      size_t held = 0;
      while (held < hit && *distances[held] < capacity) ++held;
      lru.block_hits += held;
      lru.token_hits += TokensOfBlocks(trace_, request, held);
    }
  }

  void Finish(TraceFacts& facts) {
    facts.blocks = blocks_;
    facts.distinct_blocks = uses_.size();
    facts.block_hits = Part(block_hits_, blocks_);
    facts.token_hits = Part(token_hits_, facts.input_tokens);
    facts.request_hits =
        facts.requests == 0 ? 0 : request_hits_ / static_cast<double>(facts.requests);
    facts.requests_without_hit = Part(without_hit_, facts.requests);
    facts.missed_tokens = DistributionOf(std::move(missed_));
    for (const Lru& lru : lru_) {
      facts.lru.push_back({lru.capacity_tokens, Part(lru.block_hits, blocks_),
                           Part(lru.token_hits, facts.input_tokens)});
    }
    AddPopularity(facts);
  }

 private:
  struct Uses {
    uint32_t count = 0;
    uint32_t hits = 0;
    uint32_t first = 0;
  };
  struct Lru {
    uint64_t capacity_tokens = 0;
    uint64_t block_hits = 0;
    uint64_t token_hits = 0;
  };

  void AddPopularity(TraceFacts& facts) const {
    std::vector<uint64_t> hits;
    std::pair<uint64_t, uint64_t> first;  // requests that begin with it, its hits
    for (const Uses& uses : uses_) {
      hits.push_back(uses.hits);
      facts.blocks_used_once += uses.count == 1;
      first = std::max(first, {uses.first, uses.hits});
    }
    facts.first_block_requests = Part(first.first, facts.requests);
    facts.first_block_hits = Part(first.second, block_hits_);
    std::sort(hits.begin(), hits.end(), std::greater<>());
    const size_t top = (hits.size() + 99) / 100;
    uint64_t top_hits = 0;
    for (size_t i = 0; i < top; ++i) top_hits += hits[i];
    facts.top_percent_hits = Part(top_hits, block_hits_);
  }

  const Trace& trace_;
  ReuseDistance distance_;
  BlockNumbers numbers_;
  std::vector<Uses> uses_;  // by number
  std::vector<Lru> lru_;
  std::vector<uint64_t> missed_;
  uint64_t blocks_ = 0;
  uint64_t block_hits_ = 0;
  uint64_t token_hits_ = 0;
  double request_hits_ = 0;
  uint64_t without_hit_ = 0;
};

}  // namespace

Distribution DistributionOf(std::vector<uint64_t> values) {
  Distribution result;
  if (values.empty()) return result;
  std::sort(values.begin(), values.end());
  const auto at = [&values](uint64_t percent) {
    const size_t rank = (values.size() * percent + 99) / 100;
    return values[std::max<size_t>(rank, 1) - 1];
  };
  double sum = 0;
  for (const uint64_t value : values) sum += static_cast<double>(value);
  result.mean = sum / static_cast<double>(values.size());
  result.min = values.front();
  result.p10 = at(10);
  result.p50 = at(50);
  result.p90 = at(90);
  result.p99 = at(99);
  result.max = values.back();
  return result;
}

std::vector<Instant> NominalArrivals(const Trace& trace) {
  std::vector<Instant> arrivals;
  arrivals.reserve(trace.requests.size());
  for (const TraceRequest& request : trace.requests) {
    arrivals.push_back(request.previous.has_value() ? arrivals[*request.previous] + request.think
                                                    : request.arrival);
  }
  return arrivals;
}

TraceFacts FactsOf(const Trace& trace, std::span<const uint64_t> capacities) {
  TraceFacts facts;
  const std::vector<Instant> arrivals = NominalArrivals(trace);
  const std::vector<uint32_t> order = OrderOf(arrivals);
  AddArrivals(arrivals, order, facts);
  AddLengths(trace, facts);
  Sharing sharing(trace, capacities);
  for (const uint32_t index : order) sharing.Add(trace.requests[index]);
  sharing.Finish(facts);
  return facts;
}

WorkBound WorkBoundOf(const Trace& trace, const StepCost& cost, uint32_t workers,
                      uint32_t decode_batch) {
  BlockNumbers numbers;
  const std::vector<Instant> arrivals = NominalArrivals(trace);
  double prefill_s = 0, decode_s = 0;
  uint64_t counted = 0;
  for (const uint32_t index : OrderOf(arrivals)) {
    const TraceRequest& request = trace.requests[index];
    const uint32_t known = numbers.size();
    const std::span<const uint32_t> blocks = numbers.Of(request.blocks);
    size_t hit = 0;
    while (hit < blocks.size() && blocks[hit] < known) ++hit;
    if (arrivals[index] < trace.measured_from) continue;
    const uint32_t cached = std::min(TokensOfBlocks(trace, request, hit), request.input_tokens - 1);
    prefill_s += cost.Prefill(request.input_tokens - cached, cached).seconds();
    // The prefill's step gives the first token. Context grows by one token a step.
    const uint64_t context = request.input_tokens + request.output_tokens / 2;
    const double step_s = cost.Decode(decode_batch, context * decode_batch).seconds();
    decode_s += step_s / decode_batch * (request.output_tokens - 1);
    ++counted;
  }
  WorkBound bound;
  if (counted == 0) return bound;
  const double each = static_cast<double>(workers) * static_cast<double>(counted);
  bound.prefill_rps = each / prefill_s;
  bound.serve_rps = each / (prefill_s + decode_s);
  return bound;
}

}  // namespace cairn
