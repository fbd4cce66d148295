// What happens to a cluster during a run, as people write it:
//
//   60s:kill:3            worker 3 dies with all it holds; schedulers notice after a second
//   90s:return:3          it is back, empty
//   30s:slow:2:300%       its steps take three times as long from now on; 100% ends that
//   2m:add:4              four more workers, like the others
//   3m:remove:0-3         workers 0 to 3 are taken away, and schedulers are told
//
// Times count from the start of the trace. Workers are numbered from 0; those that are added get
// the next numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kvstore/base/time.h"
#include "scheduler/simulator/cluster_options.h"

namespace cairn {

struct ScriptedEvent {
  enum class Kind { kKill, kReturn, kSlow, kAdd, kRemove };

  Instant at;
  Kind kind = Kind::kKill;
  uint32_t first = 0;  // workers first to last; of kAdd: how many
  uint32_t last = 0;
  uint32_t percent = 100;  // of kSlow
  std::string text;        // as it was written
  friend bool operator==(const ScriptedEvent&, const ScriptedEvent&) = default;
};

// In order of time, those of one instant as they were written.
using EventScript = std::vector<ScriptedEvent>;

absl::StatusOr<ScriptedEvent> ParseScriptedEvent(absl::string_view text);

// One event a line; empty lines and what follows a # mean nothing. Errors name `file` and the line.
absl::StatusOr<EventScript> ParseEventScript(const std::string& text, const std::string& file);

// Those of --event and those of the file that --events names (empty: none). Errors: of both; of a
// file that cannot be read.
absl::StatusOr<EventScript> LoadEventScript(const std::vector<std::string>& events,
                                            const std::string& file);

// How many workers the cluster must begin with so that nobody who is named is missing.
uint32_t WorkersNeeded(const EventScript& script);

// For a cluster that begins with workers like `worker`.
std::vector<WorldEvent> WorldOf(const EventScript& script, const WorkerOptions& worker);

}  // namespace cairn
