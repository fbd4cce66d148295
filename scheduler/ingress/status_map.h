// What went wrong with a call, in one table: absl status code -> HTTP status, OpenAI error type and
// code, gRPC status code. Front doors speak absl::Status; the client's field and OpenAI's finer
// code travel in it as payloads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "kvstore/base/time.h"
#include "scheduler/ingress/http_message.h"

namespace cairn {

// 400, naming the field ("temperature", "messages[2].content").
absl::Status InvalidField(std::string_view field, std::string_view message);
// 400 with code "unsupported_parameter": known to OpenAI or vLLM, not to us.
absl::Status UnsupportedField(std::string_view field, std::string_view message);
// 504 with code "deadline_exceeded": the client's own deadline.
absl::Status DeadlinePassed(std::string_view message);
// Adds OpenAI's `code` / the HTTP status where the table's own is too coarse / seconds to wait.
absl::Status WithErrorCode(absl::Status status, std::string_view code);
absl::Status WithHttpStatus(absl::Status status, int http_status);
absl::Status WithRetryAfter(absl::Status status, Duration wait);

struct ApiErrorView {
  int http_status = 500;
  std::string type;
  std::string code;   // empty: null
  std::string param;  // empty: null
  std::string message;
  std::optional<Duration> retry_after;
};
// REQUIRES: !status.ok()
ApiErrorView DescribeError(const absl::Status& status);
// The same as an HTTP reply with OpenAI's {"error":{...}} and Retry-After where it applies.
HttpReply ErrorReply(const absl::Status& status);
// Only the {"error":{...}} object, for an error in the middle of a stream.
std::string ErrorBody(const absl::Status& status);
// gRPC's numbers are those of absl::StatusCode; unknown HTTP statuses become the nearest code.
absl::Status StatusFromHttp(int http_status, std::string_view message);

}  // namespace cairn
