#include "scheduler/ingress/http_message.h"

#include <utility>

#include "scheduler/operator/text_cat.h"

namespace cairn {

std::string_view HttpReason(int status) {
  static constexpr std::pair<int, std::string_view> kReasons[] = {
      {200, "OK"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Content Too Large"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {499, "Client Closed Request"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  for (const auto& [code, reason] : kReasons) {
    if (code == status) return reason;
  }
  return "";
}

void AppendReplyHead(const HttpReplyHead& head, std::string_view framing,
                     std::string_view connection, std::string& out) {
  TextAppend(&out, "HTTP/1.1 ", head.status, " ", HttpReason(head.status), "\r\n");
  TextAppend(&out, "content-type: ", head.content_type, "\r\n", framing);
  for (const HttpHeader& header : head.headers) {
    TextAppend(&out, header.name, ": ", header.value, "\r\n");
  }
  TextAppend(&out, connection, "\r\n");
}

}  // namespace cairn
