#include "scheduler/core/central_queue.h"

#include "kvstore/base/check.h"

namespace cairn {

void CentralQueue::Add(LineName line, const QueuePlace& place, const QueuedRequest& request) {
  LineBook& book = lines_[line];
  CAIRN_CHECK(book.line.emplace(place, request).second);
  book.work_tokens += request.work_tokens;
  ++size_;
  prompt_tokens_ += request.prompt_tokens;
  work_tokens_ += request.work_tokens;
}

QueuedRequest CentralQueue::Remove(LineName line, const QueuePlace& place) {
  const auto book = lines_.find(line);
  CAIRN_CHECK(book != lines_.end());
  const auto found = book->second.line.find(place);
  CAIRN_CHECK(found != book->second.line.end());
  const QueuedRequest request = found->second;
  book->second.line.erase(found);
  book->second.work_tokens -= request.work_tokens;
  if (book->second.line.empty()) lines_.erase(book);
  --size_;
  prompt_tokens_ -= request.prompt_tokens;
  work_tokens_ -= request.work_tokens;
  return request;
}

const CentralQueue::Line& CentralQueue::line(LineName name) const {
  static const Line kNobody;
  const auto book = lines_.find(name);
  return book == lines_.end() ? kNobody : book->second.line;
}

uint64_t CentralQueue::work_tokens(LineName name) const {
  const auto book = lines_.find(name);
  return book == lines_.end() ? 0 : book->second.work_tokens;
}

}  // namespace cairn
