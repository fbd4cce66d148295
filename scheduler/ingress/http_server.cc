#include "scheduler/ingress/http_server.h"

#include <pthread.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/ingress/http_connection.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class BeastHttpServer : public HttpServer {
 public:
  BeastHttpServer(const HttpLimits& limits, HttpHandler handler, HttpErrorPage error_page)
      : shared_(std::make_shared<HttpShared>()),
        acceptor_(asio::make_strand(shared_->io)),
        accept_pause_(acceptor_.get_executor()) {
    shared_->limits = limits;
    shared_->handler = std::move(handler);
    shared_->error_page = std::move(error_page);
  }

  ~BeastHttpServer() override { Stop(Duration()); }

  absl::Status Open(const std::string& host, uint16_t port) {
    const auto fail = [&](const char* what, const error_code& error) {
      return absl::UnavailableError(TextCat("cannot ", what, " ", host, ":", port, ": ",
                                            error.message(),
                                            "; choose another with --host and --port"));
    };
    error_code error;
    tcp::resolver resolver(shared_->io);
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
    if (error || found.empty()) return fail("resolve", error);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (error) return fail("open a socket for", error);
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (endpoint.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
    acceptor_.bind(endpoint, error);
    if (error) return fail("listen on", error);
    acceptor_.listen(1024, error);
    if (error) return fail("listen on", error);
    port_ = acceptor_.local_endpoint().port();
    return absl::OkStatus();
  }

  void Run(uint32_t threads) {
    asio::post(acceptor_.get_executor(), [this] { Accept(); });
    for (uint32_t i = 0; i < std::max(threads, 1u); ++i) {
      threads_.emplace_back([this] {
        pthread_setname_np(pthread_self(), "cairn-http");
        shared_->io.run();
      });
    }
  }

  uint16_t port() const override { return port_; }

  HttpServerCounters counters() const override {
    return {.connections_accepted = shared_->accepted,
            .connections_refused = shared_->refused,
            .connections_open = shared_->open,
            .requests_in_flight = shared_->in_flight,
            .clients_gone = shared_->gone,
            .clients_too_slow = shared_->too_slow,
            .timed_out = shared_->timed_out};
  }

  void StartDrain() override {
    shared_->draining = true;
    ForEachConnection([](HttpConnection& connection) { connection.CloseIfIdle(); });
  }

  bool Stop(Duration at_most) override {
    if (threads_.empty()) return true;
    StartDrain();
    std::promise<void> deaf;  // no connection is adopted after it is kept
    asio::post(acceptor_.get_executor(), [this, &deaf] {
      error_code ignored;
      acceptor_.close(ignored);
      accept_pause_.cancel();
      deaf.set_value();
    });
    deaf.get_future().wait();
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::nanoseconds(at_most.nanoseconds());
    bool clean;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      clean = emptied_.wait_until(lock, deadline, [this] { return connections_.empty(); });
    }
    clean = clean || shared_->in_flight == 0;
    ForEachConnection([](HttpConnection& connection) { connection.CloseNow(); });
    {
      // CloseNow is only posted; the threads are there to run it.
      std::unique_lock<std::mutex> lock(mutex_);
      emptied_.wait(lock, [this] { return connections_.empty(); });
    }
    // Without sockets there is no work left, and the threads return by themselves.
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return clean;
  }

 private:
  void Accept() {
    acceptor_.async_accept(asio::make_strand(shared_->io),
                           [this](const error_code& error, tcp::socket socket) {
                             if (!acceptor_.is_open()) return;
                             if (error) {
                               // Out of file descriptors, most likely: trying at once would only
                               // burn the core.
                               accept_pause_.expires_after(std::chrono::milliseconds(100));
                               accept_pause_.async_wait([this](const error_code& cancelled) {
                                 if (!cancelled && acceptor_.is_open()) Accept();
                               });
                               return;
                             }
                             Adopt(std::move(socket));
                             Accept();
                           });
  }

  void Adopt(tcp::socket socket) {
    ++shared_->accepted;
    auto connection = std::make_shared<HttpConnection>(
        std::move(socket), shared_, [this](HttpConnection* closed) { Forget(closed); });
    const uint64_t open = shared_->open;
    // A refused connection lingers for a moment, so there is a little room above the limit; beyond
    // that it is dropped without a word.
    if (open > 2ull * shared_->limits.connections) {
      ++shared_->refused;
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      connections_.emplace(connection.get(), connection);
    }
    if (open > shared_->limits.connections) {
      ++shared_->refused;
      connection->Refuse(
          503, TextCat("more than ", shared_->limits.connections, " connections are open"));
    } else {
      connection->Start();
    }
  }

  void Forget(HttpConnection* connection) {
    std::lock_guard<std::mutex> lock(mutex_);
    connections_.erase(connection);
    if (connections_.empty()) emptied_.notify_all();
  }

  template <typename Visit>
  void ForEachConnection(Visit visit) {
    std::vector<std::shared_ptr<HttpConnection>> all;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (const auto& [address, connection] : connections_) all.push_back(connection);
    }
    for (const auto& connection : all) visit(*connection);
  }

  std::shared_ptr<HttpShared> shared_;  // first: holds the context of all that follows
  tcp::acceptor acceptor_;
  asio::steady_timer accept_pause_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable emptied_;
  std::unordered_map<HttpConnection*, std::shared_ptr<HttpConnection>> connections_;
  uint16_t port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> StartHttpServer(const HttpServerConfig& config,
                                                            HttpHandler handler,
                                                            HttpErrorPage error_page) {
  auto server =
      std::make_unique<BeastHttpServer>(config.limits, std::move(handler), std::move(error_page));
  if (absl::Status opened = server->Open(config.host, config.port); !opened.ok()) return opened;
  server->Run(config.threads);
  return server;
}

}  // namespace cairn
