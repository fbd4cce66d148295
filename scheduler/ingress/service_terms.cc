#include "scheduler/ingress/service_terms.h"

#include <limits>
#include <string>

#include "absl/strings/numbers.h"
#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {
namespace {

// Keeps `value` where the header is not there.
absl::Status ReadInteger(const HeaderLookup& header, std::string_view name, int64_t low,
                         int64_t high, int64_t& value) {
  const std::string_view text = header(name);
  if (text.empty()) return absl::OkStatus();
  int64_t read = 0;
  if (!absl::SimpleAtoi(ToAbsl(text), &read) || read < low || read > high) {
    return InvalidField(name, TextCat("must be a whole number from ", low, " to ", high));
  }
  value = read;
  return absl::OkStatus();
}

absl::Status ReadMilliseconds(const HeaderLookup& header, std::string_view name, Duration& value) {
  int64_t ms = 0;
  absl::Status read = ReadInteger(header, name, 1, kTermMsMax, ms);
  if (read.ok() && ms > 0) value = Milliseconds(ms);
  return read;
}

}  // namespace

absl::Status ReadServiceTerms(const HeaderLookup& header, bool priority_given,
                              GenerationRequest& options) {
  const std::string_view name = header("x-cairn-class");
  if (!name.empty()) options.latency_class = std::string(name.substr(0, 128));
  struct Term {
    std::string_view header;
    Duration& value;
  };
  for (const Term& term : {Term{"x-llm-d-slo-ttft-ms", options.slo.ttft},
                           Term{"x-cairn-slo-ttft-ms", options.slo.ttft},
                           Term{"x-cairn-slo-tpot-ms", options.slo.tpot},
                           Term{"x-cairn-deadline-ms", options.deadline}}) {
    absl::Status read = ReadMilliseconds(header, term.header, term.value);
    if (!read.ok()) return read;
  }
  int64_t priority = 0;
  absl::Status read = ReadInteger(header, "x-cairn-priority", std::numeric_limits<int32_t>::min(),
                                  std::numeric_limits<int32_t>::max(), priority);
  if (!read.ok()) return read;
  if (!priority_given) options.priority = static_cast<int32_t>(priority);
  for (const char* session :
       {"x-session-id", "x-claude-code-session-id", "session-id", "x-session-affinity"}) {
    const std::string_view id = header(session);
    if (id.empty()) continue;
    options.session = std::string(id.substr(0, kSessionBytesMax));
    break;
  }
  return absl::OkStatus();
}

absl::Status CheckClass(const LatencyClasses& classes, std::string_view field,
                        const GenerationRequest& options) {
  if (classes.Find(options.latency_class)) return absl::OkStatus();
  return InvalidField(field,
                      TextCat("there is no latency class \"", options.latency_class.substr(0, 128),
                              "\"; there are ", classes.Names()));
}

}  // namespace cairn
