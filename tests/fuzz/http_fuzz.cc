// Bytes to requests to replies, without a socket: the parser in pieces of any size, then the front
// door.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kvstore/base/check.h"
#include "kvstore/shell/system_clock.h"
#include "scheduler/ingress/front_door.h"
#include "scheduler/ingress/http_request_parser.h"
#include "tests/scheduler/echo_port.h"
#include "tests/scheduler/letter_model.h"

namespace cairn {
namespace {

// Posted work runs at once: the fuzzer is the only thread.
class ImmediateExchange : public HttpExchange {
 public:
  void Reply(HttpReply reply) override {
    std::string head;
    AppendReplyHead(reply.head, "", "", head);
    // No header of ours may carry a line end from the request.
    CAIRN_CHECK_EQ(head.find("\n\r\n"), head.size() - 3);
  }
  void BeginStream(HttpReplyHead) override {}
  bool Write(std::string_view) override { return true; }
  void EndStream() override {}
  void OnGone(std::function<void()>) override {}
  void Post(std::function<void()> work) override { queued.push_back(std::move(work)); }
  std::vector<std::function<void()>> queued;
};

struct House {
  SystemClock clock;
  EchoPort echo{kLetterEnd};
  FrontDoor door{{}, {LetterModel(256)}, echo, clock};
};

}  // namespace
}  // namespace cairn

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cairn;
  static House& house = *new House();
  if (size == 0) return 0;
  const size_t piece = 1 + data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  HttpRequestParser parser({.header_bytes = 1024, .body_bytes = 4096});
  std::string held;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    held += bytes.substr(at, piece);
    while (true) {
      held.erase(0, parser.Feed(held));
      if (parser.state() != HttpRequestParser::State::kDone) break;
      auto exchange = std::make_shared<ImmediateExchange>();
      house.door.Handle(parser.Take(), exchange);
      while (house.echo.Step()) {
      }
      while (!exchange->queued.empty()) {
        for (const auto& work : std::exchange(exchange->queued, {})) work();
      }
    }
    if (parser.state() == HttpRequestParser::State::kFailed) break;
    CAIRN_CHECK_LE(held.size(), 1024u + 4096u + 256u);
  }
  return 0;
}
