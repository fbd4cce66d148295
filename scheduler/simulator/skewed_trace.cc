#include "scheduler/simulator/skewed_trace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

using Blocks = std::vector<uint64_t>;

constexpr uint32_t kBlockTokens = 512;
constexpr uint64_t kRequestsMax = 5'000'000;
constexpr size_t kAgents = 200;
constexpr size_t kHotBlocks = 12;
constexpr double kZipf = 0.9;
constexpr uint64_t kLiveSessions = 150;                      // the latest ones go on, at random
constexpr double kHotA = 0.21, kHotB = 0.17, kAgent = 0.30;  // parts of requests; the rest goes on

class Skewed {
 public:
  explicit Skewed(uint64_t seed) : prng_(seed) {
    hot_a_ = Begin(kHotBlocks);
    hot_b_ = Begin(kHotBlocks);
    constexpr std::array<size_t, 5> kHeadBlocks = {2, 3, 4, 6, 8};
    double sum = 0;
    for (size_t i = 0; i < kAgents; ++i) {
      heads_.push_back(Begin(kHeadBlocks[prng_.Below(kHeadBlocks.size())]));
      sum += std::pow(static_cast<double>(i + 1), -kZipf);
      weight_sums_.push_back(sum);
    }
  }

  // The next prompt's blocks and the session that it belongs to.
  std::pair<Blocks, uint32_t> Next() {
    const double u = prng_.Uniform();
    if (u < kHotA) return {Grow(hot_a_, 3), next_session_++};
    if (u < kHotA + kHotB) return {Grow(hot_b_, 3), next_session_++};
    if (u < kHotA + kHotB + kAgent || sessions_.empty()) {
      Blocks blocks = Grow(heads_[Agent()], 12);
      if (prng_.Chance(0.5)) sessions_.push_back({blocks, next_session_});
      return {std::move(blocks), next_session_++};
    }
    const uint64_t live = std::min<uint64_t>(kLiveSessions, sessions_.size());
    Session& session = sessions_[sessions_.size() - 1 - prng_.Below(live)];
    session.blocks = Grow(session.blocks, 4);
    return {session.blocks, session.number};
  }

  uint32_t LastBlockTokens() { return static_cast<uint32_t>(prng_.Between(1, kBlockTokens)); }

 private:
  struct Session {
    Blocks blocks;
    uint32_t number = 0;
  };

  // Block 0, which everybody has, and new ones.
  Blocks Begin(size_t count) {
    Blocks blocks = {0};
    for (size_t i = 0; i < count; ++i) blocks.push_back(next_block_++);
    return blocks;
  }
  Blocks Grow(Blocks blocks, int64_t added_max) {
    for (int64_t i = prng_.Between(1, added_max); i > 0; --i) blocks.push_back(next_block_++);
    return blocks;
  }
  size_t Agent() {
    const double u = prng_.Uniform() * weight_sums_.back();
    size_t agent = 0;
    while (agent + 1 < kAgents && weight_sums_[agent] <= u) ++agent;
    return agent;
  }

  Prng prng_;
  uint64_t next_block_ = 1;
  uint32_t next_session_ = 0;
  Blocks hot_a_, hot_b_;
  std::vector<Blocks> heads_;
  std::vector<double> weight_sums_;
  std::vector<Session> sessions_;
};

}  // namespace

absl::StatusOr<Trace> MakeSkewedTrace(uint64_t requests, uint64_t seed) {
  if (requests == 0 || requests > kRequestsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a skewed trace has 1 to ", kRequestsMax, " requests"));
  }
  Trace trace;
  trace.block_tokens = kBlockTokens;
  trace.name = "skewed";
  Skewed skewed(seed);
  std::vector<uint32_t> turns;  // by session
  for (uint64_t i = 0; i < requests; ++i) {
    TraceRequest request;
    request.arrival = Instant() + Milliseconds(150) * static_cast<int64_t>(i);
    std::tie(request.blocks, request.session) = skewed.Next();
    // A block that is not a prompt's last is full, so a session's last block fills up on its next
    // turn and keeps its name: a little more is shared than could be.
    request.input_tokens =
        static_cast<uint32_t>(request.blocks.size() - 1) * kBlockTokens + skewed.LastBlockTokens();
    request.output_tokens = 182;
    if (request.session >= turns.size()) turns.resize(request.session + 1);
    request.turn = turns[request.session]++;
    trace.requests.push_back(std::move(request));
  }
  trace.history.push_back(
      absl::StrCat("made up a skewed workload of ", requests, " requests (seed ", seed, ")"));
  return trace;
}

}  // namespace cairn
