#include "scheduler/ingress/json_document.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

// A document that keeps its order compares each new member's name with all earlier ones of its
// object. This many comparisons take some tens of milliseconds.
constexpr uint64_t kComparisonsMax = 20'000'000;

// Looks at brackets outside of strings. What is not JSON at all is left for the parser to say.
class ShapeCheck {
 public:
  ShapeCheck(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  absl::Status Run() {
    for (at_ = 0; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        SkipString();
      } else if (c == '[' || c == '{') {
        open_.push_back({c == '{', 1});
        if (open_.size() > limits_.depth)
          return Refuse("nested deeper than", limits_.depth, "levels");
        if (++values_ > limits_.values)
          return Refuse("made of more than", limits_.values, "values");
      } else if (c == ']' || c == '}') {
        if (!open_.empty()) open_.pop_back();
      } else if (c == ',') {
        if (++values_ > limits_.values)
          return Refuse("made of more than", limits_.values, "values");
        if (absl::Status members = CountMember(); !members.ok()) return members;
      }
    }
    return absl::OkStatus();
  }

 private:
  struct Open {
    bool object;
    uint32_t members;
  };

  void SkipString() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
  }

  absl::Status CountMember() {
    if (open_.empty() || !open_.back().object) return absl::OkStatus();
    comparisons_ += open_.back().members;
    if (++open_.back().members > limits_.members) {
      return Refuse("holding an object of more than", limits_.members, "members");
    }
    if (comparisons_ > kComparisonsMax)
      return Refuse("made of too large objects, over", kComparisonsMax, "comparisons");
    return absl::OkStatus();
  }

  absl::Status Refuse(std::string_view what, uint64_t limit, std::string_view unit) const {
    return absl::InvalidArgumentError(
        TextCat("the JSON body is ", what, " ", limit, " ", unit, " at byte ", at_));
  }

  std::string_view text_;
  const JsonLimits& limits_;
  size_t at_ = 0;
  uint32_t values_ = 1;
  uint64_t comparisons_ = 0;
  std::vector<Open> open_;
};

}  // namespace

absl::StatusOr<nlohmann::ordered_json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.empty()) return absl::InvalidArgumentError("the body is empty; JSON was expected");
  if (absl::Status shape = ShapeCheck(text, limits).Run(); !shape.ok()) return shape;
  try {
    return nlohmann::ordered_json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    // The library counts from 1 and points behind what it did not expect.
    const size_t byte = error.byte > 0 ? error.byte - 1 : 0;
    std::string reason = error.what();
    if (const size_t colon = reason.find(": "); colon != std::string::npos) {
      reason.erase(0, colon + 2);
    }
    return absl::InvalidArgumentError(
        TextCat("the body is not valid JSON at byte ", byte, ": ", reason));
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(TextCat("the body is not valid JSON: ", error.what()));
  }
}

}  // namespace cairn
