// A streamed answer to a terminal: text as it comes, figures after it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "deploy/cli/http_client.h"

namespace cairn {

struct PrintedAnswer {
  std::string text;
  bool cancelled = false;
};

// Sends `json` (a streaming request) to `path` and prints what comes. Control characters other than
// line ends and tabs are left out: a model must not drive the terminal.
absl::StatusOr<PrintedAnswer> PrintAnswer(HttpClient& client, std::string_view path,
                                          std::string_view json, bool show_figures);

// While it lives, Ctrl-C sets the flag instead of ending the program.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  static const std::atomic<bool>& flag();
};

// The name of the first model a server has.
absl::StatusOr<std::string> FirstModel(HttpClient& client);

}  // namespace cairn
