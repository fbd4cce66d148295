#include "tests/sim/cluster/cluster_tally.h"

namespace cairn::sim {
namespace {

// Calls `with` with the name of each count and the counts themselves.
template <typename With, typename... Tallies>
void VisitCounts(const With& with, Tallies&... of) {
  with("kills", of.kills...);
  with("cuts", of.cuts...);
  with("joins", of.joins...);
  with("runs_again", of.runs_again...);
  with("cut_off", of.cut_off...);
  with("shed", of.shed...);
  with("moved", of.moved...);
  with("tunings", of.tunings...);
  with("asks", of.asks...);
  with("asks_late", of.asks_late...);
  with("found_by_asking", of.found_by_asking...);
  with("resyncs", of.resyncs...);
  with("snapshots", of.snapshots...);
  with("hit_tokens", of.hit_tokens...);
  with("lost", of.lost...);
  with("repeated", of.repeated...);
  with("handoffs", of.handoffs.begun...);
  with("handoffs_finished", of.handoffs.finished...);
  with("handoffs_broken_by_death", of.handoffs.broken_by_death...);
  with("handoffs_broken_by_cut", of.handoffs.broken_by_cut...);
  with("flowed", of.handoffs.flowed...);
  with("flowed_back", of.handoffs.flowed_back...);
  with("fetches", of.fetches...);
  with("fetches_empty", of.fetches_empty...);
  with("fetches_cut", of.fetches_cut...);
  with("fetches_stale", of.fetches_stale...);
  with("blocks_fetched", of.blocks_fetched...);
  with("lenders_named", of.lenders_named...);
  with("prefixes_struck", of.prefixes_struck...);
  with("prefix_fetches", of.prefixes.fetches...);
  with("prefix_blocks_asked", of.prefixes.blocks_asked...);
  with("prefix_blocks_arrived", of.prefixes.blocks_arrived...);
  with("prefix_blocks_late", of.prefixes.blocks_late...);
  with("prefix_blocks_lent", of.prefixes.blocks_lent...);
  with("prefix_blocks_absent", of.prefixes.blocks_absent...);
  with("prefix_blocks_refused", of.prefixes.blocks_refused...);
}

}  // namespace

ClusterTally& ClusterTally::operator+=(const ClusterTally& other) {
  VisitCounts([](const char*, uint64_t& to, uint64_t more) { to += more; }, *this, other);
  return *this;
}

std::ostream& operator<<(std::ostream& out, const ClusterTally& tally) {
  VisitCounts([&](const char* name, uint64_t count) { out << name << "=" << count << " "; }, tally);
  return out;
}

}  // namespace cairn::sim
