#include "scheduler/shell/trace_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace cairn {
namespace {

bool WriteAll(int file, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t step = write(file, text.data() + sent, text.size() - sent);
    if (step < 0 && errno == EINTR) continue;
    if (step <= 0) return false;
    sent += static_cast<size_t>(step);
  }
  return true;
}

}  // namespace

TraceLog::TraceLog(const TraceLogOptions& options, TraceScribe scribe, MoreFields more)
    : options_(options), scribe_(std::move(scribe)), more_(std::move(more)) {}

absl::StatusOr<std::unique_ptr<TraceLog>> TraceLog::Open(const TraceLogOptions& options,
                                                         TraceScribe scribe, MoreFields more) {
  std::unique_ptr<TraceLog> log(new TraceLog(options, std::move(scribe), std::move(more)));
  if (absl::Status begun = log->Begin(); !begun.ok()) return begun;
  log->thread_ = std::thread([raw = log.get()] { raw->Run(); });
  return log;
}

TraceLog::~TraceLog() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
  }
  news_.Notify();
  if (thread_.joinable()) thread_.join();
  if (file_ >= 0) close(file_);
}

absl::Status TraceLog::Begin() {
  if (file_ >= 0) close(std::exchange(file_, -1));
  const std::string old = options_.path + ".1";
  if (access(options_.path.c_str(), F_OK) == 0 &&
      std::rename(options_.path.c_str(), old.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, "cannot move " + options_.path + " to " + old);
  }
  file_ = open(options_.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file_ < 0) return absl::ErrnoToStatus(errno, "cannot write " + options_.path);
  const std::string head = scribe_.Head();
  bytes_ = head.size();
  if (!WriteAll(file_, head)) return absl::ErrnoToStatus(errno, "cannot write " + options_.path);
  return absl::OkStatus();
}

bool TraceLog::TryAppend(ServedRequest served) {
  {
    MutexLock lock(mutex_);
    if (waiting_.size() >= options_.waiting_max || closing_) {
      ++dropped_;
      return false;
    }
    waiting_.push_back(std::move(served));
    if (waiting_.size() > 1) return true;  // it was told before
  }
  news_.Notify();
  return true;
}

void TraceLog::Run() {
  while (true) {
    std::deque<ServedRequest> batch;
    bool last;
    {
      MutexLock lock(mutex_);
      news_.Await(lock, [this] { return closing_ || !waiting_.empty(); });
      batch.swap(waiting_);
      last = closing_;
    }
    Write(batch);
    if (last) return;
  }
}

// A line at a time: what is on the disk ends with a whole line, unless the machine stops in one.
void TraceLog::Write(const std::deque<ServedRequest>& batch) {
  for (const ServedRequest& served : batch) {
    // A disk that is full or gone costs the trace, not those who are served.
    if (bytes_ >= options_.bytes_max && !Begin().ok()) ++dropped_;
    if (file_ < 0) continue;
    const std::string line = scribe_.Line(served, more_ ? more_(served) : "");
    bytes_ += line.size();
    ++(WriteAll(file_, line) ? written_ : dropped_);
  }
}

}  // namespace cairn
