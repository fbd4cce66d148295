// What a running scheduler served, as lines of our own trace format (recorded_trace.h): sessions,
// turns and tenants become numbers, prompts the keys of their blocks. Not a word is in them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "kvstore/block/model_identity.h"

namespace cairn {

// One request from its arrival to its end.
struct ServedRequest {
  Instant arrival;
  Instant ended;
  std::vector<TokenId> prompt;
  uint32_t output_tokens = 0;  // of its longest choice
  std::string cache_salt;
  std::string tenant;
  std::string session;  // empty: it belongs to none
  std::string latency_class;
  std::vector<TokenId> output;  // of its first choice; only where texts are recorded
};

class TraceScribe {
 public:
  static constexpr size_t kSessionsMax = 1
                                         << 16;   // more: the oldest are forgotten, and begin again
  static constexpr size_t kTenantsMax = 1 << 12;  // more are one tenant

  // Arrivals are counted from `start`.
  TraceScribe(const ModelIdentity& model, uint32_t block_tokens, Instant start)
      : model_(model), block_tokens_(block_tokens), start_(start) {}

  // The first line of a file. Sessions begin again: a line may point only to lines of its own file.
  std::string Head();
  // REQUIRES: served requests come in the order in which they ended. `more` is added to the object:
  // fields, each with a comma before it.
  std::string Line(const ServedRequest& served, std::string_view more = "");

 private:
  struct Session {
    uint32_t number = 0;
    uint32_t turns = 0;
    Instant arrival;  // as its last line says
    Instant last_ended;
  };
  Session& SessionOf(const ServedRequest& served);

  const ModelIdentity model_;
  const uint32_t block_tokens_;
  const Instant start_;
  uint32_t next_session_ = 0;
  std::map<std::string, Session> sessions_;
  std::map<uint32_t, std::string> session_names_;  // by number, the oldest first
  std::map<std::string, uint32_t> tenants_;
};

}  // namespace cairn
