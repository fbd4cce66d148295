#include "scheduler/tokenizer/merge_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace cairn {

MergeTable::MergeTable(size_t merges) { Resize(std::bit_ceil(std::max<size_t>(16, merges * 2))); }

void MergeTable::Resize(size_t slots) {
  slots_.assign(slots, Slot{});
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  filter_.assign(slots << kFilterBits, false);
  filter_shift_ = shift_ - kFilterBits;
  used_ = 0;
}

void MergeTable::Grow() {
  const std::vector<Slot> old = std::move(slots_);
  Resize(old.size() * 2);
  for (const Slot& slot : old) {
    if (slot.key == kEmpty) continue;
    Insert(static_cast<TokenId>(slot.key >> 32), static_cast<TokenId>(slot.key & 0xffffffffu),
           slot.merge);
  }
}

void MergeTable::Insert(TokenId left, TokenId right, Merge merge) {
  if (used_ * 2 >= slots_.size()) Grow();
  const uint64_t key = Key(left, right);
  const size_t hash = HashOf(key);
  size_t i = hash >> shift_;
  while (slots_[i].key != kEmpty) {
    if (slots_[i].key == key) return;
    i = (i + 1) & mask_;
  }
  slots_[i] = {key, merge};
  filter_[hash >> filter_shift_] = true;
  ++used_;
}

absl::StatusOr<MergeTable> MergeTable::FromMerges(const Vocabulary& vocabulary,
                                                  TokenizerModel model,
                                                  const std::vector<std::string>& merges) {
  if (merges.size() > kMergesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the vocabulary has ", merges.size(), " merges; at most ", kMergesMax, " are supported"));
  }
  MergeTable table(merges.size());
  std::string bytes;
  for (size_t i = 0; i < merges.size(); ++i) {
    const std::string_view merge = merges[i];
    const size_t space = merge.find(' ');
    if (space == std::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("merge ", i, " (\"", absl::CHexEscape(merges[i]), "\") is not two tokens"));
    }
    bytes.clear();
    Vocabulary::AppendDecoded(model, merge.substr(0, space), bytes);
    const size_t cut = bytes.size();
    Vocabulary::AppendDecoded(model, merge.substr(space + 1), bytes);
    const std::string_view both = bytes;
    const std::optional<TokenId> left_token = vocabulary.MergeableOf(both.substr(0, cut));
    const std::optional<TokenId> right_token = vocabulary.MergeableOf(both.substr(cut));
    const std::optional<TokenId> token = vocabulary.MergeableOf(both);
    if (!left_token || !right_token || !token) {
      return absl::InvalidArgumentError(
          absl::StrCat("merge ", i, " (\"", absl::CHexEscape(merges[i]),
                       "\") names a text that is not an ordinary token of the vocabulary"));
    }
    table.Insert(*left_token, *right_token, {static_cast<uint32_t>(i), *token});
  }
  return table;
}

absl::StatusOr<MergeTable> MergeTable::FromScores(const Vocabulary& vocabulary,
                                                  const VocabularyData& data) {
  const std::vector<float>& scores = data.scores;
  if (scores.size() != vocabulary.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the vocabulary has ", vocabulary.size(),
                                                   " tokens but ", scores.size(), " scores"));
  }
  std::vector<TokenId> order;
  order.reserve(vocabulary.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const TokenId token = static_cast<TokenId>(i);
    if (std::isnan(scores[i])) {
      return absl::InvalidArgumentError(absl::StrCat("the score of token ", i, " is not a number"));
    }
    const std::string_view piece = vocabulary.PieceOf(token);
    if (piece.size() > 1 && vocabulary.MergeableOf(piece) == token) order.push_back(token);
  }
  const auto space_run = [&](TokenId token) {
    return !data.types.empty() && data.types[static_cast<size_t>(token)] == TokenType::kUserDefined
               ? vocabulary.PieceOf(token).size()
               : size_t{0};
  };
  const auto before = [&](TokenId a, TokenId b) {
    const size_t a_run = space_run(a), b_run = space_run(b);
    if (a_run != b_run) return a_run > b_run;
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  };
  std::stable_sort(order.begin(), order.end(), before);
  MergeTable table(order.size() * 2);
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const TokenId token = order[i];
    // Equal scores share a rank: among them the leftmost pair goes first.
    if (i > 0 && before(order[i - 1], token)) ++rank;
    const std::string_view piece = vocabulary.PieceOf(token);
    for (size_t cut = 1; cut < piece.size(); ++cut) {
      if ((static_cast<uint8_t>(piece[cut]) & 0xc0) == 0x80) continue;
      const std::optional<TokenId> left = vocabulary.MergeableOf(piece.substr(0, cut));
      if (!left) continue;
      const std::optional<TokenId> right = vocabulary.MergeableOf(piece.substr(cut));
      if (right) table.Insert(*left, *right, {rank, token});
    }
  }
  return table;
}

}  // namespace cairn
