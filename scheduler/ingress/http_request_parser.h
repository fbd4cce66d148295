// Bytes to HttpRequest, without a socket: Boost.Beast's parser under our limits. One object a
// connection; requests come out one after the other, however the bytes were cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "scheduler/ingress/http_message.h"

namespace cairn {

struct HttpParseLimits {
  uint32_t header_bytes = 32 * 1024;
  uint64_t body_bytes = 8 * 1024 * 1024;
};

class HttpRequestParser {
 public:
  enum class State {
    kHeader,  // not a whole header yet
    kBody,    // header known, body not complete
    kDone,    // Take() the request
    kFailed,  // failure() says why; the connection cannot go on
  };
  struct Failure {
    int status = 400;  // 400, 413 or 431
    std::string message;
  };

  explicit HttpRequestParser(const HttpParseLimits& limits);
  ~HttpRequestParser();

  // Reads from the front of `input` and returns how many bytes it has used up. An incomplete header
  // is not used up at all: offer it again with more behind it.
  size_t Feed(std::string_view input);
  State state() const { return state_; }
  // True once, after a header that asked for "100 Continue" before its body.
  bool TakeContinueWish();
  // REQUIRES: kDone. The parser is then ready for the next request.
  HttpRequest Take();
  const Failure& failure() const { return failure_; }

 private:
  struct Beast;  // keeps Boost.Beast out of this header

  void Fail(int status, std::string message);
  void Restart();

  HttpParseLimits limits_;
  State state_ = State::kHeader;
  bool continue_wish_ = false;
  Failure failure_;
  std::unique_ptr<Beast> beast_;
};

}  // namespace cairn
