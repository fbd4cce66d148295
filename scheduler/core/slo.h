// Latency classes: what clients are promised, by name. A request names one or gets the default, and
// may bring targets of its own. Its TTFT target decides its place in the queue, how long it may
// wait for a warm worker, and whether it was served in time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kvstore/base/generation.h"
#include "kvstore/base/time.h"

namespace cairn {

struct LatencyClass {
  std::string name;
  SloTarget target;
  int32_t priority = 0;  // added to the request's own; lower runs first
  friend bool operator==(const LatencyClass&, const LatencyClass&) = default;
};

// At least one, each name once.
class LatencyClasses {
 public:
  static constexpr size_t kClassesMax = 16;

  // interactive (1 s, 50 ms), standard (5 s, 100 ms; the default) and batch (60 s, no pace, behind
  // the others).
  LatencyClasses();
  // The only one.
  explicit LatencyClasses(LatencyClass only);

  // Replaces the class of that name, or adds it. False: there are kClassesMax already.
  bool Set(LatencyClass one);
  // False: there is no such class.
  bool SetDefault(std::string_view name);

  // Null: no such class. An empty name: the default one.
  std::optional<size_t> Find(std::string_view name) const;
  const LatencyClass& at(size_t index) const { return classes_[index]; }
  size_t size() const { return classes_.size(); }
  const LatencyClass& default_class() const { return classes_[default_]; }
  std::string Names() const;  // "interactive, standard, batch"

  // Fills in what the request leaves to its class; returns the class. A name that is not known gets
  // the default.
  size_t Complete(GenerationRequest& request) const;

 private:
  std::vector<LatencyClass> classes_;
  size_t default_ = 0;
};

// How a class's requests were served so far, for the metrics. Shed and expired ones have neither
// attained nor missed a target: they are counted apart.
struct ClassAttainment {
  uint64_t accepted = 0;
  uint64_t shed = 0;
  uint64_t expired = 0;  // their deadline passed
  uint64_t ttft_attained = 0;
  uint64_t ttft_missed = 0;
  uint64_t tpot_attained = 0;  // of choices with two tokens or more
  uint64_t tpot_missed = 0;
  friend bool operator==(const ClassAttainment&, const ClassAttainment&) = default;
};

// When one choice's tokens were heard.
struct ChoicePace {
  Instant first;
  Instant last;
  uint32_t tokens = 0;

  void Hear(Instant now) {
    if (tokens++ == 0) first = now;
    last = now;
  }
  // Mean time between tokens. Null with fewer than two.
  std::optional<Duration> tpot() const {
    if (tokens < 2) return std::nullopt;
    return (last - first) / (int64_t{tokens} - 1);
  }
};

void CountTtft(const SloTarget& target, Duration ttft, ClassAttainment& counts);
void CountTpot(const SloTarget& target, const ChoicePace& pace, ClassAttainment& counts);

}  // namespace cairn
