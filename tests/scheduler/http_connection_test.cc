// What the HTTP server does when somebody sends too much, too slowly, too often or nonsense.
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/scheduler/front_door_house.h"

namespace cairn {
namespace {

TEST_CASE("what is no HTTP is told so and left") {
  House house;
  for (const char* bytes :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n"}) {
    CAPTURE(bytes);
    RawClient client(house.port());
    client.Send(bytes);
    const RawReply reply = client.ReadReply();
    CHECK(reply.status == 400);
    CHECK(reply.Has("connection: close"));
    CHECK(json::parse(reply.body)["error"]["type"] == "invalid_request_error");
    client.Close();
  }
}

TEST_CASE("too large a header is 431, too large a body 413, and the answer arrives") {
  HttpLimits limits;
  limits.parse.header_bytes = 4096;
  limits.parse.body_bytes = 100'000;
  House house(limits);
  SECTION("header") {
    RawClient client(house.port());
    client.Send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(10'000, 'x'));
    CHECK(client.ReadReply().status == 431);
  }
  SECTION("body with its length") {
    RawClient client(house.port());
    // The whole body is sent: the answer must survive that nobody reads it.
    client.Post(kText, std::string(3'000'000, ' '));
    CHECK(client.ReadReply().status == 413);
  }
  SECTION("chunked body") {
    RawClient client(house.port());
    std::string bytes =
        "POST /v1/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 30; ++i) bytes += "1388\r\n" + std::string(5000, ' ') + "\r\n";
    client.Send(bytes);
    CHECK(client.ReadReply().status == 413);
  }
}

TEST_CASE("a header or a body that trickles is given up after its time") {
  HttpLimits limits;
  limits.header_time = Milliseconds(50);
  limits.body_time = Milliseconds(50);
  House house(limits);
  SECTION("header") {
    RawClient client(house.port());
    client.Send("GET / HT");
    CHECK(client.ReadReply().status == 408);
  }
  SECTION("bytes that keep coming do not wind the clock up again") {
    RawClient client(house.port());
    client.Send("GET / HTTP/1.1\r\nHost: h\r\n");
    while (!client.Readable(5)) client.Send("X: y\r\n");
    CHECK(client.ReadReply().status == 408);
  }
  SECTION("body") {
    RawClient client(house.port());
    client.Send("POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{");
    CHECK(client.ReadReply().status == 408);
  }
  CHECK(house.server().counters().timed_out == 1);
}

TEST_CASE("an idle connection is closed after its time, without a word") {
  HttpLimits limits;
  limits.idle_time = Milliseconds(20);
  House house(limits);
  RawClient client(house.port());
  CHECK_FALSE(client.Receive());
}

TEST_CASE("more connections than the limit are told so") {
  HttpLimits limits;
  limits.connections = 2;
  House house(limits);
  RawClient first(house.port());
  RawClient second(house.port());
  first.Get("/livez");
  second.Get("/livez");
  CHECK(first.ReadReply().status == 200);
  CHECK(second.ReadReply().status == 200);
  RawClient third(house.port());
  const RawReply refused = third.ReadReply();
  CHECK(refused.status == 503);
  CHECK(refused.Has("retry-after: "));
  first.Get("/livez");
  CHECK(first.ReadReply().status == 200);
}

TEST_CASE("a thousand idle connections disturb nobody") {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2100) {
    WARN("SKIPPED: needs 2,100 file descriptors");
    return;
  }
  House house;
  std::vector<RawClient> idle;
  for (int i = 0; i < 1000; ++i) {
    idle.emplace_back(house.port());
    REQUIRE(idle.back().connected());
  }
  house.Await([&] { return house.server().counters().connections_open == 1000; });
  RawClient client(house.port());
  const RawReply reply = house.Complete(client, kText, R"({"prompt":"abc"})");
  CHECK(reply.status == 200);
  idle[500].Get("/livez");
  CHECK(idle[500].ReadReply().status == 200);
}

TEST_CASE("a stream whose client does not read is cut, and its request cancelled") {
  HttpLimits limits;
  limits.stream_unsent_bytes = 64 * 1024;
  House house(limits);
  RawClient client(house.port(), 4096);
  client.Post(
      kText, R"({"prompt":"abc","stream":true,"ignore_eos":true,"max_tokens":90000,"logprobs":5})");
  house.AwaitLive(1);
  const auto cut = [&] { return house.server().counters().requests_in_flight == 0; };
  // The engine goes on as the server takes its tokens; the kernel's own buffers hold the first
  // part.
  for (uint64_t taken = 0; !cut(); ++taken) {
    house.echo().Step();
    house.Await([&] { return cut() || house.door().metrics().generation_tokens > taken; });
  }
  house.Await([&] { return !house.echo().Step(); });
  CHECK(house.server().counters().clients_too_slow == 1);
  CHECK(house.echo().cancelled() == 1);
}

TEST_CASE("overload is 429 with the scheduler's time, no worker 503") {
  House house;
  RawClient client(house.port());
  house.echo().RefuseWith({absl::ResourceExhaustedError("the queue is full"), Milliseconds(2500)});
  client.Post(kText, R"({"prompt":"abc"})");
  RawReply reply = client.ReadReply();
  CHECK(reply.status == 429);
  CHECK(reply.Has("retry-after: 3\r\n"));
  CHECK(json::parse(reply.body)["error"]["message"] == "the queue is full");
  house.echo().RefuseWith({absl::UnavailableError("no worker"), std::nullopt});
  client.Post(kText, R"({"prompt":"abc"})");
  reply = client.ReadReply();
  CHECK(reply.status == 503);
  CHECK(reply.Has("retry-after: 1\r\n"));
}

TEST_CASE("more calls in flight than the limit are shed") {
  FrontDoorConfig config;
  config.calls_in_flight = 1;
  House house({}, std::move(config));
  RawClient first(house.port());
  first.Post(kText, R"({"prompt":"abc"})");
  house.AwaitLive(1);
  RawClient second(house.port());
  second.Post(kText, R"({"prompt":"abc"})");
  CHECK(second.ReadReply().status == 429);
  house.RunAll();
  CHECK(first.ReadReply().status == 200);
}

TEST_CASE("keys are asked for, probes are open") {
  FrontDoorConfig config;
  config.keys = *ApiKeys::Parse({"team-a:secret", "plain"});
  House house({}, std::move(config));
  RawClient client(house.port());
  for (const char* path : {"/health", "/livez", "/readyz", "/metrics", "/version"}) {
    client.Get(path);
    CHECK(client.ReadReply().status == 200);
  }
  client.Get("/v1/models");
  RawReply reply = client.ReadReply();
  CHECK(reply.status == 401);
  CHECK(json::parse(reply.body)["error"]["code"] == "invalid_api_key");
  client.Post(kText, "{}", "Authorization: Bearer secre\r\n");
  CHECK(client.ReadReply().status == 401);
  client.Post(kText, R"({"prompt":"abc","cache_salt":"x"})", "Authorization: Bearer secret\r\n");
  house.AwaitLive(1);
  CHECK(house.echo().LiveRequests()[0].tenant == "team-a");
  CHECK(house.echo().LiveRequests()[0].cache_salt == "team-a:x");
  house.RunAll();
  CHECK(client.ReadReply().status == 200);
}

TEST_CASE("a drain lets streams finish, refuses new work with a reason, and ends clean") {
  House house;
  RawClient busy(house.port());
  busy.Post(kText, R"({"prompt":"abc","stream":true})");
  house.AwaitLive(1);
  house.door().StartDrain();
  RawClient probe(house.port());
  probe.Get("/readyz");
  const RawReply ready = probe.ReadReply();
  CHECK(ready.status == 503);
  CHECK(ready.body.find("draining") != std::string::npos);
  probe.Post(kText, R"({"prompt":"abc"})");
  const RawReply refused = probe.ReadReply();
  CHECK(refused.status == 503);
  CHECK(refused.Has("retry-after: "));
  bool clean = false;
  std::thread stopper([&] { clean = house.server().Stop(Seconds(60)); });
  house.RunAll();
  CHECK(busy.ReadReply().body.ends_with("data: [DONE]\n\n"));
  busy.Close();
  probe.Close();
  stopper.join();
  CHECK(clean);
}

TEST_CASE("a drain that takes too long is cut, and what was in flight is cancelled") {
  House house;
  RawClient busy(house.port());
  busy.Post(kText, R"({"prompt":"abc","stream":true,"ignore_eos":true,"max_tokens":1000})");
  house.AwaitLive(1);
  CHECK_FALSE(house.server().Stop(Milliseconds(1)));
  CHECK_FALSE(house.echo().Step());
  CHECK(house.echo().cancelled() == 1);
}

}  // namespace
}  // namespace cairn
