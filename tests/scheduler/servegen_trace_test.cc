// Arrivals drawn from client rates.
#include "scheduler/simulator/servegen_trace.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "scheduler/simulator/trace_facts.h"
#include "tests/scheduler/trace_fixture.h"

namespace cairn {
namespace {

constexpr char kRates[] =
    "workload,client,t_s,rate_rps,cv,dist,p1,p2\n"
    "a,0,0,2.0,1,Gamma,1,0.5\n"
    "a,0,600,4.0,1,Gamma,1,0.25\n"
    "a,1,0,1.0,3,Weibull,0.5,0.5\n"
    "a,1,600,1.0,3,Weibull,0.5,0.5\n"
    "b,0,0,9.0,1,Gamma,1,1\n";

constexpr char kLengths[] =
    "workload,client,t_s,in_q0,in_q1,in_q5,in_q10,in_q25,in_q50,in_q75,in_q90,in_q95,in_q99,in_"
    "q100,"
    "out_q0,out_q1,out_q5,out_q10,out_q25,out_q50,out_q75,out_q90,out_q95,out_q99,out_q100\n"
    "a,0,0,10,10,10,10,10,10,10,10,10,10,10,1,2,6,11,26,51,76,91,96,100,101\n"
    "a,0,600,20,20,20,20,20,20,20,20,20,20,20,1,2,6,11,26,51,76,91,96,100,101\n";

TraceReadOptions Options(uint64_t seed = 1) {
  TraceReadOptions options;
  options.servegen.workload = "a";
  options.servegen.length = Seconds(1200);
  options.servegen.seed = seed;
  return options;
}

std::map<uint32_t, size_t> CountByTenant(const Trace& trace) {
  std::map<uint32_t, size_t> counts;
  for (const TraceRequest& request : trace.requests) ++counts[request.tenant];
  return counts;
}

TEST_CASE("clients send at the rates of their windows") {
  size_t first = 0, second = 0, other = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Trace trace = MustRead(kRates, Options(seed), kLengths);
    for (const TraceRequest& request : trace.requests) {
      if (request.tenant == 1)
        ++other;
      else
        ++(request.arrival < Instant() + Seconds(600) ? first : second);
    }
  }
  // 20 runs of 1,200, 2,400 and 1,200: a standard deviation is below 1 % for the Poisson client.
  CHECK(first == Approx(20 * 1200).epsilon(0.04));
  CHECK(second == Approx(20 * 2400).epsilon(0.04));
  CHECK(other == Approx(20 * 1200).epsilon(0.08));
}

TEST_CASE("the same seed draws the same requests, another draws others") {
  const Trace trace = MustRead(kRates, Options(), kLengths);
  CHECK(trace.requests == MustRead(kRates, Options(), kLengths).requests);
  CHECK(trace.requests != MustRead(kRates, Options(2), kLengths).requests);
}

TEST_CASE("a rate that is asked for is kept, and clients keep their parts of it") {
  TraceReadOptions options = Options();
  options.servegen.rate_rps = 40;
  const Trace trace = MustRead(kRates, options, kLengths);
  CHECK(trace.requests.size() == Approx(40 * 1200).epsilon(0.05));
  const auto counts = CountByTenant(trace);
  CHECK(static_cast<double>(counts.at(0)) / static_cast<double>(counts.at(1)) ==
        Approx(3).epsilon(0.1));
}

TEST_CASE("burstiness is that of the distribution") {
  // A Weibull of shape 0.5 has a coefficient of variation of sqrt(5).
  const std::string rates =
      "workload,client,t_s,rate_rps,cv,dist,p1,p2\na,0,0,50,2,Weibull,0.5,1\n";
  TraceReadOptions options = Options();
  options.servegen.length = Seconds(600);
  const TraceFacts facts = FactsOf(MustRead(rates, options, kLengths), {});
  CHECK(facts.gap_cv == Approx(2.236).epsilon(0.1));
  const std::string gamma = "workload,client,t_s,rate_rps,cv,dist,p1,p2\na,0,0,50,2,Gamma,0.25,1\n";
  CHECK(FactsOf(MustRead(gamma, options, kLengths), {}).gap_cv == Approx(2).epsilon(0.1));
}

TEST_CASE("lengths follow their quantiles and windows; a client without takes another's") {
  const Trace trace = MustRead(kRates, Options(), kLengths);
  const TraceFacts facts = FactsOf(trace, {});
  CHECK(facts.output.p50 == Approx(51).margin(3));
  CHECK(facts.output.max <= 101);
  for (const TraceRequest& request : trace.requests) {
    // The first arrival is at 0, not far from the window's start.
    const double at = (request.arrival - Instant()).seconds();
    if (at < 590) CHECK(request.input_tokens == 10);
    if (at > 600) CHECK(request.input_tokens == 20);
  }
}

TEST_CASE("what cannot be drawn is refused") {
  CHECK(ReadError(kRates, Options()).find("t: ServeGen's rates come without lengths") == 0);
  const auto error = [](const TraceReadOptions& options, std::string_view rates = kRates,
                        std::string_view lengths = kLengths) {
    return std::string(ReadText(rates, options, lengths).status().message());
  };
  TraceReadOptions options = Options();
  options.servegen.workload = "c";
  CHECK(error(options) == "t: c sends nothing from 0 s to 1200 s; in it: a, b");
  options.servegen.workload = "b";
  CHECK(error(options) == "lengths: no lengths of b");
  options = Options();
  options.servegen.rate_rps = 1e5;
  CHECK(error(options).find("t: 100000 requests a second for 1200 s are over 5000000") == 0);
  CHECK(error(Options(), "workload,client,t_s,rate_rps,cv,dist,p1,p2\na,0,0,1,1,Normal,1,1\n") ==
        "t:2: dist: neither Gamma nor Weibull");
  CHECK(error(Options(), kRates, "workload\na,0,0\n") == "lengths:2: 3 cells where 25 are wanted");
}

}  // namespace
}  // namespace cairn
