// Looks for stop strings in text that arrives in pieces, and holds back what may still become one.
// One object a choice. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cairn {

// The stop strings of one request, prepared once and shared by its choices.
class StopStrings {
 public:
  // REQUIRES: no empty string.
  StopStrings(std::vector<std::string> strings, bool include_in_output);
  const std::vector<std::string>& strings() const { return strings_; }
  bool include_in_output() const { return include_in_output_; }

 private:
  friend class StopScanner;
  std::vector<std::string> strings_;
  // Knuth, Morris, Pratt: for each string and matched length, the longest shorter match.
  std::vector<std::vector<uint32_t>> fallback_;
  bool include_in_output_;
};

class StopScanner {
 public:
  explicit StopScanner(std::shared_ptr<const StopStrings> stops);  // null: finds nothing

  bool active() const { return !matched_.empty(); }
  // Appends to `out` what of the text so far can be shown. True: a stop string has ended here,
  // `out` has all that is before it (and itself, if asked for), and nothing more is to be fed. Of
  // several strings the one that ends first wins, and of those the longest: so the answer does not
  // depend on how the text was cut. While `may_stop` is false strings that end here are passed
  // over.
  bool Feed(std::string_view text, std::string& out, bool may_stop = true);
  // The text has ended without a stop string: gives out what was held back.
  void Finish(std::string& out);

 private:
  std::shared_ptr<const StopStrings> stops_;
  std::vector<uint32_t> matched_;  // by string: how much of it the text's end is
  std::string held_;
};

}  // namespace cairn
