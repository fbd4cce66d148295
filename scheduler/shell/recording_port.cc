#include "scheduler/shell/recording_port.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cairn {

class RecordingPort::Observer : public GenerationObserver {
 public:
  Observer(std::shared_ptr<GenerationObserver> client, std::shared_ptr<TraceLog> log,
           const Clock& clock, const GenerationRequest& request, bool with_output)
      : client_(std::move(client)),
        log_(std::move(log)),
        clock_(clock),
        with_output_(with_output),
        tokens_(request.choices) {
    served_.arrival = clock.Now();
    served_.prompt = request.prompt;
    served_.cache_salt = request.cache_salt;
    served_.tenant = request.tenant;
    served_.session = request.session;
    served_.latency_class = request.latency_class;
  }

  void OnPrefillDone(const PromptUsage& usage) override {
    begun_ = true;
    client_->OnPrefillDone(usage);
  }
  void OnToken(uint32_t choice, const SampledToken& token) override {
    ++tokens_[choice];
    if (with_output_ && choice == 0) served_.output.push_back(token.token);
    client_->OnToken(choice, token);
  }
  void OnChoiceEnded(uint32_t choice, FinishReason reason, const std::string& message) override {
    client_->OnChoiceEnded(choice, reason, message);
  }
  void OnRequestEnded() override {
    client_->OnRequestEnded();
    if (!begun_) return;  // nothing of it was computed: it says nothing about lengths
    served_.ended = clock_.Now();
    served_.output_tokens = *std::ranges::max_element(tokens_);
    log_->TryAppend(std::move(served_));
  }

 private:
  const std::shared_ptr<GenerationObserver> client_;
  const std::shared_ptr<TraceLog> log_;
  const Clock& clock_;
  const bool with_output_;
  std::vector<uint32_t> tokens_;  // by choice
  bool begun_ = false;
  ServedRequest served_;
};

Admission RecordingPort::Submit(GenerationRequest request,
                                std::shared_ptr<GenerationObserver> observer) {
  auto recording =
      std::make_shared<Observer>(std::move(observer), log_, clock_, request, with_output_);
  return port_.Submit(std::move(request), std::move(recording));
}

SchedulerSnapshot RecordingPort::Snapshot() {
  SchedulerSnapshot snapshot = port_.Snapshot();
  snapshot.trace = TraceCounts{.written = log_->written(), .dropped = log_->dropped()};
  return snapshot;
}

}  // namespace cairn
