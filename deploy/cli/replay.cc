#include "deploy/cli/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "deploy/cli/answer_printer.h"
#include "deploy/cli/http_client.h"
#include "deploy/cli/options.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/replay_schedule.h"
#include "deploy/cli/timed_request.h"
#include "deploy/cli/trace_flags.h"
#include "deploy/cli/units.h"
#include "scheduler/simulator/trace_text.h"

namespace cairn {
namespace {

using nlohmann::json;
using SteadyTime = ReplaySchedule::SteadyTime;

struct ReplayOptions {
  TraceFlags trace;
  std::string url = "http://127.0.0.1:8000";
  std::string model;
  std::string api_key;
  uint32_t concurrency = 256;
  Duration slo_ttft = Seconds(5);
  Duration slo_tpot = Milliseconds(100);
  OutputFormat format = OutputFormat::kText;
};

// A request that was sent so much late, because all connections were busy, is told of.
constexpr double kLateMs = 20;

double MillisecondsBetween(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// The trace's tokens as ids of the model: equal ones stay equal, so the same prompts are shared.
json PromptOf(const TraceText& text, uint32_t request, const PromptIdRange& ids) {
  json prompt = json::array();
  for (const TokenId token : text.Prompt(request)) {
    prompt.push_back(ids.low + static_cast<int64_t>(token) % (ids.high - ids.low + 1));
  }
  return prompt;
}

struct Replayed {
  std::vector<TimedAnswer> answers;  // by request; times count from when it was due
  double seconds = 0;
  double late_ms_max = 0;
};

Replayed Replay(const ReplayOptions& options, const Trace& trace, const ServerUrl& url,
                const std::string& model, const PromptIdRange& ids) {
  const TraceText text(trace);
  Replayed out;
  out.answers.resize(trace.requests.size());
  const SteadyTime start = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  ReplaySchedule schedule(trace, start);
  std::mutex mutex;
  ProgressBar progress("replaying", trace.requests.size(), "requests");
  const auto client_loop = [&] {
    HttpClient client(url, options.api_key);
    while (const std::optional<ReplaySchedule::Due> due = schedule.Take()) {
      const uint32_t request = due->request;
      const TimedRequest asked{.model = model,
                               .prompt_ids = PromptOf(text, request, ids),
                               .output_tokens = trace.requests[request].output_tokens};
      const double late_ms = MillisecondsBetween(due->at, std::chrono::steady_clock::now());
      TimedAnswer answer = Ask(client, asked);
      if (answer.first_ms > 0) answer.first_ms += late_ms;
      answer.end_ms += late_ms;
      out.answers[request] = std::move(answer);
      schedule.Answered(request, std::chrono::steady_clock::now());
      const std::lock_guard<std::mutex> lock(mutex);
      out.late_ms_max = std::max(out.late_ms_max, late_ms);
      progress.Update(schedule.answered());
    }
  };
  std::vector<std::thread> threads;
  const auto clients = std::min<size_t>(options.concurrency, trace.requests.size());
  for (size_t i = 0; i < clients; ++i) threads.emplace_back(client_loop);
  for (std::thread& thread : threads) thread.join();
  out.seconds = MillisecondsBetween(start, std::chrono::steady_clock::now()) / 1000;
  return out;
}

bool Attains(const TimedAnswer& answer, const ReplayOptions& options) {
  if (!answer.error.empty()) return false;
  if (options.slo_ttft > Duration() && answer.first_ms > options.slo_ttft.seconds() * 1e3) {
    return false;
  }
  return options.slo_tpot == Duration() || answer.completion_tokens < 2 ||
         answer.tpot_ms() <= options.slo_tpot.seconds() * 1e3;
}

json Summarise(const ReplayOptions& options, const Trace& trace, const std::string& model,
               const Replayed& replayed) {
  // Those that only warm the caches are not counted: they come first.
  const auto measured = std::ranges::find_if(trace.requests, [&](const TraceRequest& request) {
    return request.arrival >= trace.measured_from;
  });
  const std::span<const TimedAnswer> counted =
      std::span(replayed.answers).subspan(static_cast<size_t>(measured - trace.requests.begin()));
  const auto attained = std::ranges::count_if(
      counted, [&](const TimedAnswer& answer) { return Attains(answer, options); });
  json out = {
      {"trace", trace.name},
      {"history", trace.history},
      {"model", model},
      {"slo", {{"ttft_s", options.slo_ttft.seconds()}, {"tpot_s", options.slo_tpot.seconds()}}},
      {"attainment",
       counted.empty() ? 1.0 : static_cast<double>(attained) / static_cast<double>(counted.size())},
      {"late_ms_max", replayed.late_ms_max}};
  out.update(SummaryOf(counted, replayed.seconds));
  return out;
}

absl::Status RunReplay(const ReplayOptions& options) {
  const absl::StatusOr<ServerUrl> url = ParseServerUrl(options.url);
  if (!url.ok()) return url.status();
  const absl::StatusOr<Trace> trace = LoadTrace(options.trace);
  if (!trace.ok()) return trace.status();
  HttpClient scout(*url, options.api_key);
  const absl::StatusOr<std::string> model =
      options.model.empty() ? FirstModel(scout) : absl::StatusOr<std::string>(options.model);
  if (!model.ok()) return model.status();
  const PromptIdRange ids = PromptIdsOf(scout, *model);
  const Replayed replayed = Replay(options, *trace, *url, *model, ids);
  const json summary = Summarise(options, *trace, *model, replayed);
  if (options.format == OutputFormat::kJson) {
    std::cout << summary.dump(2) << "\n";
  } else {
    PrintSummary(summary);
    fmt::print("\n{:.1f} % within the targets\n", 100 * summary["attainment"].get<double>());
    if (replayed.late_ms_max > kLateMs) {
      fmt::print(
          "some requests were sent up to {:.0f} ms late: more --concurrency, or a less busy "
          "machine\n",
          replayed.late_ms_max);
    }
  }
  if (summary["completed"] == 0) return absl::UnavailableError("no request was answered");
  return absl::OkStatus();
}

}  // namespace

void AddReplay(CLI::App& root) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* app =
      root.add_subcommand("replay", "a trace against a running server, at the trace's times")
          ->group("Measure");
  AddTraceFlags(*app, options->trace);
  app->add_option("--url", options->url, "where the server is")->capture_default_str();
  app->add_option("--model", options->model, "which model; the server's first if not given");
  Secret(app->add_option("--api-key", options->api_key, "key, if the server asks for one"));
  app->add_option("--concurrency", options->concurrency,
                  "requests in flight at most; what is due meanwhile is sent late")
      ->check(CLI::Range(1u, 4096u))
      ->capture_default_str();
  AddDuration(*app, "--slo-ttft", options->slo_ttft, "time to the first token; 0: no target")
      ->group("Targets");
  AddDuration(*app, "--slo-tpot", options->slo_tpot, "mean time between tokens; 0: no target")
      ->group("Targets");
  AddOutputFormat(*app, options->format);
  app->footer(
      R"(A trace holds no text: prompts are made-up ids, the same where the trace says that prompts
begin alike, so the server's cache hits as the trace's would. What a server generates is its own;
the next turn of a session quotes what the trace says instead.

Example:
  cairn replay recorded.jsonl --url http://localhost:8000 --speed 2)");
  OnRun(*app, [options] { return RunReplay(*options); });
}

}  // namespace cairn
