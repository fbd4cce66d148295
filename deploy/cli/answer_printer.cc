#include "deploy/cli/answer_printer.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace cairn {
namespace {

using nlohmann::json;
using SteadyTime = std::chrono::steady_clock::time_point;

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

struct sigaction former_action;

std::string Printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 || c == '\n' || c == '\t') out += byte == 0x7F ? '?' : c;
  }
  return out;
}

// What one stream brought, and when.
class Figures {
 public:
  void SawText() {
    if (!first_) first_ = std::chrono::steady_clock::now();
    ++pieces_;
  }
  void SawUsage(const json& usage) { usage_ = usage; }
  std::string Line() const {
    if (!first_) return "";
    const auto seconds = [](auto time) { return std::chrono::duration<double>(time).count(); };
    const double first = seconds(*first_ - start_);
    const double rest = seconds(std::chrono::steady_clock::now() - *first_);
    const uint64_t tokens =
        usage_.is_object() ? usage_.value("completion_tokens", pieces_) : pieces_;
    std::string line = fmt::format("{} tokens", tokens);
    if (tokens > 1 && rest > 0) {
      line += fmt::format(", {:.1f} tokens/s", static_cast<double>(tokens - 1) / rest);
    }
    line += fmt::format(", first after {:.0f} ms", first * 1000);
    if (usage_.is_object()) {
      const json details = usage_.value("prompt_tokens_details", json::object());
      const uint64_t cached =
          details.is_object() ? details.value("cached_tokens", uint64_t{0}) : uint64_t{0};
      line += fmt::format(", {} of {} prompt tokens cached", cached,
                          usage_.value("prompt_tokens", uint64_t{0}));
    }
    return line;
  }

 private:
  SteadyTime start_ = std::chrono::steady_clock::now();
  std::optional<SteadyTime> first_;
  uint64_t pieces_ = 0;
  json usage_;
};

std::string TextOfEvent(const json& event) {
  if (!event.contains("choices") || !event["choices"].is_array() || event["choices"].empty()) {
    return "";
  }
  const json& choice = event["choices"][0];
  const json text = choice.contains("delta") ? choice["delta"].value("content", json())
                                             : choice.value("text", json());
  return text.is_string() ? text.get<std::string>() : "";
}

}  // namespace

InterruptWatch::InterruptWatch() {
  interrupted = false;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  ::sigaction(SIGINT, &action, &former_action);  // without SA_RESTART: a read ends
}

InterruptWatch::~InterruptWatch() { ::sigaction(SIGINT, &former_action, nullptr); }

const std::atomic<bool>& InterruptWatch::flag() { return interrupted; }

absl::StatusOr<PrintedAnswer> PrintAnswer(HttpClient& client, std::string_view path,
                                          std::string_view request, bool show_figures) {
  PrintedAnswer answer;
  Figures figures;
  EventReader events;
  std::string failure;
  const auto on_event = [&](std::string_view data) {
    if (data == "[DONE]") return;
    const json event = json::parse(data, nullptr, false);
    if (!event.is_object()) return;
    if (event.contains("error") && event["error"].is_object()) {
      failure = event["error"].value("message", "the server failed");
    }
    if (event.contains("usage") && event["usage"].is_object()) figures.SawUsage(event["usage"]);
    const std::string text = TextOfEvent(event);
    if (text.empty()) return;
    figures.SawText();
    answer.text += text;
    const std::string shown = Printable(text);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    std::fflush(stdout);
  };
  const absl::StatusOr<ClientReply> reply =
      client.Request(path, request, [&](std::string_view piece) { events.Feed(piece, on_event); });
  answer.cancelled = absl::IsCancelled(reply.status());
  if (!answer.text.empty() && !answer.text.ends_with('\n')) std::printf("\n");
  if (!reply.ok() && !answer.cancelled) return reply.status();
  if (reply.ok() && reply->status != 200) return absl::UnavailableError(ErrorMessage(*reply));
  if (!failure.empty()) return absl::InternalError(failure);
  const std::string line = figures.Line();
  if (show_figures && !line.empty()) {
    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    std::fflush(stdout);
    std::fprintf(stderr, "%s%s%s%s\n", terminal ? "\x1b[2m" : "", line.c_str(),
                 answer.cancelled ? ", cancelled" : "", terminal ? "\x1b[0m" : "");
  }
  return answer;
}

absl::StatusOr<std::string> FirstModel(HttpClient& client) {
  const absl::StatusOr<ClientReply> reply = client.Request("/v1/models", "");
  if (!reply.ok()) return reply.status();
  if (reply->status != 200) return absl::UnavailableError(ErrorMessage(*reply));
  const json body = json::parse(reply->body, nullptr, false);
  if (!body.is_object() || !body.contains("data") || !body["data"].is_array() ||
      body["data"].empty() || !body["data"][0].is_object()) {
    return absl::UnavailableError("the server names no model; say which with --model");
  }
  return body["data"][0].value("id", "");
}

}  // namespace cairn
