#include "scheduler/simulator/trace_scribe.h"

#include <algorithm>
#include <optional>

#include "kvstore/block/block_chain.h"
#include "scheduler/simulator/recorded_trace.h"

namespace cairn {
namespace {

// The first 16 hexadecimal digits of a key, as people and logs see it.
uint64_t IdOf(const BlockKey& key) { return key.high; }

}  // namespace

std::string TraceScribe::Head() {
  sessions_.clear();
  session_names_.clear();
  return RecordedHead(block_tokens_);
}

TraceScribe::Session& TraceScribe::SessionOf(const ServedRequest& served) {
  const auto [session, first] = sessions_.try_emplace(served.session);
  if (!first) return session->second;
  session->second.number = next_session_++;
  session_names_.emplace(session->second.number, served.session);
  if (sessions_.size() > kSessionsMax) {
    sessions_.erase(session_names_.begin()->second);
    session_names_.erase(session_names_.begin());
  }
  return session->second;
}

std::string TraceScribe::Line(const ServedRequest& served, std::string_view more) {
  TraceRequest request;
  request.arrival = Instant() + std::max(Duration(), served.arrival - start_);
  request.input_tokens = static_cast<uint32_t>(std::max<size_t>(1, served.prompt.size()));
  request.output_tokens = std::max(1u, served.output_tokens);
  BlockChain chain({.model = model_, .salt = served.cache_salt, .block_tokens = block_tokens_});
  chain.Append(served.prompt);
  for (uint32_t block = 0; block < chain.full_blocks(); ++block) {
    request.blocks.push_back(IdOf(chain.key(block)));
  }
  const auto tenant = tenants_.find(served.tenant);
  request.tenant = tenant != tenants_.end() ? tenant->second
                   : tenants_.size() < kTenantsMax
                       ? tenants_.emplace(served.tenant, tenants_.size()).first->second
                       : static_cast<uint32_t>(kTenantsMax - 1);
  std::optional<uint32_t> previous;
  if (served.session.empty()) {
    request.session = next_session_++;
  } else {
    Session& session = SessionOf(served);
    request.session = session.number;
    request.turn = session.turns++;
    // A turn that came before the last one was answered did not wait for it.
    if (request.turn > 0 && served.arrival >= session.last_ended) {
      previous = request.turn - 1;
      request.think = served.arrival - session.last_ended;
      request.arrival = session.arrival;  // a closed loop: when its session began
    }
    session.arrival = request.arrival;
    session.last_ended = std::max(session.last_ended, served.ended);
  }
  return RecordedLine(request, previous, served.latency_class, more);
}

}  // namespace cairn
