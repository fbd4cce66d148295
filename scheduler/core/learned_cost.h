// What a worker's steps cost, learned from its own reports: a step of x tokens takes step() + x *
// token(). Two running averages are enough for a line: of light steps (decodes and little else) and
// of those with real prefill. Decode-only steps, however many, never wash out what a prompt costs.
#pragma once

#include <cstdint>

#include "kvstore/base/time.h"

namespace cairn {

class LearnedCost {
 public:
  // One step, as the worker reported it. Without tokens it says nothing.
  void Learn(uint32_t tokens, Duration elapsed);
  // Until something is learned: as dear as this one.
  void Assume(const LearnedCost& other);

  bool known() const { return heavy_.tokens_q10 > 0; }  // a step with real prefill was seen
  Duration token() const { return token_; }             // of one more token; at least 1 ns
  Duration step() const { return step_; }               // of a step without tokens

  // Of so many prompt tokens in steps of at most `step_tokens` each.
  Duration Of(uint64_t tokens, uint32_t step_tokens) const;

 private:
  // Averages with weight 1/8 for the new value. Tokens in 1/1024.
  struct Average {
    int64_t tokens_q10 = 0;
    int64_t elapsed_ns = 0;
    void Mix(int64_t tokens, int64_t elapsed);
  };

  Average light_;
  Average heavy_;
  Duration token_ = Microseconds(100);
  Duration step_;
};

}  // namespace cairn
