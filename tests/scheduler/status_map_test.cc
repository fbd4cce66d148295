#include "scheduler/ingress/status_map.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace cairn {
namespace {

using nlohmann::json;

std::string HeaderOf(const HttpReply& reply, std::string_view name) {
  for (const auto& header : reply.head.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

TEST_CASE("a wrong field is a 400 that names it") {
  const HttpReply reply = ErrorReply(InvalidField("top_p", "must be above 0"));
  CHECK(reply.head.status == 400);
  const json error = json::parse(reply.body)["error"];
  CHECK(error["param"] == "top_p");
  CHECK(error["message"] == "top_p: must be above 0");
  CHECK(error["type"] == "invalid_request_error");
  CHECK(error["code"].is_null());
}

TEST_CASE("a field we know and do not support says so in OpenAI's code") {
  CHECK(DescribeError(UnsupportedField("best_of", "not supported")).code ==
        "unsupported_parameter");
}

TEST_CASE("waiting is told in whole seconds, rounded up, and never as nothing") {
  const absl::Status full = absl::ResourceExhaustedError("full");
  CHECK(HeaderOf(ErrorReply(WithRetryAfter(full, Milliseconds(2001))), "retry-after") == "3");
  CHECK(HeaderOf(ErrorReply(WithRetryAfter(full, Nanoseconds(0))), "retry-after") == "1");
  CHECK(HeaderOf(ErrorReply(full), "retry-after") == "1");
  CHECK(HeaderOf(ErrorReply(absl::NotFoundError("no")), "retry-after").empty());
}

TEST_CASE("who is not known is told how to say who they are") {
  const HttpReply reply = ErrorReply(absl::UnauthenticatedError("who?"));
  CHECK(reply.head.status == 401);
  CHECK(HeaderOf(reply, "www-authenticate") == "Bearer");
}

TEST_CASE("an HTTP status survives its way through absl::Status") {
  for (const int http : {400, 401, 403, 404, 405, 408, 413, 414, 429, 431, 500, 503}) {
    INFO(http);
    CHECK(DescribeError(StatusFromHttp(http, "why")).http_status == http);
  }
  CHECK(StatusFromHttp(418, "tea").code() == absl::StatusCode::kInvalidArgument);
  CHECK(StatusFromHttp(599, "odd").code() == absl::StatusCode::kInternal);
}

TEST_CASE("what a client said comes back as valid JSON, whatever its bytes") {
  const std::string odd = std::string("a\"b\\c\n\x01\xff", 8);
  const json error = json::parse(ErrorBody(InvalidField("model", odd)), nullptr, false);
  REQUIRE(error.is_object());
  CHECK(error["error"]["param"] == "model");
}

}  // namespace
}  // namespace cairn
