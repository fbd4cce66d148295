// A plain socket for tests of servers: sends any bytes, reads whole HTTP replies.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace cairn {

struct RawReply {
  int status = 0;  // 0: the connection ended before a whole reply
  std::string head;
  std::string body;  // chunks joined
  bool Has(std::string_view line) const { return head.find(line) != std::string::npos; }
};

class RawClient {
 public:
  explicit RawClient(uint16_t port, int receive_buffer_bytes = 0) {
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    if (receive_buffer_bytes > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof(receive_buffer_bytes));
    }
    const int one = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  RawClient(RawClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        connected_(other.connected_),
        received_(std::move(other.received_)) {}
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { Close(); }

  bool connected() const { return connected_; }
  void Close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  bool Post(std::string_view path, std::string_view json, std::string_view headers = "") {
    return Send("POST " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) +
                "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + std::string(json));
  }
  bool Get(std::string_view path) {
    return Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  // More bytes, or false at the end of the connection. Waits as long as it takes: the test runner
  // has the time-out.
  bool Receive() {
    char buffer[16384];
    const ssize_t got = ::recv(socket_, buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    received_.append(buffer, static_cast<size_t>(got));
    return true;
  }
  // Has the peer sent something, or closed, by now?
  bool Readable(int wait_ms = 0) {
    pollfd poll_socket{.fd = socket_, .events = POLLIN, .revents = 0};
    return !received_.empty() || ::poll(&poll_socket, 1, wait_ms) > 0;
  }
  // Everything up to and with `end`; empty if the connection ends before.
  std::string ReceiveUntil(std::string_view end) {
    size_t at;
    while ((at = received_.find(end)) == std::string::npos) {
      if (!Receive()) return "";
    }
    const std::string taken = received_.substr(0, at + end.size());
    received_.erase(0, at + end.size());
    return taken;
  }
  bool ReceiveEnd() {
    while (Receive()) {
    }
    return true;
  }
  RawReply ReadReply(bool head_only = false) {
    RawReply reply;
    reply.head = ReceiveUntil("\r\n\r\n");
    if (reply.head.size() < 12) return reply;
    const int status = std::atoi(reply.head.c_str() + 9);
    if (status == 100) return ReadReply(head_only);
    if (head_only) {
      reply.status = status;
      return reply;
    }
    if (reply.Has("transfer-encoding: chunked")) {
      while (true) {
        const std::string size_line = ReceiveUntil("\r\n");
        if (size_line.empty()) return reply;
        const size_t size = std::strtoul(size_line.c_str(), nullptr, 16);
        if (!Take(size + 2, reply.body)) return reply;
        reply.body.resize(reply.body.size() - 2);
        if (size == 0) break;
      }
    } else if (const size_t at = reply.head.find("content-length: "); at != std::string::npos) {
      if (!Take(std::strtoul(reply.head.c_str() + at + 16, nullptr, 10), reply.body)) return reply;
    } else {
      ReceiveEnd();
      reply.body = std::exchange(received_, "");
    }
    reply.status = status;
    return reply;
  }

 private:
  bool Take(size_t size, std::string& out) {
    while (received_.size() < size) {
      if (!Receive()) return false;
    }
    out.append(received_, 0, size);
    received_.erase(0, size);
    return true;
  }

  int socket_ = -1;
  bool connected_ = false;
  std::string received_;
};

}  // namespace cairn
