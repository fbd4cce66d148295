#include "kvstore/directory/holder_set.h"

#include <algorithm>

#include "kvstore/base/check.h"

namespace cairn {

size_t PositionOf(std::span<const HolderWord> words, HolderId holder) {
  const auto at =
      std::lower_bound(words.begin(), words.end(), holder,
                       [](HolderWord word, HolderId wanted) { return word.holder() < wanted; });
  return static_cast<size_t>(at - words.begin());
}

HolderListPool::HolderListPool(uint64_t bytes_max)
    : words_max_(std::min<uint64_t>(bytes_max / sizeof(HolderWord), uint64_t{kNoList} * kSmallest)),
      free_(kClasses) {
  // Reserved at once, so that growing never copies; memory is touched only as lists are made.
  array_.reserve(words_max_);
}

uint32_t HolderListPool::Allocate(uint16_t size_class) {
  if (!free_[size_class].empty()) {
    const uint32_t list = free_[size_class].back();
    free_[size_class].pop_back();
    return list;
  }
  const uint64_t size = uint64_t{kSmallest} << size_class;
  if (array_.size() + size > words_max_) return kNoList;
  const auto list = static_cast<uint32_t>(array_.size() / kSmallest);
  array_.resize(array_.size() + size);
  return list;
}

uint32_t HolderListPool::Make(std::span<const HolderWord> words) {
  uint16_t size_class = 0;
  while ((size_t{kSmallest} << size_class) < words.size() + kHeader) ++size_class;
  CAIRN_CHECK_LT(size_class, kClasses);
  const uint32_t list = Allocate(size_class);
  if (list == kNoList) return kNoList;
  HolderWord* head = at(list);
  head[0].bits = static_cast<uint16_t>(words.size());
  head[1].bits = size_class;
  std::copy(words.begin(), words.end(), head + kHeader);
  return list;
}

void HolderListPool::Free(uint32_t list) { free_[at(list)[1].bits].push_back(list); }

std::span<const HolderWord> HolderListPool::words(uint32_t list) const {
  return {at(list) + kHeader, at(list)[0].bits};
}

std::span<HolderWord> HolderListPool::words(uint32_t list) {
  return {at(list) + kHeader, at(list)[0].bits};
}

uint32_t HolderListPool::Insert(uint32_t list, size_t position, HolderWord word) {
  const size_t size = words(list).size();
  CAIRN_CHECK_LE(position, size);
  const auto offset = static_cast<std::ptrdiff_t>(position);
  if (size + kHeader == size_t{kSmallest} << at(list)[1].bits) {
    std::vector<HolderWord> longer(words(list).begin(), words(list).end());
    longer.insert(longer.begin() + offset, word);
    const uint32_t moved = Make(longer);
    if (moved != kNoList) Free(list);
    return moved;
  }
  HolderWord* first = at(list) + kHeader;
  std::copy_backward(first + offset, first + size, first + size + 1);
  first[position] = word;
  ++at(list)[0].bits;
  return list;
}

void HolderListPool::Erase(uint32_t list, size_t position) {
  const std::span<HolderWord> all = words(list);
  CAIRN_CHECK_LT(position, all.size());
  const auto offset = static_cast<std::ptrdiff_t>(position);
  std::copy(all.begin() + offset + 1, all.end(), all.begin() + offset);
  --at(list)[0].bits;
}

}  // namespace cairn
