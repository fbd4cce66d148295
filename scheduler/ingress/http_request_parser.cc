#include "scheduler/ingress/http_request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "kvstore/base/check.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

namespace http = boost::beast::http;

std::string_view ToView(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct HttpRequestParser::Beast {
  std::optional<http::request_parser<http::string_body>> parser;
};

HttpRequestParser::HttpRequestParser(const HttpParseLimits& limits)
    : limits_(limits), beast_(std::make_unique<Beast>()) {}

HttpRequestParser::~HttpRequestParser() = default;

void HttpRequestParser::Restart() {
  beast_->parser.emplace();
  beast_->parser->header_limit(limits_.header_bytes);
  beast_->parser->body_limit(limits_.body_bytes);
}

void HttpRequestParser::Fail(int status, std::string message) {
  state_ = State::kFailed;
  failure_ = {status, std::move(message)};
  beast_->parser.reset();
}

size_t HttpRequestParser::Feed(std::string_view input) {
  size_t used = 0;
  while (used < input.size() && (state_ == State::kHeader || state_ == State::kBody)) {
    if (!beast_->parser) Restart();
    auto& parser = *beast_->parser;
    boost::beast::error_code error;
    const size_t step =
        parser.put(boost::asio::const_buffer(input.data() + used, input.size() - used), error);
    used += step;
    if (error == http::error::need_more) {
      // A header larger than the limit may still be called incomplete when its end is not in sight.
      if (state_ == State::kHeader && input.size() - used > limits_.header_bytes) {
        Fail(431, TextCat("the request's header is larger than ", limits_.header_bytes, " bytes"));
      }
      return used;
    }
    if (error == http::error::header_limit) {
      Fail(431, TextCat("the request's header is larger than ", limits_.header_bytes, " bytes"));
      return used;
    }
    if (error == http::error::body_limit) {
      Fail(413, TextCat("the request's body is larger than ", limits_.body_bytes, " bytes"));
      return used;
    }
    if (error) {
      Fail(400, TextCat("not an HTTP/1.1 request: ", error.message()));
      return used;
    }
    if (state_ == State::kHeader && parser.is_header_done()) {
      state_ = State::kBody;
      if (parser.get().version() >= 11 && parser.get().count(http::field::host) != 1) {
        Fail(400, "an HTTP/1.1 request needs exactly one Host header");
        return used;
      }
      continue_wish_ =
          absl::EqualsIgnoreCase(ToAbsl(ToView(parser.get()[http::field::expect])), "100-continue");
      parser.eager(true);
    }
    if (parser.is_done()) {
      state_ = State::kDone;
    } else if (step == 0) {
      return used;
    }
  }
  return used;
}

bool HttpRequestParser::TakeContinueWish() {
  return std::exchange(continue_wish_, false) && state_ == State::kBody;
}

HttpRequest HttpRequestParser::Take() {
  CAIRN_CHECK(state_ == State::kDone);
  auto& message = beast_->parser->get();
  HttpRequest request;
  request.method = ToView(message.method_string());
  const std::string_view target = ToView(message.target());
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    request.headers.push_back({absl::AsciiStrToLower(ToAbsl(ToView(field.name_string()))),
                               std::string(ToView(field.value()))});
  }
  request.body = std::move(message.body());
  request.keep_alive = message.keep_alive();
  request.chunked_replies = message.version() >= 11;
  beast_->parser.reset();
  state_ = State::kHeader;
  continue_wish_ = false;
  return request;
}

}  // namespace cairn
