// HTTP/1.1 over sockets: connections, limits, time-outs, streams. Knows nothing of what is served:
// a handler answers each request through its HttpExchange. All sockets belong to a few I/O threads
// (one by default); an idle connection holds a socket, a timer and no buffer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "kvstore/base/time.h"
#include "scheduler/ingress/http_message.h"
#include "scheduler/ingress/http_request_parser.h"

namespace cairn {

struct HttpLimits {
  HttpParseLimits parse;
  uint32_t connections = 4096;                   // more are told 503 and closed
  uint64_t bodies_bytes = 512ull * 1024 * 1024;  // of all requests being read; more: 503
  uint32_t stream_unsent_bytes = 1024 * 1024;    // a stream's client slower than this is cut
  Duration header_time = Seconds(15);            // from the first byte to the last; then 408
  Duration body_time = Seconds(60);              // from the header's end; then 408
  Duration idle_time = Seconds(120);             // between requests; then closed silently
  Duration write_time = Seconds(30);             // without the client taking a byte
};

// One request waiting for its answer: either Reply, or BeginStream, Write and EndStream. Call on
// the exchange's own executor: inside the handler, or in what was given to Post. An exchange
// dropped without an answer is answered 500.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual void Reply(HttpReply reply) = 0;
  virtual void BeginStream(HttpReplyHead head) = 0;
  // Queues bytes of the body. False: nobody reads any more; `gone` was or will be called.
  virtual bool Write(std::string_view bytes) = 0;
  virtual void EndStream() = 0;
  // `gone` is called at most once, if the client leaves (or reads too slowly) before the answer's
  // end.
  virtual void OnGone(std::function<void()> gone) = 0;
  // Thread-safe: runs `work` on this exchange's executor, in the order of the calls.
  virtual void Post(std::function<void()> work) = 0;
};

using HttpHandler = std::function<void(HttpRequest, std::shared_ptr<HttpExchange>)>;
// Makes the body and type of a reply that the server gives by itself (400, 408, 413, 431, 503).
using HttpErrorPage = std::function<HttpReply(int status, std::string_view message)>;

struct HttpServerConfig {
  std::string host = "127.0.0.1";
  uint16_t port = 8000;  // 0: any free one; see HttpServer::port
  uint32_t threads = 1;
  HttpLimits limits;
};

struct HttpServerCounters {
  uint64_t connections_accepted = 0;
  uint64_t connections_refused = 0;
  uint64_t connections_open = 0;
  uint64_t requests_in_flight = 0;
  uint64_t clients_gone = 0;      // left before their answer's end
  uint64_t clients_too_slow = 0;  // cut because they did not read
  uint64_t timed_out = 0;         // header, body or write
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;  // stops without waiting
  virtual uint16_t port() const = 0;
  virtual HttpServerCounters counters() const = 0;
  // From now on a connection is closed after its answer. New ones are still accepted, so that
  // probes hear the reason; the handler refuses what it does not want.
  virtual void StartDrain() = 0;
  // Waits until no request is in flight, at most this long, then closes everything and joins the
  // threads. True: nothing was cut off.
  virtual bool Stop(Duration at_most) = 0;
};

// Binds and starts serving. Unavailable: the address is taken or not ours; the message names it.
absl::StatusOr<std::unique_ptr<HttpServer>> StartHttpServer(const HttpServerConfig& config,
                                                            HttpHandler handler,
                                                            HttpErrorPage error_page);

}  // namespace cairn
