#include "scheduler/ingress/stop_scanner.h"

#include <algorithm>
#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

StopStrings::StopStrings(std::vector<std::string> strings, bool include_in_output)
    : strings_(std::move(strings)), include_in_output_(include_in_output) {
  for (const std::string& stop : strings_) {
    CAIRN_CHECK(!stop.empty());
    std::vector<uint32_t> fallback(stop.size() + 1, 0);
    for (uint32_t i = 1, k = 0; i < stop.size(); ++i) {
      while (k > 0 && stop[i] != stop[k]) k = fallback[k];
      if (stop[i] == stop[k]) ++k;
      fallback[i + 1] = k;
    }
    fallback_.push_back(std::move(fallback));
  }
}

StopScanner::StopScanner(std::shared_ptr<const StopStrings> stops) : stops_(std::move(stops)) {
  if (stops_) matched_.resize(stops_->strings().size(), 0);
}

bool StopScanner::Feed(std::string_view text, std::string& out, bool may_stop) {
  if (matched_.empty()) {
    out.append(text);
    return false;
  }
  held_.append(text);
  const size_t fed_from = held_.size() - text.size();
  for (size_t at = fed_from; at < held_.size(); ++at) {
    size_t found = 0;  // length of the longest stop string that ends at this byte
    for (size_t s = 0; s < matched_.size(); ++s) {
      const std::string& stop = stops_->strings_[s];
      const std::vector<uint32_t>& fallback = stops_->fallback_[s];
      uint32_t& k = matched_[s];
      while (k > 0 && held_[at] != stop[k]) k = fallback[k];
      if (held_[at] == stop[k]) ++k;
      if (k < stop.size()) continue;
      if (may_stop) found = std::max<size_t>(found, k);
      k = fallback[k];
    }
    if (found > 0) {
      out.append(held_, 0, stops_->include_in_output() ? at + 1 : at + 1 - found);
      held_.clear();
      return true;
    }
  }
  const size_t hold = *std::max_element(matched_.begin(), matched_.end());
  out.append(held_, 0, held_.size() - hold);
  held_.erase(0, held_.size() - hold);
  return false;
}

void StopScanner::Finish(std::string& out) {
  out.append(held_);
  held_.clear();
}

}  // namespace cairn
