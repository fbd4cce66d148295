#include "deploy/cli/simulation/simulation_html.h"

#include <catch2/catch.hpp>
#include <map>
#include <regex>
#include <set>
#include <vector>

#include "deploy/cli/simulation/simulation_json.h"
#include "tests/deploy/report_fixture.h"

namespace cairn {
namespace {

bool Says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

// What stands in the report's tables for programs.
std::multiset<double> NumbersOf(const std::string& html) {
  std::multiset<double> numbers;
  const std::regex data("<data value=\"([^\"]+)\">");
  for (auto it = std::sregex_iterator(html.begin(), html.end(), data); it != std::sregex_iterator();
       ++it) {
    numbers.insert(std::stod((*it)[1]));
  }
  return numbers;
}

TEST_CASE("the numbers of the page are those of the JSON") {
  const SimulationReport report = ReportFixture();
  const nlohmann::ordered_json json = ToJson(report);
  const std::multiset<double> shown = NumbersOf(ToHtml(report));
  size_t compared = 0;
  const auto is_shown = [&](double number) {
    INFO(number);
    CHECK(shown.contains(number));
    ++compared;
  };
  for (const auto& policy : json["policies"]) {
    for (const char* name : {"goodput", "goodput_min", "goodput_max"}) is_shown(policy[name]);
    for (const auto& rate : policy["rates"]) {
      is_shown(rate["rate"]);
      is_shown(rate["attainment"]);
      double ttft = 0, hits = 0;
      for (const auto& seed : rate["seeds"]) {
        ttft += seed["ttft"]["p90_s"].get<double>();
        hits += seed["hit_share"].get<double>();
      }
      is_shown(ttft / 2);
      is_shown(hits / 2);
    }
  }
  CHECK(compared == 22);
  // And nothing is shown that is not a number of the report.
  CHECK(shown.size() == 2 * 4 + 4 * 14);
}

TEST_CASE("classes, tenants and roles have sections where there are several, and none otherwise") {
  const std::string plain = ToHtml(ReportFixture());
  for (const char* title : {"Latency classes", "Tenants", "Workers by role"}) {
    CHECK_FALSE(Says(plain, title));
  }
  const std::string html = ToHtml(GroupedReportFixture());
  CHECK(Says(html, "<h2>Latency classes</h2>"));
  CHECK(Says(html, "interactive: within its targets"));
  CHECK(Says(html, "interactive: TTFT"));
  CHECK_FALSE(Says(html, "batch: TPOT"));  // nothing to draw
  CHECK(Says(html, "within the targets (those of each request&#39;s class)"));
  CHECK(Says(html, "<h2>Tenants</h2>"));
  CHECK(Says(html, "13 others"));
  CHECK(Says(html, "4 tenants with less work are in the JSON"));
  CHECK(html.find("tenant t3") < html.find("tenant t0"));  // who had the most work is first
  CHECK(Says(html, "<h2>Workers by role</h2>"));
  CHECK(Says(html, "prefill-heavy workers: busy"));
  const std::multiset<double> shown = NumbersOf(html);
  CHECK(shown.count(0.625) >= 4);    // of the interactive, the mean of two seeds; hits
  CHECK(shown.count(0.96875) >= 2);  // the decode-heavy workers' busy share of either policy
  CHECK(shown.count(90) == 2 * 2);   // handed on and taken over
}

TEST_CASE("what was fetched is a column where something was") {
  SimulationReport report = ReportFixture();
  CHECK_FALSE(Says(ToHtml(report), "<th>fetched</th>"));
  for (PolicyReport& policy : report.policies) {
    policy.rates[0].seeds[0].summary.fetched_tokens = 125;
  }
  const std::string html = ToHtml(report);
  CHECK(Says(html, "<th>fetched</th>"));
  CHECK(NumbersOf(html).count(0.0625) == 2);  // of two seeds one fetched an eighth
}

TEST_CASE("the page fetches nothing and needs no script") {
  SimulationReport report = ReportFixture();
  report.history.push_back("read https://example.com/trace");
  const std::string html = ToHtml(report);
  for (const char* word : {"<script", "<link", "<img", "<iframe", "@import",
                           "src=", "href=", "url(", "xlink", "onload"}) {
    INFO(word);
    CHECK_FALSE(Says(html, word));
  }
}

TEST_CASE("names of files and policies cannot break out of the page") {
  SimulationReport report = ReportFixture();
  const std::string evil = "\"><script>alert('1')</script>&\xff";
  report.trace = report.command = report.cluster = report.profile.name = report.profile.source =
      report.version = report.history[0] = report.configuration[0].second = evil;
  report.policies[0].policy = evil;
  report.events = {{.at = Instant() + Seconds(1), .text = "1s:kill:" + evil}};
  const std::string html = ToHtml(report);
  CHECK_FALSE(Says(html, "<script"));
  CHECK_FALSE(Says(html, "alert('1')"));
  CHECK_FALSE(Says(html, "\xff"));
  CHECK(Says(html, "&lt;script&gt;"));
}

TEST_CASE("it says that it is simulated, what it found, and how to repeat it") {
  const std::string html = ToHtml(ReportFixture());
  CHECK(Says(html, "Everything on this page is simulated, not measured"));
  CHECK(Says(html, "dual-hash carries 12 requests/s with 90 % of them within the targets"));
  CHECK_FALSE(Says(html, "above the work bound"));
  CHECK(Says(html, "cairn simulate conversation.jsonl --workers 2"));
  CHECK(Says(html, "sha256 0123"));
  CHECK(Says(html, "somewhere"));
  CHECK(Says(html, "cairn 0.0 (test)"));
}

TEST_CASE("a goodput that only a short trace has is not passed off as the cluster's") {
  SimulationReport report = ReportFixture();
  report.bounds.work_rps = 11;
  CHECK(Says(ToHtml(report), "That is above the work bound of 11: the trace ends before"));
}

TEST_CASE("tags are closed in the order in which they were opened") {
  SimulationReport report = GroupedReportFixture();
  report.events = {{.at = Instant() + Seconds(1), .text = "1s:kill:0"}};
  const std::string html = ToHtml(report);
  const std::set<std::string> alone = {"meta", "!doctype"};
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z!0-9]+)([^<>]*?)(/?)>");
  for (auto it = std::sregex_iterator(html.begin(), html.end(), tag); it != std::sregex_iterator();
       ++it) {
    const std::string name = (*it)[2];
    if (alone.contains(name) || (*it)[4] == "/") continue;
    if ((*it)[1] != "/") {
      open.push_back(name);
      continue;
    }
    REQUIRE_FALSE(open.empty());
    REQUIRE(open.back() == name);
    open.pop_back();
  }
  CHECK(open.empty());
}

