// One streamed completion as its client sees it: when the first token came, the gaps, what usage
// said. Prompts are ids, so that their lengths are exact.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "deploy/cli/http_client.h"

namespace cairn {

struct TimedRequest {
  std::string model;
  nlohmann::json prompt_ids;
  uint32_t output_tokens = 0;  // exactly: an end of the text is ignored
};

struct TimedAnswer {
  double first_ms = 0;
  double end_ms = 0;
  std::vector<double> gaps_ms;  // between pieces of text
  uint64_t prompt_tokens = 0;
  uint64_t completion_tokens = 0;
  uint64_t cached_tokens = 0;
  std::string error;  // empty: answered

  // Mean time between tokens; REQUIRES: two tokens or more.
  double tpot_ms() const {
    return (end_ms - first_ms) / static_cast<double>(completion_tokens - 1);
  }
};

TimedAnswer Ask(HttpClient& client, const TimedRequest& request);

// Ids that may stand in a made-up prompt: of whole tokens, no control tokens.
struct PromptIdRange {
  int64_t low = 0;
  int64_t high = 0;  // the last one
};
// By what the server says its vocabulary is; by what any has, if it does not say.
PromptIdRange PromptIdsOf(HttpClient& client, const std::string& model);

// What all answers of a run came to: counts, rates, and the spread of each latency in milliseconds.
nlohmann::json SummaryOf(std::span<const TimedAnswer> answers, double seconds);
void PrintSummary(const nlohmann::json& summary);

}  // namespace cairn
