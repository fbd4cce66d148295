#include "deploy/cli/bench_serve.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
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
#include "deploy/cli/timed_request.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

using nlohmann::json;
using SteadyTime = std::chrono::steady_clock::time_point;

struct BenchOptions {
  std::string url = "http://127.0.0.1:8000";
  std::string model;
  std::string api_key;
  uint32_t prompts = 100;
  uint32_t concurrency = 8;
  double request_rate = 0;  // a second; 0: as fast as the concurrency allows
  uint32_t input_tokens = 512;
  uint32_t output_tokens = 64;
  uint32_t prefix_tokens = 0;  // of the input, shared by all prompts
  uint64_t seed = 0;
  OutputFormat format = OutputFormat::kText;
};

double SecondsSince(SteadyTime from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

// Random ids: no text of theirs is meant.
json PromptIds(const BenchOptions& options, const PromptIdRange& range, uint32_t index) {
  json ids = json::array();
  Prng shared(options.seed), own(SplitMix64(options.seed) + index + 1);
  for (uint32_t i = 0; i < options.input_tokens; ++i) {
    ids.push_back((i < options.prefix_tokens ? shared : own).Between(range.low, range.high));
  }
  return ids;
}

json Summarise(const BenchOptions& options, const std::string& model,
               const std::vector<TimedAnswer>& answers, double seconds) {
  json out = {{"model", model},
              {"num_prompts", options.prompts},
              {"concurrency", options.concurrency},
              {"request_rate", options.request_rate},
              {"input_len", options.input_tokens},
              {"output_len", options.output_tokens},
              {"prefix_len", options.prefix_tokens},
              {"seed", options.seed}};
  out.update(SummaryOf(answers, seconds));
  return out;
}

// When each request is due, in seconds from the start: a Poisson process, or all at once.
std::vector<double> Arrivals(const BenchOptions& options) {
  std::vector<double> due(options.prompts, 0);
  if (options.request_rate <= 0) return due;
  Prng prng(options.seed + 1);
  double at = 0;
  for (double& time : due) {
    time = at;
    at += -std::log(1.0 - prng.Uniform()) / options.request_rate;
  }
  return due;
}

absl::Status RunBench(const BenchOptions& options) {
  absl::StatusOr<ServerUrl> url = ParseServerUrl(options.url);
  if (!url.ok()) return url.status();
  if (options.prefix_tokens > options.input_tokens) {
    return absl::InvalidArgumentError("--prefix-len must be at most --input-len");
  }
  HttpClient scout(*url, options.api_key);
  absl::StatusOr<std::string> first =
      options.model.empty() ? FirstModel(scout) : absl::StatusOr<std::string>(options.model);
  if (!first.ok()) return first.status();
  const std::string model = *std::move(first);
  const PromptIdRange ids = PromptIdsOf(scout, model);
  const std::vector<double> due = Arrivals(options);
  std::vector<TimedAnswer> answers(options.prompts);
  std::atomic<uint32_t> next{0}, done{0};
  std::mutex progress_mutex;
  auto progress = std::make_unique<ProgressBar>("requests", options.prompts);
  const SteadyTime start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < std::min(options.concurrency, options.prompts); ++i) {
    threads.emplace_back([&] {
      HttpClient client(*url, options.api_key);
      for (uint32_t index; (index = next.fetch_add(1)) < options.prompts;) {
        std::this_thread::sleep_until(start + std::chrono::duration_cast<SteadyTime::duration>(
                                                  std::chrono::duration<double>(due[index])));
        answers[index] = Ask(client, {.model = model,
                                      .prompt_ids = PromptIds(options, ids, index),
                                      .output_tokens = options.output_tokens});
        const std::lock_guard<std::mutex> lock(progress_mutex);
        progress->Update(++done);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = SecondsSince(start);
  progress.reset();
  const json result = Summarise(options, model, answers, seconds);
  if (options.format == OutputFormat::kJson)
    fmt::print("{}\n", result.dump(2));
  else
    PrintSummary(result);
  if (result["completed"] == 0) return absl::UnavailableError("no request was answered");
  return absl::OkStatus();
}

}  // namespace

void AddBenchServe(CLI::App& bench) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* serve = bench.add_subcommand("serve", "load on a running server, seen by its clients");
  serve->add_option("--url", options->url, "where the server is")->capture_default_str();
  serve->add_option("--model", options->model, "which model; the server's first if not given");
  Secret(serve->add_option("--api-key", options->api_key, "key, if the server asks for one"));
  serve->add_option("--num-prompts", options->prompts, "how many requests")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1'000'000u));
  serve->add_option("--concurrency", options->concurrency, "requests in flight at most")
      ->capture_default_str()
      ->check(CLI::Range(1u, 4096u));
  serve
      ->add_option("--request-rate", options->request_rate,
                   "requests a second, Poisson; 0: as fast as the concurrency allows")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  serve->add_option("--input-len", options->input_tokens, "tokens of each prompt")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1'000'000u));
  serve->add_option("--output-len", options->output_tokens, "tokens of each answer")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1'000'000u));
  serve->add_option("--prefix-len", options->prefix_tokens, "tokens that all prompts share")
      ->capture_default_str();
  serve->add_option("--seed", options->seed, "of prompts and arrivals")->capture_default_str();
  AddOutputFormat(*serve, options->format);
  OnRun(*serve, [options] { return RunBench(*options); });
}

}  // namespace cairn
