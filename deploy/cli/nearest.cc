#include "deploy/cli/nearest.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

constexpr size_t kTypedMax = 128;  // longer than any key of ours; keeps the distance cheap

}  // namespace

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> previous(b.size() + 1);
  std::vector<size_t> current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::optional<std::string> Nearest(absl::string_view typed, const std::vector<std::string>& known) {
  if (typed.empty() || typed.size() > kTypedMax) return {};
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, typed.size() / 3) + 1;
  const std::string* completed = nullptr;
  size_t completions = 0;
  for (const std::string& name : known) {
    const size_t distance = EditDistance(typed, name);
    if (distance < best_distance) {
      best = &name;
      best_distance = distance;
    }
    if (name.substr(0, typed.size()) == typed) {
      completed = &name;
      ++completions;
    }
  }
  if (best != nullptr) return *best;
  if (completions == 1) return *completed;
  return {};
}

std::string DidYouMean(absl::string_view typed, const std::vector<std::string>& known) {
  const std::optional<std::string> nearest = Nearest(typed, known);
  return nearest ? absl::StrCat("; did you mean '", *nearest, "'?") : "";
}

}  // namespace cairn
