#include "scheduler/ingress/http_connection.h"

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "kvstore/base/check.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kPipelinedBytesMax = 128 * 1024;
// After the last answer the client may still be sending a body that was refused. Closing at once
// would reset the connection and destroy the answer before it is read.
constexpr size_t kLingerBytesMax = 64 * 1024 * 1024;
constexpr Duration kLingerTime = Seconds(2);

}  // namespace

// The request being answered. Outlives neither its answer (calls after it do nothing) nor harms the
// next request on the connection.
class HttpConnection::Exchange : public HttpExchange,
                                 public std::enable_shared_from_this<HttpConnection::Exchange> {
 public:
  explicit Exchange(std::shared_ptr<HttpConnection> connection)
      : shared_(connection->shared_),
        executor_(connection->socket_.get_executor()),
        connection_(std::move(connection)) {}

  ~Exchange() override {
    if (!connection_ || ended_) return;
    asio::post(executor_, [connection = std::move(connection_)] {
      if (!connection->answering_ || connection->exchange_.lock()) return;
      if (connection->streaming_) return connection->Close();
      connection->keep_alive_ = false;
      connection->Reply(connection->shared_->error_page(500, "the request was dropped"));
    });
  }

  void Reply(HttpReply reply) override {
    if (End()) connection_->Reply(std::move(reply));
  }
  void BeginStream(HttpReplyHead head) override {
    if (Live()) connection_->BeginStream(head);
  }
  bool Write(std::string_view bytes) override { return Live() && connection_->Write(bytes); }
  void EndStream() override {
    if (End()) connection_->EndStream();
  }
  void OnGone(std::function<void()> gone) override {
    if (Live()) {
      connection_->gone_ = std::move(gone);
    } else if (!ended_) {
      gone();
    }
  }
  void Post(std::function<void()> work) override {
    asio::post(executor_, [self = shared_from_this(), work = std::move(work)] { work(); });
  }

 private:
  bool Live() const { return !ended_ && !connection_->closed_; }
  bool End() {
    if (!Live()) return false;
    ended_ = true;
    return true;
  }

  std::shared_ptr<HttpShared> shared_;  // first: the executor must not outlive the context in it
  asio::any_io_executor executor_;
  std::shared_ptr<HttpConnection> connection_;
  bool ended_ = false;
};

HttpConnection::HttpConnection(asio::ip::tcp::socket socket, std::shared_ptr<HttpShared> shared,
                               std::function<void(HttpConnection*)> closed)
    : shared_(std::move(shared)),
      socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      closed_callback_(std::move(closed)),
      parser_(shared_->limits.parse) {
  ++shared_->open;
}

HttpConnection::~HttpConnection() { --shared_->open; }

void HttpConnection::Start() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Advance(); });
}

void HttpConnection::Refuse(int status, std::string message) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  asio::post(socket_.get_executor(), [self = shared_from_this(), status, message] {
    self->AnswerFailure(status, message);
  });
}

void HttpConnection::CloseIfIdle() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (!self->answering_ && !self->lingering_ && self->unsent_.empty()) self->Close();
  });
}

void HttpConnection::CloseNow() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Close(); });
}

// ---- reading ----

void HttpConnection::WaitReadable() {
  // A client that pipelines more than this while an answer is being made waits for the answer.
  if (reading_ || closed_ || received_.size() > kPipelinedBytesMax) return;
  reading_ = true;
  socket_.async_wait(asio::socket_base::wait_read,
                     [self = shared_from_this()](const error_code& error) {
                       self->reading_ = false;
                       if (self->closed_) return;
                       if (error) return self->ClientGone(self->shared_->gone);
                       self->OnReadable();
                     });
}

void HttpConnection::OnReadable() {
  // One buffer for all connections of a thread: an idle connection owns none.
  static thread_local std::array<char, kReadBytes> buffer;
  for (int reads = 0; reads < 8 && received_.size() <= kPipelinedBytesMax; ++reads) {
    error_code error;
    const size_t got = socket_.read_some(asio::buffer(buffer), error);
    if (error == asio::error::would_block || error == asio::error::interrupted) break;
    // A client that has closed its sending side is taken to have left.
    if (error) return ClientGone(shared_->gone);
    if (lingering_) {
      lingered_bytes_ += got;
      if (lingered_bytes_ > kLingerBytesMax) return Close();
    } else {
      received_.append(buffer.data(), got);
      if (!answering_) Advance();
      if (closed_) return;
    }
    if (got < buffer.size()) break;
  }
  WaitReadable();
}

