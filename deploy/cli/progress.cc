#include "deploy/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

constexpr int kBarWidth = 28;
constexpr auto kDrawEvery = std::chrono::milliseconds(100);
constexpr char kEraseLine[] = "\r\033[K";

}  // namespace

ProgressBar::ProgressBar(std::string label, uint64_t total, std::string unit)
    : label_(std::move(label)),
      total_(total),
      unit_(std::move(unit)),
      terminal_(isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()),
      last_drawn_(started_) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs(kEraseLine, stderr);
}

std::string ProgressBar::Amount(uint64_t amount) const {
  return unit_.empty() ? FormatSizeRounded(amount) : FormatGrouped(amount);
}

void ProgressBar::Update(uint64_t done) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_drawn_ < kDrawEvery) return;
  last_drawn_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string line = absl::StrCat(kEraseLine, label_, "  ");
  if (total_ > 0) {
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const int filled = static_cast<int>(part * kBarWidth);
    absl::StrAppend(&line, "[", std::string(static_cast<size_t>(filled), '#'),
                    std::string(static_cast<size_t>(kBarWidth - filled), '.'), "] ",
                    absl::StrFormat("%3.0f %%  ", part * 100));
  }
  absl::StrAppend(&line, Amount(done), unit_.empty() ? "" : " ", unit_);
  if (rate > 1) absl::StrAppend(&line, ", ", Amount(static_cast<uint64_t>(rate)), "/s");
  if (rate > 1 && total_ > done && seconds > 5) {
    const auto left = static_cast<int64_t>(static_cast<double>(total_ - done) / rate * 1e9);
    absl::StrAppend(&line, ", about ", FormatDurationRounded(Nanoseconds(left)), " left");
  }
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace cairn
