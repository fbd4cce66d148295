#include "deploy/cli/timed_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>
#include <utility>

namespace cairn {
namespace {

using nlohmann::json;
using SteadyTime = std::chrono::steady_clock::time_point;

double MillisecondsSince(SteadyTime from) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - from).count();
}

// One event of the stream. Only the last one is parsed: the client shares the machine with the
// server.
void Hear(std::string_view data, SteadyTime start, double& last_ms, TimedAnswer& answer) {
  if (data.find("\"usage\":{") != std::string_view::npos) {
    const json usage = json::parse(data, nullptr, false)["usage"];
    answer.prompt_tokens = usage.value("prompt_tokens", uint64_t{0});
    answer.completion_tokens = usage.value("completion_tokens", uint64_t{0});
    const json details = usage.value("prompt_tokens_details", json::object());
    if (details.is_object()) answer.cached_tokens = details.value("cached_tokens", uint64_t{0});
  } else if (data.find("\"error\":{") != std::string_view::npos) {
    answer.error = data;
  } else if (data.find("\"choices\":[{") != std::string_view::npos) {
    const double now_ms = MillisecondsSince(start);
    if (answer.first_ms == 0) {
      answer.first_ms = now_ms;
    } else {
      answer.gaps_ms.push_back(now_ms - last_ms);
    }
    last_ms = now_ms;
  }
}

struct Spread {
  double mean = 0, median = 0, p90 = 0, p99 = 0;
};

Spread SpreadOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
    return values[std::clamp<size_t>(rank, 1, values.size()) - 1];
  };
  double sum = 0;
  for (const double value : values) sum += value;
  return {sum / static_cast<double>(values.size()), at(0.5), at(0.9), at(0.99)};
}

json ToJson(const Spread& spread) {
  return {
      {"mean", spread.mean}, {"median", spread.median}, {"p90", spread.p90}, {"p99", spread.p99}};
}

}  // namespace

TimedAnswer Ask(HttpClient& client, const TimedRequest& request) {
  const std::string body = json{{"model", request.model},
                                {"prompt", request.prompt_ids},
                                {"max_tokens", request.output_tokens},
                                {"temperature", 0},
                                {"ignore_eos", true},
                                {"stream", true},
                                {"stream_options", {{"include_usage", true}}}}
                               .dump();
  TimedAnswer answer;
  EventReader events;
  const SteadyTime start = std::chrono::steady_clock::now();
  double last_ms = 0;
  const absl::StatusOr<ClientReply> reply =
      client.Request("/v1/completions", body, [&](std::string_view piece) {
        events.Feed(piece, [&](std::string_view data) { Hear(data, start, last_ms, answer); });
      });
  answer.end_ms = MillisecondsSince(start);
  if (!reply.ok()) {
    answer.error = std::string(reply.status().message());
  } else if (reply->status != 200) {
    answer.error = ErrorMessage(*reply);
  } else if (answer.error.empty() && answer.first_ms == 0) {
    answer.error = "no token came";
  }
  return answer;
}

PromptIdRange PromptIdsOf(HttpClient& client, const std::string& model) {
  int64_t vocabulary = 8000;
  const absl::StatusOr<ClientReply> reply = client.Request("/v1/models/" + model, "");
  if (reply.ok() && reply->status == 200) {
    const json body = json::parse(reply->body, nullptr, false);
    if (body.is_object()) {
      vocabulary = std::max<int64_t>(body.value("vocabulary_size", vocabulary), 2);
    }
  }
  const int64_t high = std::min<int64_t>(30000, vocabulary - 1);
  // Low ids are control tokens in most vocabularies.
  return {std::min<int64_t>(1000, high / 4), high};
}

json SummaryOf(std::span<const TimedAnswer> answers, double seconds) {
  std::vector<double> first, per_token, gaps, end;
  uint64_t prompt = 0, completion = 0, cached = 0, errors = 0;
  std::string first_error;
  for (const TimedAnswer& answer : answers) {
    if (!answer.error.empty()) {
      if (errors++ == 0) first_error = answer.error;
      continue;
    }
    first.push_back(answer.first_ms);
    end.push_back(answer.end_ms);
    gaps.insert(gaps.end(), answer.gaps_ms.begin(), answer.gaps_ms.end());
    if (answer.completion_tokens > 1) per_token.push_back(answer.tpot_ms());
    prompt += answer.prompt_tokens;
    completion += answer.completion_tokens;
    cached += answer.cached_tokens;
  }
  const auto answered = static_cast<double>(answers.size() - errors);
  json out = {{"duration_seconds", seconds},
              {"completed", answers.size() - errors},
              {"errors", errors},
              {"prompt_tokens", prompt},
              {"completion_tokens", completion},
              {"cached_tokens", cached},
              {"requests_per_second", answered / seconds},
              {"output_tokens_per_second", static_cast<double>(completion) / seconds},
              {"total_tokens_per_second", static_cast<double>(prompt + completion) / seconds},
              {"ttft_ms", ToJson(SpreadOf(first))},
              {"tpot_ms", ToJson(SpreadOf(per_token))},
              {"itl_ms", ToJson(SpreadOf(gaps))},
              {"e2e_ms", ToJson(SpreadOf(end))}};
  if (errors > 0) out["first_error"] = first_error;
  return out;
}

void PrintSummary(const json& summary) {
  const uint64_t completed = summary["completed"], errors = summary["errors"];
  fmt::print("{} of {} requests answered in {:.2f} s, {} errors\n", completed, completed + errors,
             summary["duration_seconds"].get<double>(), errors);
  if (summary.contains("first_error")) {
    fmt::print("first error: {}\n", summary["first_error"].get<std::string>());
  }
  fmt::print("{:.2f} requests/s, {:.1f} output tokens/s, {:.1f} tokens/s in all\n",
             summary["requests_per_second"].get<double>(),
             summary["output_tokens_per_second"].get<double>(),
             summary["total_tokens_per_second"].get<double>());
  fmt::print("{} prompt tokens ({} cached), {} output tokens\n\n",
             summary["prompt_tokens"].get<uint64_t>(), summary["cached_tokens"].get<uint64_t>(),
             summary["completion_tokens"].get<uint64_t>());
  fmt::print("{:28}{:>10}{:>10}{:>10}{:>10}\n", "milliseconds", "mean", "median", "p90", "p99");
  const std::pair<const char*, const char*> rows[] = {{"ttft_ms", "time to first token"},
                                                      {"tpot_ms", "time per output token"},
                                                      {"itl_ms", "between tokens"},
                                                      {"e2e_ms", "end to end"}};
  for (const auto& [key, name] : rows) {
    const json& spread = summary[key];
    fmt::print("{:28}{:10.2f}{:10.2f}{:10.2f}{:10.2f}\n", name, spread["mean"].get<double>(),
               spread["median"].get<double>(), spread["p90"].get<double>(),
               spread["p99"].get<double>());
  }
}

}  // namespace cairn