// Parses and dispatches as long as there is a whole request and no answer is under way.
void HttpConnection::Advance() {
  if (advancing_) return;
  advancing_ = true;
  while (!closed_ && !lingering_ && !answering_) {
    // A client that pipelines requests and reads no answers is made to wait.
    if (unsent_.size() > shared_->limits.stream_unsent_bytes) break;
    const bool in_body = parser_.state() == HttpRequestParser::State::kBody;
    const size_t used = parser_.Feed(received_);
    received_.erase(0, used);
    if (in_body) {
      body_bytes_ += used;
      shared_->bodies_bytes += used;
    }
    switch (parser_.state()) {
      case HttpRequestParser::State::kDone:
        Dispatch();
        continue;
      case HttpRequestParser::State::kFailed:
        AnswerFailure(parser_.failure().status, parser_.failure().message);
        continue;
      case HttpRequestParser::State::kBody:
        if (shared_->bodies_bytes > shared_->limits.bodies_bytes) {
          AnswerFailure(503, "too many request bodies are being read at once");
          continue;
        }
        if (parser_.TakeContinueWish()) {
          Append("HTTP/1.1 100 Continue\r\n\r\n");
          Flush();
        }
        AwaitTime(Wait::kBody);
        break;
      case HttpRequestParser::State::kHeader:
        AwaitTime(received_.empty() ? Wait::kIdle : Wait::kHeader);
        break;
    }
    break;
  }
  advancing_ = false;
  if (!closed_ && !answering_ && received_.empty() && received_.capacity() > kReadBytes) {
    std::string().swap(received_);
  }
  WaitReadable();
}

void HttpConnection::Dispatch() {
  HttpRequest request = parser_.Take();
  shared_->bodies_bytes -= std::exchange(body_bytes_, 0);
  AwaitTime(Wait::kNone);
  answering_ = true;
  ++shared_->in_flight;
  head_only_ = request.method == "HEAD";
  chunked_ = request.chunked_replies;
  keep_alive_ = request.keep_alive;
  auto exchange = std::make_shared<Exchange>(shared_from_this());
  exchange_ = exchange;
  shared_->handler(std::move(request), std::move(exchange));
}

void HttpConnection::AnswerFailure(int status, const std::string& message) {
  if (status == 408) ++shared_->timed_out;
  answering_ = true;
  ++shared_->in_flight;
  keep_alive_ = head_only_ = false;
  chunked_ = true;
  Reply(shared_->error_page(status, message));
}

void HttpConnection::AwaitTime(Wait wait) {
  // The clock of a header or a body starts once: a slow trickle of bytes does not wind it up again.
  if (wait == wait_ && wait != Wait::kWrite) return;
  wait_ = wait;
  Duration time;
  switch (wait) {
    case Wait::kNone:
      timer_.cancel();
      return;
    case Wait::kIdle:
      time = shared_->limits.idle_time;
      break;
    case Wait::kHeader:
      time = shared_->limits.header_time;
      break;
    case Wait::kBody:
      time = shared_->limits.body_time;
      break;
    case Wait::kWrite:
      time = shared_->limits.write_time;
      break;
    case Wait::kLinger:
      time = kLingerTime;
      break;
  }
  timer_.expires_after(std::chrono::nanoseconds(time.nanoseconds()));
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    // A wait that was replaced may have fired already: the deadline tells.
    if (error || self->timer_.expiry() > std::chrono::steady_clock::now()) return;
    self->OnTimeOver();
  });
}

void HttpConnection::OnTimeOver() {
  if (closed_) return;
  switch (std::exchange(wait_, Wait::kNone)) {
    case Wait::kNone:
      return;
    case Wait::kHeader:
      return AnswerFailure(408, "the request's header took too long to arrive");
    case Wait::kBody:
      return AnswerFailure(408, "the request's body took too long to arrive");
    case Wait::kWrite:
      ++shared_->timed_out;
      return ClientGone(shared_->too_slow);
    case Wait::kIdle:
    case Wait::kLinger:
      return Close();
  }
}

