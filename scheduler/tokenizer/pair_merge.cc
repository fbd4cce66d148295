#include "scheduler/tokenizer/pair_merge.h"

#include <algorithm>
#include <functional>

#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr size_t kShortMax = 24;       // up to here scanning beats a heap
constexpr size_t kWindowStart = 2048;  // symbols settled at a time
constexpr uint32_t kNone = 0xffffffffu;

void Push(std::vector<uint64_t>& heap, uint32_t rank, uint32_t node) {
  heap.push_back(static_cast<uint64_t>(rank) << 32 | node);
  std::push_heap(heap.begin(), heap.end(), std::greater<>());
}

uint64_t Pop(std::vector<uint64_t>& heap) {
  std::pop_heap(heap.begin(), heap.end(), std::greater<>());
  const uint64_t top = heap.back();
  heap.pop_back();
  return top;
}

}  // namespace

void PairMerge::Run(std::span<const TokenId> symbols, MergeScratch& scratch,
                    std::vector<TokenId>& out) const {
  if (symbols.size() <= kShortMax) return RunShort(symbols, out);
  size_t window = kWindowStart;
  while (!symbols.empty()) {
    const size_t taken = std::min(window, symbols.size());
    const size_t settled = RunWindow(symbols, taken, scratch, out);
    // Nothing certain in the window (only strange vocabularies get here): look further.
    if (settled == 0) window *= 2;
    symbols = symbols.subspan(settled);
  }
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

// The best rank at which a token ending here could take something from behind it: over all tokens
// that the symbols behind could become, whether or not they will.
uint32_t PairMerge::BestCapture(TokenId token, std::span<const TokenId> behind,
                                MergeScratch& scratch) const {
  uint32_t best = Merge::kNever;
  std::string& text = scratch.candidate;
  text.clear();
  for (const TokenId symbol : behind) {
    text.append(vocabulary_.PieceOf(symbol));
    if (text.size() > vocabulary_.mergeable_bytes_max()) break;
    if (const std::optional<TokenId> right = vocabulary_.MergeableOf(text)) {
      best = std::min(best, table_.Find(token, *right).rank);
    }
  }
  return best;
}

// Merges the first `window` symbols and gives out the tokens that the symbols after the window
// cannot change; returns how many symbols those tokens cover.
//
// `edge` is the first symbol whose fate is open; at first it is the end of the window. The token
// before the edge might be captured by what forms behind it, at a rank no better than BestCapture.
// That possible capture waits in the heap like a merge of that rank: everything of a better rank
// happens before it in the full run too. When it comes up and the token is still there, the token's
// fate is open as well, and the edge moves to its start. What is left of the edge when the heap is
// empty has therefore seen exactly the merges of the full run, and nothing will cross the edge.
size_t PairMerge::RunWindow(std::span<const TokenId> symbols, size_t window, MergeScratch& scratch,
                            std::vector<TokenId>& out) const {
  CAIRN_CHECK_LT(window, size_t{1} << 31);
  std::vector<MergeScratch::Node>& nodes = scratch.nodes;
  std::vector<uint64_t>& heap = scratch.heap;
  nodes.resize(window);
  heap.clear();
  uint32_t edge = static_cast<uint32_t>(window);
  // The node before the edge keeps its possible capture where others keep their merge.
  const auto look_right = [&](uint32_t i) {
    MergeScratch::Node& node = nodes[i];
    if (node.next == edge) {
      node.merge = {edge == symbols.size()
                        ? Merge::kNever
                        : BestCapture(node.token, symbols.subspan(edge), scratch),
                    -1};
    } else {
      node.merge = table_.Find(node.token, nodes[node.next].token);
    }
    return node.merge.rank;
  };
  for (uint32_t i = 0; i < window; ++i) nodes[i] = {symbols[i], i + 1, i == 0 ? kNone : i - 1, {}};
  for (uint32_t i = 0; i < window; ++i) {
    const uint32_t rank = look_right(i);
    if (rank != Merge::kNever) heap.push_back(static_cast<uint64_t>(rank) << 32 | i);
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto push_right = [&](uint32_t i) {
    const uint32_t rank = look_right(i);
    if (rank != Merge::kNever) Push(heap, rank, i);
  };
  while (!heap.empty() && edge > 0) {
    const uint64_t top = Pop(heap);
    const uint32_t i = static_cast<uint32_t>(top & 0xffffffffu);
    MergeScratch::Node& node = nodes[i];
    if (i >= edge || node.token < 0 || node.merge.rank != top >> 32) continue;  // of an older state
    if (node.next == edge) {
      edge = i;
      if (node.previous != kNone) push_right(node.previous);
      continue;
    }
    MergeScratch::Node& gone = nodes[node.next];
    node.token = node.merge.token;
    gone.token = -1;
    node.next = gone.next;
    if (node.next < edge) nodes[node.next].previous = i;
    if (node.previous != kNone) push_right(node.previous);
    push_right(i);
  }
  for (uint32_t i = 0; i < edge; i = nodes[i].next) out.push_back(nodes[i].token);
  return edge;
}

}  // namespace cairn
