#include "deploy/cli/complete.h"

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "deploy/cli/answer_printer.h"
#include "deploy/cli/http_client.h"
#include "deploy/cli/options.h"

namespace cairn {
namespace {

struct CompleteOptions {
  std::string url = "http://127.0.0.1:8000";
  std::string model;
  std::string api_key;
  std::string prompt;
  uint32_t max_tokens = 128;
  double temperature = -1;
  int64_t seed = -1;
  std::vector<std::string> stop;
};

absl::Status Complete(const CompleteOptions& options) {
  absl::StatusOr<ServerUrl> url = ParseServerUrl(options.url);
  if (!url.ok()) return url.status();
  HttpClient client(*std::move(url), options.api_key, &InterruptWatch::flag());
  std::string prompt = options.prompt;
  if (prompt == "-") prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
  std::string model = options.model;
  if (model.empty()) {
    absl::StatusOr<std::string> first = FirstModel(client);
    if (!first.ok()) return first.status();
    model = *std::move(first);
  }
  nlohmann::json request = {{"model", model},
                            {"prompt", prompt},
                            {"max_tokens", options.max_tokens},
                            {"stream", true},
                            {"stream_options", {{"include_usage", true}}}};
  if (options.temperature >= 0) request["temperature"] = options.temperature;
  if (options.seed >= 0) request["seed"] = options.seed;
  if (!options.stop.empty()) request["stop"] = options.stop;
  const InterruptWatch watch;
  const absl::StatusOr<PrintedAnswer> answer =
      PrintAnswer(client, "/v1/completions",
                  request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), true);
  if (!answer.ok()) return answer.status();
  return answer->cancelled ? absl::CancelledError("stopped") : absl::OkStatus();
}

}  // namespace

void AddComplete(CLI::App& root) {
  auto options = std::make_shared<CompleteOptions>();
  CLI::App* complete =
      root.add_subcommand("complete", "let the model go on with a text")->group("Talk");
  complete->add_option("prompt", options->prompt, "the text; - reads it from standard input")
      ->required();
  complete->add_option("--url", options->url, "where the server is")->capture_default_str();
  complete->add_option("--model", options->model, "which model; the server's first if not given");
  Secret(complete->add_option("--api-key", options->api_key, "key, if the server asks for one"));
  complete->add_option("--max-tokens", options->max_tokens, "of the answer")->capture_default_str();
  complete
      ->add_option("--temperature", options->temperature,
                   "0: always the likeliest token; below 0: the server's default")
      ->capture_default_str();
  complete->add_option("--seed", options->seed, "below 0: another answer each time")
      ->capture_default_str();
  complete->add_option("--stop", options->stop, "end before this text; may be given several times");
  OnRun(*complete, [options] { return Complete(*options); });
}

}  // namespace cairn
