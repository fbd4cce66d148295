#include "scheduler/tokenizer/pair_merge.h"

#include <algorithm>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr size_t kShortMax = 24;  // up to here scanning beats a tree
constexpr size_t kWindow = 256;   // symbols merged at a time
constexpr size_t kOverlap = 12;   // tokens of a window that the next one does again, at first
constexpr int kSeamTries = 8;     // places to join two windows before giving up on windows
constexpr uint32_t kNone = 0xffffffffu;

}  // namespace

void PairMerge::Run(std::span<const TokenId> symbols, MergeScratch& scratch,
                    std::vector<TokenId>& out) const {
  if (symbols.size() <= kShortMax) return RunShort(symbols, out);
  if (symbols.size() > kWindow) {
    const size_t before = out.size();
    if (RunWindows(symbols, scratch, out)) return;
    out.resize(before);
  }
  Stretch all;
  RunWhole(symbols, scratch, all);
  out.insert(out.end(), all.tokens.begin(), all.tokens.end());
}

void PairMerge::RunShort(std::span<const TokenId> symbols, std::vector<TokenId>& out) const {
  TokenId tokens[kShortMax];
  Merge merges[kShortMax];  // of each token with the next
  size_t n = symbols.size();
  if (n == 0) return;
  std::copy(symbols.begin(), symbols.end(), tokens);
  for (size_t i = 0; i + 1 < n; ++i) merges[i] = table_.Find(tokens[i], tokens[i + 1]);
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == Merge::kNever) break;
    tokens[best] = merges[best].token;
    std::copy(tokens + best + 2, tokens + n, tokens + best + 1);
    std::copy(merges + best + 1, merges + n - 1, merges + best);
    --n;
    if (best > 0) merges[best - 1] = table_.Find(tokens[best - 1], tokens[best]);
    if (best + 1 < n) merges[best] = table_.Find(tokens[best], tokens[best + 1]);
  }
  out.insert(out.end(), tokens, tokens + n);
}

// All merges of the stretch at once.
void PairMerge::RunWhole(std::span<const TokenId> symbols, MergeScratch& scratch,
                         Stretch& out) const {
  CAIRN_CHECK_LT(symbols.size(), size_t{kNone});
  const uint32_t n = static_cast<uint32_t>(symbols.size());
  std::vector<MergeScratch::Node>& nodes = scratch.nodes;
  RankTree& ranks = scratch.ranks;
  nodes.resize(n);
  ranks.Reset(n);
  for (uint32_t i = 0; i < n; ++i) {
    const Merge merge = i + 1 < n ? table_.Find(symbols[i], symbols[i + 1]) : Merge{};
    nodes[i] = {symbols[i], i + 1, i == 0 ? kNone : i - 1, merge.token};
    ranks.Place(i, merge.rank);
  }
  ranks.Build();
  const auto look_right = [&](uint32_t i) {
    MergeScratch::Node& node = nodes[i];
    const Merge merge = node.next < n ? table_.Find(node.token, nodes[node.next].token) : Merge{};
    node.merged = merge.token;
    ranks.Set(i, merge.rank);
  };
  for (size_t best; (best = ranks.Least()) != RankTree::kNone;) {
    const uint32_t i = static_cast<uint32_t>(best);
    MergeScratch::Node& node = nodes[i];
    node.token = node.merged;
    const uint32_t next = nodes[node.next].next;
    ranks.Set(node.next, Merge::kNever);
    node.next = next;
    if (next < n) nodes[next].previous = i;
    if (node.previous != kNone) look_right(node.previous);
    look_right(i);
  }
  out.tokens.clear();
  out.ends.clear();
  for (uint32_t i = 0; i < n; i = nodes[i].next) {
    out.tokens.push_back(nodes[i].token);
    out.ends.push_back(nodes[i].next);
  }
}

// Whether two neighbouring tokens, merged from their symbols alone, come out as they are. `symbols`
// are those of the pair.
bool PairMerge::StayApart(std::span<const TokenId> pair, std::span<const TokenId> symbols,
                          MergeScratch& scratch) const {
  Stretch merged;
  RunWhole(symbols, scratch, merged);
  return std::equal(pair.begin(), pair.end(), merged.tokens.begin(), merged.tokens.end());
}

// A list of tokens is what a run becomes if and only if every two neighbours in it, merged from
// their symbols alone, come out as they are. (No merge ever crosses between two tokens that stay,
// so the merges within them happen in the same order whether the rest of the run is there or not;
// and the first merge that did cross would cross between the two alone as well.) So windows may be
// merged one by one: it is enough to check the pair at each seam.
bool PairMerge::RunWindows(std::span<const TokenId> symbols, MergeScratch& scratch,
                           std::vector<TokenId>& out) const {
  Stretch here, next;
  size_t begin = 0;  // of `here`
  RunWhole(symbols.first(kWindow), scratch, here);
  while (begin + here.ends.back() < symbols.size()) {
    bool joined = false;
    for (int attempt = 0; attempt < kSeamTries && !joined; ++attempt) {
      // Places at odd distances from the end, so that a pattern of the text does not defeat them
      // all.
      const size_t count = here.tokens.size();
      const size_t back =
          std::min(kOverlap, count / 4) + 1 + static_cast<size_t>(attempt * attempt) * 5;
      if (count < back + 1) break;
      const size_t kept = count - back;
      const size_t seam = begin + here.ends[kept - 1];
      const size_t size = std::min(kWindow, symbols.size() - seam);
      RunWhole(symbols.subspan(seam, size), scratch, next);
      const TokenId pair[] = {here.tokens[kept - 1], next.tokens[0]};
      if (pair[1] != here.tokens[kept]) {
        const size_t pair_begin = begin + (kept >= 2 ? here.ends[kept - 2] : 0);
        const size_t pair_end = seam + next.ends[0];
        if (!StayApart(pair, symbols.subspan(pair_begin, pair_end - pair_begin), scratch)) continue;
      }
      out.insert(out.end(), here.tokens.begin(), here.tokens.begin() + static_cast<long>(kept));
      begin = seam;
      std::swap(here, next);
      joined = true;
    }
    if (!joined) return false;
  }
  out.insert(out.end(), here.tokens.begin(), here.tokens.end());
  return true;
}

}  // namespace cairn
