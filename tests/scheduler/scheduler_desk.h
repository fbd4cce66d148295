// A scheduler core with one worker as a test sees it: events in, actions sorted by kind.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/scheduler_core.h"
#include "tests/scheduler/first_load.h"

namespace cairn {

inline constexpr NodeId kWorker{1};
inline constexpr Epoch kEpoch{1};

inline GenerationRequest MakeRequest(uint64_t id, size_t prompt = 10, uint32_t choices = 1,
                                     int32_t priority = 0) {
  GenerationRequest request;
  request.id = RequestId(id);
  request.prompt.assign(prompt, 5);
  request.choices = choices;
  request.priority = priority;
  return request;
}

struct Desk {
  explicit Desk(SchedulerLimits limits = {}) : core(limits) {}

  void Do(const SchedulerEvent& event, Instant now = {}) {
    core.Handle(event, now);
    for (SchedulerAction& action : core.TakeActions()) {
      if (auto* send = std::get_if<SendAssignment>(&action)) {
        if (auto* assign = std::get_if<Assign>(&send->assignment)) {
          assigned.push_back(assign->request.id.value());
          resumed.push_back(assign->resume);
        } else if (auto* cancel = std::get_if<Cancel>(&send->assignment)) {
          cancelled.push_back(cancel->request.value());
        } else if (auto* stopping = std::get_if<StopChoice>(&send->assignment)) {
          const StopChoice& stop = *stopping;
          stopped.push_back({stop.request.value(), stop.choice});
        }
      } else if (auto* answer = std::get_if<Shed>(&action)) {
        shed.push_back(*answer);
      } else if (auto* word = std::get_if<DeliverWord>(&action)) {
        words[word->request.value()].push_back(word->word);
      }
    }
  }
  // A worker that has computed 1,000 tokens a second so far.
  WorkerLoad JoinWithKnownSpeed() {
    Do(WorkerJoined{kWorker, kEpoch});
    const WorkerLoad load = FirstLoad(100);
    Report(load);
    return load;
  }
  void Report(const cairn::Report& report, Epoch epoch = kEpoch) {
    Do(WorkerReported{kWorker, epoch, report});
  }
  // What the client of a request has heard: P prefill, t token, e choice end, E request end.
  std::string Heard(uint64_t id) {
    std::string out;
    for (const ClientWord& word : words[id]) out += "PteE"[word.index()];
    return out;
  }

  SchedulerCore core;
  std::vector<uint64_t> assigned, cancelled;
  std::vector<std::vector<ResumedChoice>> resumed;  // of `assigned`
  std::vector<std::pair<uint64_t, uint32_t>> stopped;
  std::vector<Shed> shed;
  std::map<uint64_t, std::vector<ClientWord>> words;
};

inline TokenProduced Token(uint64_t id, uint32_t position, uint32_t choice = 0) {
  return {RequestId(id), choice, position, {}};
}

}  // namespace cairn