TEST_CASE("a report of one run and a report of a plan have what they need and nothing else") {
  SimulationReport report = ReportFixture();
  report.policies.resize(1);
  report.policies[0].searched.clear();
  report.policies[0].rates.resize(1);
  std::string html = ToHtml(report);
  CHECK(Says(html, "At 8 requests/s dual-hash keeps 96.9 % of requests within the targets"));
  CHECK_FALSE(Says(html, "Latency against load"));

  report.policies.clear();
  report.plan =
      CapacityPlan{.capacity = {.workers = 3, .trials = {{2, {0.8, 0.95}}, {3, {1, 0.9}}}},
                   .rate = 7,
                   .gpus = 2,
                   .sizes = {{3, {.rate = 7, .seeds = {RunWith(1, 7, 1, 100)}}}},
                   .headroom = {GoodputWith(1, 8.4), GoodputWith(2, 9)},
                   .overload_rate = 9.57,
                   .what_ifs = {{"as it is", {0.7, 0.7, 0.7}, {0.5, 0.5, 0.5}},
                                {"faster", {0.9, 0.9, 0.9}, {0.5, 0.5, 0.5}},
                                {"larger", {0.7, 0.7, 0.7}, {0.5, 0.5, 0.5}}}};
  html = ToHtml(report);
  CHECK(Says(html, "3 workers keep the targets"));
  CHECK(Says(html, "with 20 % headroom"));
  CHECK(Says(html, "compute: faster steps help most"));
  CHECK_FALSE(Says(html, "Latency classes"));

  AddGroups(report.plan->sizes[0].second.seeds[0], 0.5);
  html = ToHtml(report);
  CHECK(Says(html, "Latency classes"));
  CHECK(Says(html, "<th>role</th><th>workers</th>"));
}

}  // namespace
}  // namespace cairn
