// Between the front doors and the scheduler: passes everything on and remembers of each request
// what a trace needs. What it adds to a token is one count.
#pragma once

#include <memory>

#include "kvstore/base/clock.h"
#include "scheduler/ingress/generation_port.h"
#include "scheduler/shell/trace_log.h"

namespace cairn {

class RecordingPort : public GenerationPort {
 public:
  // `with_output`: keeps the tokens that were generated, for a trace with texts.
  RecordingPort(GenerationPort& port, std::shared_ptr<TraceLog> log, const Clock& clock,
                bool with_output)
      : port_(port), log_(std::move(log)), clock_(clock), with_output_(with_output) {}

  RequestId NextRequestId() override { return port_.NextRequestId(); }
  Admission Submit(GenerationRequest request,
                   std::shared_ptr<GenerationObserver> observer) override;
  void CancelRequest(RequestId request) override { port_.CancelRequest(request); }
  void StopChoice(RequestId request, uint32_t choice) override {
    port_.StopChoice(request, choice);
  }
  Readiness CheckReadiness() override { return port_.CheckReadiness(); }
  SchedulerSnapshot Snapshot() override;

 private:
  class Observer;

  GenerationPort& port_;
  const std::shared_ptr<TraceLog> log_;
  const Clock& clock_;
  const bool with_output_;
};

}  // namespace cairn
