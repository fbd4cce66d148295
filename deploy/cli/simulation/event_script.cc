#include "deploy/cli/simulation/event_script.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "deploy/cli/units.h"

namespace cairn {
namespace {

using Kind = ScriptedEvent::Kind;

constexpr uint32_t kWorkersMax = 100'000;
constexpr uint32_t kPercentMax = 1'000'000;

const std::map<absl::string_view, Kind>& Kinds() {
  static const std::map<absl::string_view, Kind> kKinds = {{"kill", Kind::kKill},
                                                           {"return", Kind::kReturn},
                                                           {"slow", Kind::kSlow},
                                                           {"add", Kind::kAdd},
                                                           {"remove", Kind::kRemove}};
  return kKinds;
}

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not an event: ", why,
      " (write 60s:kill:3, 90s:return:3, 30s:slow:2:300%, 74s:add:4 or 80s:remove:0-3)"));
}

// "3" or "2-5".
bool ParseWorkers(absl::string_view text, ScriptedEvent& event) {
  const std::vector<absl::string_view> ends = absl::StrSplit(text, '-');
  if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &event.first)) return false;
  if (!absl::SimpleAtoi(ends.back(), &event.last)) return false;
  return event.first <= event.last && event.last < kWorkersMax;
}

}  // namespace

absl::StatusOr<ScriptedEvent> ParseScriptedEvent(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() < 3) return Bad(text, "it has too few parts");
  ScriptedEvent event{.text = std::string(text)};
  const absl::StatusOr<Duration> at = ParseDuration(parts[0]);
  if (!at.ok()) return Bad(text, at.status().message());
  event.at = Instant() + *at;
  const auto kind = Kinds().find(parts[1]);
  if (kind == Kinds().end()) return Bad(text, absl::StrCat("nothing is called '", parts[1], "'"));
  event.kind = kind->second;
  if (event.kind == Kind::kAdd) {
    if (!absl::SimpleAtoi(parts[2], &event.first) || event.first == 0 ||
        event.first > kWorkersMax) {
      return Bad(text, absl::StrCat("'", parts[2], "' is not a number of workers"));
    }
    event.last = event.first;
  } else if (!ParseWorkers(parts[2], event)) {
    return Bad(text, absl::StrCat("'", parts[2], "' is not a worker"));
  }
  if (parts.size() > (event.kind == Kind::kSlow ? 4u : 3u))
    return Bad(text, "it has too many parts");
  if (event.kind != Kind::kSlow) return event;
  if (parts.size() < 4) return Bad(text, "how slow?");
  absl::string_view percent = parts[3];
  if (!absl::ConsumeSuffix(&percent, "%") || !absl::SimpleAtoi(percent, &event.percent) ||
      event.percent == 0 || event.percent > kPercentMax) {
    return Bad(text, absl::StrCat("'", parts[3], "' is not how long a step takes, such as 300%"));
  }
  return event;
}

absl::StatusOr<EventScript> ParseEventScript(const std::string& text, const std::string& file) {
  EventScript script;
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    absl::StatusOr<ScriptedEvent> event = ParseScriptedEvent(line);
    if (!event.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", number, ": ", event.status().message()));
    }
    script.push_back(*std::move(event));
  }
  return script;
}

absl::StatusOr<EventScript> LoadEventScript(const std::vector<std::string>& events,
                                            const std::string& file) {
  EventScript script;
  for (const std::string& text : events) {
    absl::StatusOr<ScriptedEvent> event = ParseScriptedEvent(text);
    if (!event.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--event: ", event.status().message()));
    }
    script.push_back(*std::move(event));
  }
  if (!file.empty()) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return absl::NotFoundError(absl::StrCat("--events: cannot read ", file));
    absl::StatusOr<EventScript> more = ParseEventScript(text.str(), file);
    if (!more.ok()) return more.status();
    script.insert(script.end(), more->begin(), more->end());
  }
  std::ranges::stable_sort(script, {}, &ScriptedEvent::at);
  return script;
}

uint32_t WorkersNeeded(const EventScript& script) {
  uint32_t needed = 1, added = 0;
  for (const ScriptedEvent& event : script) {
    if (event.kind == Kind::kAdd) {
      added += event.first;
    } else if (event.last >= added) {
      needed = std::max(needed, event.last + 1 - added);
    }
  }
  return needed;
}

std::vector<WorldEvent> WorldOf(const EventScript& script, const WorkerOptions& worker) {
  std::vector<WorldEvent> world;
  for (const ScriptedEvent& event : script) {
    if (event.kind == Kind::kAdd) {
      for (uint32_t i = 0; i < event.first; ++i) world.push_back({event.at, WorkerAdded{worker}});
      continue;
    }
    for (uint32_t i = event.first; i <= event.last; ++i) {
      switch (event.kind) {
        case Kind::kKill:
          world.push_back({event.at, WorkerDies{i}});
          break;
        case Kind::kReturn:
          world.push_back({event.at, WorkerReturns{i}});
          break;
        case Kind::kSlow:
          world.push_back({event.at, WorkerSlows{i, event.percent}});
          break;
        case Kind::kAdd:
        case Kind::kRemove:
          world.push_back({event.at, WorkerRemoved{i}});
          break;
      }
    }
  }
  return world;
}

}  // namespace cairn
