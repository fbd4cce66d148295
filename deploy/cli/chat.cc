#include "deploy/cli/chat.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "deploy/cli/answer_printer.h"
#include "deploy/cli/http_client.h"
#include "deploy/cli/options.h"

namespace cairn {
namespace {

using nlohmann::json;

struct ChatOptions {
  std::string url = "http://127.0.0.1:8000";
  std::string model;
  std::string api_key;
  std::string system;
  uint32_t max_tokens = 0;  // 0: up to the context's end
  double temperature = -1;  // below 0: the server's default
};

// A line from the user; nothing at the end of input.
std::optional<std::string> AskLine(bool terminal) {
  if (terminal) {
    std::fputs("\x1b[1m> \x1b[0m", stdout);
    std::fflush(stdout);
  }
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

json Opening(const ChatOptions& options) {
  json messages = json::array();
  if (!options.system.empty()) {
    messages.push_back({{"role", "system"}, {"content", options.system}});
  }
  return messages;
}

absl::Status Converse(const ChatOptions& options, HttpClient& client, const std::string& model) {
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  if (terminal) {
    std::printf("Talking to %s. /reset forgets, /quit ends, Ctrl-C stops an answer.\n",
                model.c_str());
  }
  json messages = Opening(options);
  while (const std::optional<std::string> line = AskLine(terminal)) {
    if (line->empty()) continue;
    if (*line == "/quit" || *line == "/exit") break;
    if (*line == "/reset") {
      messages = Opening(options);
      continue;
    }
    if (line->starts_with("/") && line->find(' ') == std::string::npos) {
      std::fprintf(stderr, "there are /reset and /quit\n");
      continue;
    }
    messages.push_back({{"role", "user"}, {"content", *line}});
    json request = {{"model", model},
                    {"messages", messages},
                    {"stream", true},
                    {"stream_options", {{"include_usage", true}}}};
    if (options.max_tokens > 0) request["max_completion_tokens"] = options.max_tokens;
    if (options.temperature >= 0) request["temperature"] = options.temperature;
    const InterruptWatch watch;
    const absl::StatusOr<PrintedAnswer> answer =
        PrintAnswer(client, "/v1/chat/completions",
                    request.dump(-1, ' ', false, json::error_handler_t::replace), true);
    if (answer.ok()) {
      messages.push_back({{"role", "assistant"}, {"content", answer->text}});
      continue;
    }
    // Without a terminal nobody is there to try something else.
    if (!terminal) return answer.status();
    messages.erase(messages.size() - 1);
    std::fprintf(stderr, "%s\n", std::string(answer.status().message()).c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddChat(CLI::App& root) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App* chat = root.add_subcommand("chat", "talk to a server from a terminal")->group("Talk");
  chat->add_option("--url", options->url, "where the server is")->capture_default_str();
  chat->add_option("--model", options->model, "which model; the server's first if not given");
  Secret(chat->add_option("--api-key", options->api_key, "key, if the server asks for one"));
  chat->add_option("--system", options->system, "what the model is told before the conversation");
  chat->add_option("--max-tokens", options->max_tokens, "of each answer; 0: no limit of its own")
      ->capture_default_str();
  chat->add_option("--temperature", options->temperature,
                   "0: always the likeliest token; below 0: the server's default")
      ->capture_default_str();
  OnRun(*chat, [options]() -> absl::Status {
    absl::StatusOr<ServerUrl> url = ParseServerUrl(options->url);
    if (!url.ok()) return url.status();
    HttpClient client(*std::move(url), options->api_key, &InterruptWatch::flag());
    std::string model = options->model;
    if (model.empty()) {
      absl::StatusOr<std::string> first = FirstModel(client);
      if (!first.ok()) return first.status();
      model = *std::move(first);
    }
    return Converse(*options, client, model);
  });
}

}  // namespace cairn
