// The HTTP front door over an echo instead of a model: for scripts/clients that need a server and
// no weights. Prints the port it listens on; runs until standard input ends.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "kvstore/shell/system_clock.h"
#include "scheduler/ingress/front_door.h"
#include "scheduler/ingress/http_server.h"
#include "tests/scheduler/echo_port.h"
#include "tests/scheduler/letter_model.h"

int main(int argc, char** argv) {
  using namespace cairn;
  const auto port = static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0);
  const std::string key = argc > 2 ? argv[2] : "";
  SystemClock clock;
  EchoPort echo(kLetterEnd);
  FrontDoorConfig config;
  if (!key.empty()) config.keys = *ApiKeys::Parse({key});
  FrontDoor door(std::move(config), {LetterModel()}, echo, clock);
  auto server = StartHttpServer(
      {.port = port},
      [&](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
        door.Handle(std::move(request), std::move(exchange));
      },
      [&](int status, std::string_view message) { return door.ErrorPage(status, message); });
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  door.SetHttpCounters([&] { return (*server)->counters(); });
  std::printf("%d\n", (*server)->port());
  std::fflush(stdout);
  absl::Notification over;
  std::thread engine([&] {
    bool busy = false;
    while (!over.WaitForNotificationWithTimeout(absl::Microseconds(busy ? 200 : 2000))) {
      busy = echo.Step();
    }
  });
  while (std::getchar() != EOF) {
  }
  door.StartDrain();
  const bool clean = (*server)->Stop(Seconds(5));
  over.Notify();
  engine.join();
  return clean ? 0 : 2;
}
