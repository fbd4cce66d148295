// A progress bar on standard error, for what may take over two seconds. Draws only when that is a
// terminal: logs and pipes see nothing of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cairn {

class ProgressBar {
 public:
  // `total` in `unit`, such as "requests"; empty: in bytes. 0 when it is not known, and then only
  // the amount so far is shown.
  ProgressBar(std::string label, uint64_t total, std::string unit = "");
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Update(uint64_t done);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  std::string Amount(uint64_t amount) const;

  std::string label_;
  uint64_t total_;
  std::string unit_;
  bool terminal_;
  bool drawn_ = false;
  SteadyTime started_;
  SteadyTime last_drawn_;
};

}  // namespace cairn
