// The highest rate at which enough requests get what they were promised: found by doubling or
// halving until the answer is between two rates, then by halving the distance. Attainment falls as
// the rate rises, but near the knee one seed's luck makes it jump; so every seed is searched alone,
// and the spread over seeds is part of the answer.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace cairn {

struct GoodputSearch {
  double attainment = 0.9;  // the share of requests that must attain their targets
  double first_rate = 1.0;  // requests a second; where to begin
  // By which factor the rate goes up or down first; each further one is its square, at most 2. A
  // good guess wants a small one: then few runs are far from the answer.
  double first_step = 2;
  double precision = 0.01;  // ends when the two rates differ by less than this share
  uint32_t runs_max = 24;   // of one seed
};

// One run of one seed.
struct GoodputRun {
  double rate = 0;
  double attainment = 0;
  friend bool operator==(const GoodputRun&, const GoodputRun&) = default;
};

struct Goodput {
  double rate = 0;               // the highest one tried that attained; 0: none did
  std::vector<GoodputRun> runs;  // in the order in which they were made
  friend bool operator==(const Goodput&, const Goodput&) = default;
};

// `run` answers with the attainment at a rate. It is asked for one rate after the other, never
// twice for the same.
Goodput SearchGoodput(const GoodputSearch& search, const std::function<double(double rate)>& run);

// Over the seeds.
struct GoodputSpread {
  double mean = 0;
  double min = 0;
  double max = 0;
};
GoodputSpread SpreadOf(const std::vector<Goodput>& seeds);

}  // namespace cairn
