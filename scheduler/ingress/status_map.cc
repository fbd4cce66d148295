#include "scheduler/ingress/status_map.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "kvstore/base/check.h"
#include "scheduler/ingress/json_text.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

constexpr char kParam[] = "cairn/param";
constexpr char kCode[] = "cairn/code";
constexpr char kHttp[] = "cairn/http";
constexpr char kRetryAfter[] = "cairn/retry-after-ns";

struct Row {
  absl::StatusCode code;
  int http;
  std::string_view type;
  std::string_view openai_code;  // empty: null
};

// gRPC status codes are the same numbers as Abseil's.
constexpr Row kTable[] = {
    {absl::StatusCode::kInvalidArgument, 400, "invalid_request_error", ""},
    {absl::StatusCode::kOutOfRange, 400, "invalid_request_error", ""},
    {absl::StatusCode::kFailedPrecondition, 400, "invalid_request_error", ""},
    {absl::StatusCode::kUnauthenticated, 401, "invalid_request_error", "invalid_api_key"},
    {absl::StatusCode::kPermissionDenied, 403, "permission_error", "permission_denied"},
    {absl::StatusCode::kNotFound, 404, "invalid_request_error", "not_found"},
    {absl::StatusCode::kAlreadyExists, 409, "invalid_request_error", "conflict"},
    {absl::StatusCode::kAborted, 409, "server_error", "aborted"},
    {absl::StatusCode::kResourceExhausted, 429, "rate_limit_error", "overloaded"},
    {absl::StatusCode::kCancelled, 499, "server_error", "cancelled"},
    {absl::StatusCode::kUnimplemented, 501, "invalid_request_error", "not_implemented"},
    {absl::StatusCode::kUnavailable, 503, "server_error", "unavailable"},
    {absl::StatusCode::kDeadlineExceeded, 504, "server_error", "timeout"},
    {absl::StatusCode::kInternal, 500, "server_error", "internal_error"},
    {absl::StatusCode::kDataLoss, 500, "server_error", "internal_error"},
    {absl::StatusCode::kUnknown, 500, "server_error", "internal_error"},
};

const Row& RowOf(absl::StatusCode code) {
  for (const Row& row : kTable) {
    if (row.code == code) return row;
  }
  return kTable[std::size(kTable) - 1];
}

std::string Payload(const absl::Status& status, const char* key) {
  const auto cord = status.GetPayload(key);
  return cord ? std::string(*cord) : std::string();
}

}  // namespace

absl::Status InvalidField(std::string_view field, std::string_view message) {
  absl::Status status = absl::InvalidArgumentError(TextCat(field, ": ", message));
  status.SetPayload(kParam, absl::Cord(ToAbsl(field)));
  return status;
}

absl::Status UnsupportedField(std::string_view field, std::string_view message) {
  return WithErrorCode(InvalidField(field, message), "unsupported_parameter");
}

absl::Status DeadlinePassed(std::string_view message) {
  const std::string_view why = message.empty() ? "the request's deadline has passed" : message;
  return WithErrorCode(absl::DeadlineExceededError(ToAbsl(why)), "deadline_exceeded");
}

absl::Status WithErrorCode(absl::Status status, std::string_view code) {
  status.SetPayload(kCode, absl::Cord(ToAbsl(code)));
  return status;
}

absl::Status WithHttpStatus(absl::Status status, int http_status) {
  status.SetPayload(kHttp, absl::Cord(TextCat(http_status)));
  return status;
}

absl::Status WithRetryAfter(absl::Status status, Duration wait) {
  status.SetPayload(kRetryAfter, absl::Cord(TextCat(wait.nanoseconds())));
  return status;
}

ApiErrorView DescribeError(const absl::Status& status) {
  CAIRN_CHECK(!status.ok());
  const Row& row = RowOf(status.code());
  ApiErrorView view;
  view.type = row.type;
  view.code = Payload(status, kCode);
  if (view.code.empty()) view.code = row.openai_code;
  view.param = Payload(status, kParam);
  view.message = std::string(status.message());
  if (!absl::SimpleAtoi(Payload(status, kHttp), &view.http_status)) view.http_status = row.http;
  int64_t wait_ns = 0;
  if (absl::SimpleAtoi(Payload(status, kRetryAfter), &wait_ns)) {
    view.retry_after = Nanoseconds(wait_ns);
  } else if (view.http_status == 429 || view.http_status == 503) {
    view.retry_after = Seconds(1);
  }
  return view;
}

std::string ErrorBody(const absl::Status& status) {
  const ApiErrorView view = DescribeError(status);
  const auto or_null = [](const std::string& text) {
    return text.empty() ? std::string("null") : JsonString(text);
  };
  return TextCat("{\"error\":{\"message\":", JsonString(view.message),
                 ",\"type\":", JsonString(view.type), ",\"param\":", or_null(view.param),
                 ",\"code\":", or_null(view.code), "}}");
}

HttpReply ErrorReply(const absl::Status& status) {
  const ApiErrorView view = DescribeError(status);
  HttpReply reply;
  reply.head.status = view.http_status;
  if (view.retry_after) {
    // Whole seconds, rounded up: the header knows nothing finer.
    const int64_t seconds = (view.retry_after->nanoseconds() + 999'999'999) / 1'000'000'000;
    reply.head.headers.push_back({"retry-after", TextCat(std::max<int64_t>(seconds, 1))});
  }
  if (view.http_status == 401) reply.head.headers.push_back({"www-authenticate", "Bearer"});
  reply.body = ErrorBody(status);
  return reply;
}

absl::Status StatusFromHttp(int http_status, std::string_view message) {
  absl::StatusCode code =
      http_status >= 500 ? absl::StatusCode::kInternal : absl::StatusCode::kInvalidArgument;
  for (const Row& row : kTable) {
    if (row.http != http_status) continue;
    code = row.code;
    break;
  }
  return WithHttpStatus(absl::Status(code, ToAbsl(message)), http_status);
}

}  // namespace cairn