// ---- answering ----

void HttpConnection::AppendHead(const HttpReplyHead& head, std::string_view framing) {
  if (shared_->draining) keep_alive_ = false;
  std::string_view connection;
  if (!keep_alive_)
    connection = "connection: close\r\n";
  else if (!chunked_)
    connection = "connection: keep-alive\r\n";
  AppendReplyHead(head, framing, connection, unsent_);
}

void HttpConnection::Reply(HttpReply reply) {
  AppendHead(reply.head, TextCat("content-length: ", reply.body.size(), "\r\n"));
  if (!head_only_) Append(reply.body);
  EndAnswer();
}

void HttpConnection::BeginStream(const HttpReplyHead& head) {
  streaming_ = true;
  if (!chunked_) keep_alive_ = false;
  AppendHead(head, chunked_ ? "transfer-encoding: chunked\r\n" : "");
  Flush();
}

bool HttpConnection::Write(std::string_view bytes) {
  if (bytes.empty() || head_only_) return true;
  if (chunked_) {
    TextAppend(&unsent_, absl::Hex(bytes.size()), "\r\n", bytes, "\r\n");
  } else {
    Append(bytes);
  }
  Flush();
  if (!closed_ && unsent_.size() - sent_ > shared_->limits.stream_unsent_bytes) {
    ClientGone(shared_->too_slow);
  }
  return !closed_;
}

void HttpConnection::EndStream() {
  if (chunked_ && !head_only_) Append("0\r\n\r\n");
  EndAnswer();
}

void HttpConnection::EndAnswer() {
  CAIRN_CHECK(answering_);
  answering_ = streaming_ = false;
  --shared_->in_flight;
  gone_ = nullptr;
  exchange_.reset();
  if (!keep_alive_) lingering_ = true;
  Flush();
  if (closed_) return;
  if (lingering_) {
    if (unsent_.empty()) Linger();
    return;
  }
  // In Advance's own loop, or when the handler answers later: go on with what was pipelined.
  Advance();
}

void HttpConnection::Flush() {
  if (writing_ || closed_) return;
  while (sent_ < unsent_.size()) {
    error_code error;
    const size_t step =
        socket_.write_some(asio::buffer(unsent_.data() + sent_, unsent_.size() - sent_), error);
    if (error == asio::error::would_block) return WaitWritable();
    if (error && error != asio::error::interrupted) return ClientGone(shared_->gone);
    sent_ += step;
  }
  unsent_.clear();
  sent_ = 0;
  if (unsent_.capacity() > kReadBytes) std::string().swap(unsent_);
  if (wait_ == Wait::kWrite) AwaitTime(Wait::kNone);
}

void HttpConnection::WaitWritable() {
  if (sent_ > kReadBytes) {
    unsent_.erase(0, sent_);
    sent_ = 0;
  }
  writing_ = true;
  AwaitTime(Wait::kWrite);
  socket_.async_wait(asio::socket_base::wait_write,
                     [self = shared_from_this()](const error_code& error) {
                       self->writing_ = false;
                       if (self->closed_) return;
                       if (error) return self->ClientGone(self->shared_->gone);
                       self->Flush();
                       if (self->closed_ || self->writing_) return;
                       if (self->lingering_)
                         self->Linger();
                       else if (!self->answering_)
                         self->Advance();
                     });
}

void HttpConnection::Linger() {
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  std::string().swap(received_);
  AwaitTime(Wait::kLinger);
  WaitReadable();
}

void HttpConnection::ClientGone(std::atomic<uint64_t>& why) {
  if (answering_) ++why;
  Close();
}

void HttpConnection::Close() {
  if (std::exchange(closed_, true)) return;
  const std::shared_ptr<HttpConnection> self = shared_from_this();
  error_code ignored;
  timer_.cancel();
  socket_.close(ignored);
  shared_->bodies_bytes -= std::exchange(body_bytes_, 0);
  if (std::exchange(answering_, false)) --shared_->in_flight;
  if (auto gone = std::exchange(gone_, nullptr)) gone();
  closed_callback_(this);
}

}  // namespace cairn
