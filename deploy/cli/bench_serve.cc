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

struct Sample {
  double first_ms = 0;
  double end_ms = 0;
  std::vector<double> gaps_ms;  // between pieces of text
  uint64_t prompt_tokens = 0;
  uint64_t completion_tokens = 0;
  uint64_t cached_tokens = 0;
  std::string error;  // empty: answered
};

double Milliseconds(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// Random ids: no text of theirs is meant, but each is one token, so the lengths are exact. Low ids
// are control tokens in most vocabularies.
json PromptIds(const BenchOptions& options, int64_t vocabulary, uint32_t index) {
  const int64_t high = std::min<int64_t>(30000, vocabulary - 1);
  const int64_t low = std::min<int64_t>(1000, high / 4);
  json ids = json::array();
  Prng shared(options.seed), own(SplitMix64(options.seed) + index + 1);
  for (uint32_t i = 0; i < options.input_tokens; ++i) {
    ids.push_back((i < options.prefix_tokens ? shared : own).Between(low, high));
  }
  return ids;
}

// What the server says its vocabulary is; what any has, if it does not say.
int64_t VocabularyOf(HttpClient& client, const std::string& model) {
  const absl::StatusOr<ClientReply> reply = client.Request("/v1/models/" + model, "");
  if (!reply.ok() || reply->status != 200) return 8000;
  const json body = json::parse(reply->body, nullptr, false);
  return body.is_object() ? std::max<int64_t>(body.value("vocabulary_size", 8000), 2) : 8000;
}

Sample RunOne(const BenchOptions& options, HttpClient& client, const std::string& model,
              int64_t vocabulary, uint32_t index) {
  const std::string request = json{
      {"model", model},
      {"prompt", PromptIds(options, vocabulary, index)},
      {"max_tokens", options.output_tokens},
      {"temperature", 0},
      {"ignore_eos", true},
      {"stream", true},
      {"stream_options",
       {{"include_usage", true}}}}.dump();
  Sample sample;
  EventReader events;
  const SteadyTime start = std::chrono::steady_clock::now();
  SteadyTime last = start;
  const auto on_event = [&](std::string_view data) {
    // Only the last event is parsed: the client shares the machine with the server.
    if (data.find("\"usage\":{") != std::string_view::npos) {
      const json usage = json::parse(data, nullptr, false)["usage"];
      sample.prompt_tokens = usage.value("prompt_tokens", uint64_t{0});
      sample.completion_tokens = usage.value("completion_tokens", uint64_t{0});
      const json details = usage.value("prompt_tokens_details", json::object());
      if (details.is_object()) sample.cached_tokens = details.value("cached_tokens", uint64_t{0});
    } else if (data.find("\"error\":{") != std::string_view::npos) {
      sample.error = data;
    } else if (data.find("\"choices\":[{") != std::string_view::npos) {
      const SteadyTime now = std::chrono::steady_clock::now();
      if (sample.first_ms == 0)
        sample.first_ms = Milliseconds(start, now);
      else
        sample.gaps_ms.push_back(Milliseconds(last, now));
      last = now;
    }
  };
  const absl::StatusOr<ClientReply> reply = client.Request(
      "/v1/completions", request, [&](std::string_view piece) { events.Feed(piece, on_event); });
  sample.end_ms = Milliseconds(start, std::chrono::steady_clock::now());
  if (!reply.ok())
    sample.error = std::string(reply.status().message());
  else if (reply->status != 200)
    sample.error = ErrorMessage(*reply);
  else if (sample.error.empty() && sample.first_ms == 0)
    sample.error = "no token came";
  return sample;
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

json Summarise(const BenchOptions& options, const std::string& model,
               const std::vector<Sample>& samples, double seconds) {
  std::vector<double> first, per_token, gaps, end;
  uint64_t prompt = 0, completion = 0, cached = 0, errors = 0;
  std::string first_error;
  for (const Sample& sample : samples) {
    if (!sample.error.empty()) {
      if (errors++ == 0) first_error = sample.error;
      continue;
    }
    first.push_back(sample.first_ms);
    end.push_back(sample.end_ms);
    gaps.insert(gaps.end(), sample.gaps_ms.begin(), sample.gaps_ms.end());
    if (sample.completion_tokens > 1) {
      per_token.push_back((sample.end_ms - sample.first_ms) /
                          static_cast<double>(sample.completion_tokens - 1));
    }
    prompt += sample.prompt_tokens;
    completion += sample.completion_tokens;
    cached += sample.cached_tokens;
  }
  json out = {{"model", model},
              {"num_prompts", options.prompts},
              {"concurrency", options.concurrency},
              {"request_rate", options.request_rate},
              {"input_len", options.input_tokens},
              {"output_len", options.output_tokens},
              {"prefix_len", options.prefix_tokens},
              {"seed", options.seed},
              {"duration_seconds", seconds},
              {"completed", samples.size() - errors},
              {"errors", errors},
              {"prompt_tokens", prompt},
              {"completion_tokens", completion},
              {"cached_tokens", cached},
              {"requests_per_second", static_cast<double>(samples.size() - errors) / seconds},
              {"output_tokens_per_second", static_cast<double>(completion) / seconds},
              {"total_tokens_per_second", static_cast<double>(prompt + completion) / seconds},
              {"ttft_ms", ToJson(SpreadOf(first))},
              {"tpot_ms", ToJson(SpreadOf(per_token))},
              {"itl_ms", ToJson(SpreadOf(gaps))},
              {"e2e_ms", ToJson(SpreadOf(end))}};
  if (errors > 0) out["first_error"] = first_error;
  return out;
}

void Print(const json& result) {
  fmt::print("{} of {} requests answered in {:.2f} s, {} errors\n",
             result["completed"].get<uint64_t>(), result["num_prompts"].get<uint64_t>(),
             result["duration_seconds"].get<double>(), result["errors"].get<uint64_t>());
  if (result.contains("first_error")) {
    fmt::print("first error: {}\n", result["first_error"].get<std::string>());
  }
  fmt::print("{:.2f} requests/s, {:.1f} output tokens/s, {:.1f} tokens/s in all\n",
             result["requests_per_second"].get<double>(),
             result["output_tokens_per_second"].get<double>(),
             result["total_tokens_per_second"].get<double>());
  fmt::print("{} prompt tokens ({} cached), {} output tokens\n\n",
             result["prompt_tokens"].get<uint64_t>(), result["cached_tokens"].get<uint64_t>(),
             result["completion_tokens"].get<uint64_t>());
  fmt::print("{:28}{:>10}{:>10}{:>10}{:>10}\n", "milliseconds", "mean", "median", "p90", "p99");
  const std::pair<const char*, const char*> rows[] = {{"ttft_ms", "time to first token"},
                                                      {"tpot_ms", "time per output token"},
                                                      {"itl_ms", "between tokens"},
                                                      {"e2e_ms", "end to end"}};
  for (const auto& [key, name] : rows) {
    const json& spread = result[key];
    fmt::print("{:28}{:10.2f}{:10.2f}{:10.2f}{:10.2f}\n", name, spread["mean"].get<double>(),
               spread["median"].get<double>(), spread["p90"].get<double>(),
               spread["p99"].get<double>());
  }
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
  const int64_t vocabulary = VocabularyOf(scout, model);
  const std::vector<double> due = Arrivals(options);
  std::vector<Sample> samples(options.prompts);
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
        samples[index] = RunOne(options, client, model, vocabulary, index);
        const std::lock_guard<std::mutex> lock(progress_mutex);
        progress->Update(++done);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = Milliseconds(start, std::chrono::steady_clock::now()) / 1000;
  progress.reset();
  const json result = Summarise(options, model, samples, seconds);
  if (options.format == OutputFormat::kJson)
    fmt::print("{}\n", result.dump(2));
  else
    Print(result);
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
