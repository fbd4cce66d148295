// One client's connection: reads requests, hands them on one at a time, writes answers. Everything
// runs on the connection's strand. Included by http_server.cc and http_connection.cc alone, because
// it drags Boost.Asio in.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "scheduler/ingress/http_server.h"

namespace cairn {

// What the connections of one server share.
struct HttpShared {
  boost::asio::io_context io;
  HttpLimits limits;
  HttpHandler handler;
  HttpErrorPage error_page;
  std::atomic<bool> draining{false};
  std::atomic<uint64_t> bodies_bytes{0};
  std::atomic<uint64_t> accepted{0}, refused{0}, open{0}, in_flight{0};
  std::atomic<uint64_t> gone{0}, too_slow{0}, timed_out{0};
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(boost::asio::ip::tcp::socket socket, std::shared_ptr<HttpShared> shared,
                 std::function<void(HttpConnection*)> closed);
  ~HttpConnection();

  // One of these two comes first, before anybody else knows the connection.
  void Start();
  void Refuse(int status, std::string message);
  // From any thread.
  void CloseIfIdle();
  void CloseNow();

 private:
  class Exchange;

  // What the connection's timer is waiting for; kNone while the handler works.
  enum class Wait { kNone, kIdle, kHeader, kBody, kWrite, kLinger };

  void WaitReadable();
  void OnReadable();
  void Advance();
  void Dispatch();
  void AnswerFailure(int status, const std::string& message);
  void AwaitTime(Wait wait);
  void OnTimeOver();
  void Append(std::string_view bytes) { unsent_.append(bytes); }
  void AppendHead(const HttpReplyHead& head, std::string_view framing);
  void Flush();
  void WaitWritable();
  void EndAnswer();
  void ClientGone(std::atomic<uint64_t>& why);
  void Linger();
  void Close();

  // For Exchange.
  void Reply(HttpReply reply);
  void BeginStream(const HttpReplyHead& head);
  bool Write(std::string_view bytes);
  void EndStream();

  std::shared_ptr<HttpShared> shared_;  // first: the socket must not outlive the context in it
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::function<void(HttpConnection*)> closed_callback_;
  HttpRequestParser parser_;
  std::string received_;  // not yet used up by the parser
  std::string unsent_;
  size_t sent_ = 0;          // of unsent_
  uint64_t body_bytes_ = 0;  // of the request being read; counted in shared_->bodies_bytes
  size_t lingered_bytes_ = 0;
  std::weak_ptr<Exchange> exchange_;  // the request being answered
  std::function<void()> gone_;
  Wait wait_ = Wait::kNone;
  bool answering_ = false;  // between Dispatch and EndAnswer
  bool streaming_ = false;
  bool head_only_ = false;  // the request was HEAD
  bool chunked_ = true;
  bool keep_alive_ = true;
  bool reading_ = false;    // a wait for readability is pending
  bool writing_ = false;    // a wait for writability is pending
  bool advancing_ = false;  // Advance is on the stack
  bool lingering_ = false;  // answered for the last time; reads and forgets
  bool closed_ = false;
};

}  // namespace cairn
