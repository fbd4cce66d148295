// What every client must see, whatever happens inside: the right tokens (token_oracle), each once
// and in order (report_order), ends that are true (end_reason), cancels that work (cancel), hits
// only on what somebody with the same salt computed (hit_truth), and an end (progress).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "kvstore/base/generation.h"
#include "kvstore/base/report.h"
#include "tests/sim/double/fingerprint.h"
#include "tests/sim/workload/sim_options.h"

namespace cairn::sim {

class RequestChecker {
 public:
  // `heard_late`: tokens may have been computed of which nobody has heard yet, or ever will.
  explicit RequestChecker(const SimOptions& options, bool heard_late = false)
      : options_(options), heard_late_(heard_late) {}

  void OnAssign(const GenerationRequest& request);
  void OnCancel(RequestId request);
  void OnStopChoice(RequestId request, uint32_t choice);
  // It begins again somewhere: what it finds may be its own.
  void OnAssignedAgain(RequestId request) { records_.at(request).begun_before = true; }
  void OnStepFailed() { ++failed_steps_; }
  // Its client hears nothing more: it was turned away, or its scheduler died.
  void OnCutOff(RequestId request);
  void OnReport(const Report& report);
  // No step reads anything of a request whose cancel was handled before: it has ended.
  void OnStepBoundary() const;

  uint32_t open() const { return open_; }
  bool IsOpen(RequestId request) const { return !records_.at(request).ended; }
  void DemandAllEnded() const;

  // Everything that was asked or answered, for requests that go on from there.
  struct Talk {
    std::string salt;
    std::vector<TokenId> tokens;
  };
  const std::vector<Talk>& talks() const { return talks_; }

 private:
  struct Choice {
    Fingerprint read;  // of all tokens so far
    uint32_t produced = 0;
    bool ended = false;
    bool stop_asked = false;
    size_t talk = 0;
  };
  struct Record {
    GenerationRequest request;
    uint32_t max_tokens = 0;  // as the context allows
    bool refused = false;     // must be
    bool may_be_refused = false;
    bool cancelled = false;
    bool begun_before = false;
    bool prefill_done = false;
    bool ended = false;
    size_t talks_before = 0;
    std::vector<Choice> choices;
  };

  void On(const PrefillDone& report);
  void On(const TokenProduced& report);
  void On(const ChoiceEnded& report);
  void On(const RequestEnded& report);
  void On(const Yielded& report);
  void On(const AskAnswered& /*answer*/) {}  // WorkerNode::CheckAnswer looks at it
  void On(const WorkerLoad& load);
  Record& Live(RequestId id);
  TokenId Expected(const Record& record, const Choice& choice, uint32_t number) const;

  size_t LongestComputed(const Record& asked) const;

  SimOptions options_;
  bool heard_late_;
  std::map<RequestId, Record> records_;
  std::vector<Talk> talks_;
  uint32_t open_ = 0;
  uint64_t failed_steps_ = 0;
};

}  // namespace cairn::sim
