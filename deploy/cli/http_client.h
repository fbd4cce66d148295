// A blocking HTTP/1.1 client for the subcommands that talk to a server. One connection, kept open
// between requests; one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cairn {

struct ServerUrl {
  std::string host;
  std::string port;
  std::string prefix;  // before "/v1/...": empty or a path without a slash at its end
};
// "http://host:port/prefix". InvalidArgument with what is wrong.
absl::StatusOr<ServerUrl> ParseServerUrl(std::string_view url);

struct ClientReply {
  int status = 0;
  std::string body;  // what was not given to the receiver
};

class HttpClient {
 public:
  // `cancelled`, if given, ends a request that is under way once it is true and a signal has come.
  HttpClient(ServerUrl url, std::string api_key, const std::atomic<bool>* cancelled = nullptr);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // Pieces of a 200's body as they arrive.
  using Receiver = std::function<void(std::string_view)>;
  // `json` empty: GET, otherwise POST. Unavailable: no server there, or it went away; the message
  // names the address. Cancelled: see the constructor; the connection is then closed.
  absl::StatusOr<ClientReply> Request(std::string_view path, std::string_view json,
                                      const Receiver& receiver = nullptr);

 private:
  absl::Status Connect();
  absl::Status Send(std::string_view bytes);
  absl::StatusOr<ClientReply> Receive(const Receiver& receiver, bool& any_byte);
  absl::Status Broken(std::string_view what) const;
  void Close();

  const ServerUrl url_;
  const std::string api_key_;
  const std::atomic<bool>* const cancelled_;
  int socket_ = -1;
};

// What an OpenAI error body says, or the body's start if it is none.
std::string ErrorMessage(const ClientReply& reply);

// Server-sent events out of a body that comes in pieces: calls back with the data of each.
class EventReader {
 public:
  void Feed(std::string_view piece, const std::function<void(std::string_view)>& on_data);

 private:
  std::string held_;
};

}  // namespace cairn
