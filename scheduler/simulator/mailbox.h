// Messages on their way: kept here, so that what is sorted by time stays small. Places are used
// again, and with them the memory of what was in them.
#pragma once

#include <cstdint>
#include <vector>

namespace cairn {

template <typename Message>
class Mailbox {
 public:
  // A place for one more message, as the last one to be there left it.
  uint32_t Open() {
    ++underway_;
    if (free_.empty()) {
      messages_.emplace_back();
      return static_cast<uint32_t>(messages_.size() - 1);
    }
    const uint32_t place = free_.back();
    free_.pop_back();
    return place;
  }
  Message& at(uint32_t place) { return messages_[place]; }  // until the next Open
  void Close(uint32_t place) {
    --underway_;
    free_.push_back(place);
  }
  uint64_t underway() const { return underway_; }

 private:
  std::vector<Message> messages_;
  std::vector<uint32_t> free_;
  uint64_t underway_ = 0;
};

}  // namespace cairn
