#include "deploy/cli/http_client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/cleanup/cleanup.h"

namespace cairn {

absl::StatusOr<ServerUrl> ParseServerUrl(std::string_view url) {
  const auto wrong = [&](const std::string& why) {
    return absl::InvalidArgumentError("--url " + std::string(url) + ": " + why);
  };
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) return wrong("TLS is not spoken here; use http://");
  if (!url.starts_with(kScheme)) return wrong("it must start with http://");
  std::string_view rest = url.substr(kScheme.size());
  ServerUrl out;
  const size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    out.prefix = rest.substr(slash);
    rest = rest.substr(0, slash);
  }
  while (out.prefix.ends_with('/')) out.prefix.pop_back();
  // Clients of OpenAI's are configured with the /v1 in it.
  if (out.prefix.ends_with("/v1")) out.prefix.resize(out.prefix.size() - 3);
  const size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && rest.find(']', colon) == rest.npos;
  out.host = rest.substr(0, has_port ? colon : rest.size());
  out.port = has_port ? rest.substr(colon + 1) : "80";
  if (out.host.starts_with('[') && out.host.ends_with(']')) {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  if (out.host.empty() || out.port.empty()) return wrong("it needs a host");
  return out;
}

HttpClient::HttpClient(ServerUrl url, std::string api_key, const std::atomic<bool>* cancelled)
    : url_(std::move(url)), api_key_(std::move(api_key)), cancelled_(cancelled) {}

HttpClient::~HttpClient() { Close(); }

void HttpClient::Close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

absl::Status HttpClient::Broken(std::string_view what) const {
  return absl::UnavailableError("http://" + url_.host + ":" + url_.port + ": " + std::string(what));
}

absl::Status HttpClient::Connect() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(url_.host.c_str(), url_.port.c_str(), &hints, &found);
  if (error != 0) return Broken(::gai_strerror(error));
  const absl::Cleanup free_found = [found] { ::freeaddrinfo(found); };
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    socket_ = ::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) continue;
    if (::connect(socket_, at->ai_addr, at->ai_addrlen) == 0) {
      const int one = 1;
      ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
      return absl::OkStatus();
    }
    Close();
  }
  return Broken("nobody answers there; start a server with `cairn up`, or say where with --url");
}

absl::Status HttpClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Broken("the server closed the connection");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

absl::StatusOr<ClientReply> HttpClient::Receive(const Receiver& receiver, bool& any_byte) {
  namespace http = boost::beast::http;
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  parser.body_limit(std::numeric_limits<uint64_t>::max());
  std::array<char, 16 * 1024> buffer;
  std::string held;
  while (!parser.is_done()) {
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (cancelled_ != nullptr && *cancelled_) return absl::CancelledError("cancelled");
    if (got < 0 && errno == EINTR) continue;
    boost::system::error_code error;
    if (got <= 0) {
      parser.put_eof(error);
      if (error || !parser.is_done()) return Broken("the connection ended before the answer did");
      break;
    }
    any_byte = true;
    held.append(buffer.data(), static_cast<size_t>(got));
    while (!held.empty() && !parser.is_done()) {
      const size_t used = parser.put(boost::asio::buffer(held), error);
      held.erase(0, used);
      if (error == http::error::need_more || (!error && used == 0)) break;
      if (error) return Broken("it does not speak HTTP: " + error.message());
    }
    std::string& body = parser.get().body();
    if (receiver && parser.is_header_done() && parser.get().result_int() == 200 && !body.empty()) {
      receiver(body);
      body.clear();
    }
  }
  ClientReply reply{.status = static_cast<int>(parser.get().result_int()),
                    .body = std::move(parser.get().body())};
  if (!parser.get().keep_alive()) Close();
  return reply;
}

absl::StatusOr<ClientReply> HttpClient::Request(std::string_view path, std::string_view json,
                                                const Receiver& receiver) {
  std::string request = json.empty() ? "GET " : "POST ";
  request += url_.prefix + std::string(path) + " HTTP/1.1\r\nHost: " + url_.host + "\r\n";
  if (!api_key_.empty()) request += "Authorization: Bearer " + api_key_ + "\r\n";
  if (!json.empty()) {
    request +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) + "\r\n";
  }
  request += "\r\n";
  request += json;
  while (true) {
    const bool reused = socket_ >= 0;
    if (!reused) {
      if (absl::Status connected = Connect(); !connected.ok()) return connected;
    }
    bool any_byte = false;
    const absl::Status sent = Send(request);
    absl::StatusOr<ClientReply> reply =
        sent.ok() ? Receive(receiver, any_byte) : absl::StatusOr<ClientReply>(sent);
    if (reply.ok()) return reply;
    Close();
    // A connection kept too long may have been closed meanwhile: that is nobody's error.
    if (!reused || any_byte || absl::IsCancelled(reply.status())) return reply;
  }
}

std::string ErrorMessage(const ClientReply& reply) {
  const nlohmann::json body = nlohmann::json::parse(reply.body, nullptr, false);
  if (body.is_object() && body.contains("error") && body["error"].is_object()) {
    return body["error"].value("message", "no message");
  }
  return "HTTP " + std::to_string(reply.status) + ": " + reply.body.substr(0, 200);
}

void EventReader::Feed(std::string_view piece,
                       const std::function<void(std::string_view)>& on_data) {
  held_.append(piece);
  size_t from = 0, end;
  while ((end = held_.find('\n', from)) != std::string::npos) {
    std::string_view line = std::string_view(held_).substr(from, end - from);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("data:")) {
      line.remove_prefix(5);
      if (line.starts_with(' ')) line.remove_prefix(1);
      on_data(line);
    }
    from = end + 1;
  }
  held_.erase(0, from);
}

}  // namespace cairn
