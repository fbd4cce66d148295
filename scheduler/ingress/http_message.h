// HTTP requests and replies as the routes see them: whole, decoded, no sockets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cairn {

struct HttpHeader {
  std::string name;  // lower case
  std::string value;
};

struct HttpRequest {
  std::string method;
  std::string path;   // without the query
  std::string query;  // what follows '?'
  std::vector<HttpHeader> headers;
  std::string body;
  bool keep_alive = true;
  bool chunked_replies = true;  // false: HTTP/1.0, a stream ends with the connection

  // The first header of this (lower case) name; empty if there is none.
  std::string_view Header(std::string_view name) const {
    for (const HttpHeader& header : headers) {
      if (header.name == name) return header.value;
    }
    return {};
  }
};

struct HttpReplyHead {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<HttpHeader> headers;
};

struct HttpReply {
  HttpReplyHead head;
  std::string body;
};

// "Too Many Requests" for 429, and so on; empty for what has no name.
std::string_view HttpReason(int status);
// Appends status line and headers up to the empty line. `framing` and `connection` are whole lines.
void AppendReplyHead(const HttpReplyHead& head, std::string_view framing,
                     std::string_view connection, std::string& out);

}  // namespace cairn
