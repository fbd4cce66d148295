// Where a recorded trace goes: a file, written by a thread of its own, so that whoever serves only
// hands over. The way there is bounded: what does not fit is dropped and counted. Lines are written
// as they come, so that a crash of this process loses at most those that were still on their way. A
// file that has become too long makes way for a new one: FILE becomes FILE.1, and what was that is
// gone, so that a trace never takes more than twice its limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "kvstore/shell/mutex.h"
#include "scheduler/simulator/trace_scribe.h"

namespace cairn {

struct TraceLogOptions {
  std::string path;
  uint64_t bytes_max = uint64_t{1} << 30;
  uint32_t waiting_max = 4096;  // requests that have ended and are not written; more are dropped
};

class TraceLog {
 public:
  // Fields that are added to a request's line, each with a comma before it.
  using MoreFields = std::function<std::string(const ServedRequest&)>;

  // A file that is there becomes FILE.1. Unavailable: it cannot be written; the message says why.
  static absl::StatusOr<std::unique_ptr<TraceLog>> Open(const TraceLogOptions& options,
                                                        TraceScribe scribe, MoreFields more);
  ~TraceLog();  // writes what waits

  // Thread-safe, does not block. False: dropped.
  bool TryAppend(ServedRequest served);

  uint64_t written() const { return written_; }
  uint64_t dropped() const { return dropped_; }

 private:
  TraceLog(const TraceLogOptions& options, TraceScribe scribe, MoreFields more);
  absl::Status Begin();  // a new file
  void Run();
  void Write(const std::deque<ServedRequest>& batch);

  const TraceLogOptions options_;
  TraceScribe scribe_;
  const MoreFields more_;
  int file_ = -1;
  uint64_t bytes_ = 0;
  std::atomic<uint64_t> written_{0}, dropped_{0};
  Mutex mutex_;
  Wakeup news_;
  std::deque<ServedRequest> waiting_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace cairn
